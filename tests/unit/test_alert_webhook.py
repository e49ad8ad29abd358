"""What is posted when, with a receiver that follows a script and a clock that tests move."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from realtime_ser.alerts.post import Answer, UnreachableError
from realtime_ser.alerts.signing import ID, SIGNATURE, TIMESTAMP, read_secret, signature
from realtime_ser.alerts.webhook import ATTEMPTS, WAITING, WebhookSink, webhook_of
from realtime_ser.config import AlertConfig
from realtime_ser.errors import ConfigError
from realtime_ser.sinks.row_format import to_record
from realtime_ser.testing import ManualClock
from realtime_ser.types import TimelineRow
from tests.rows import make_row
from tests.waiting import wait_until

SECRET = b"a secret of some length"
FINE = Answer(204)
BUSY = Answer(503, "Service Unavailable")


class ScriptedPost:
    """Answers by a script, then that all is fine; remembers what came, and when."""

    def __init__(
        self, clock: ManualClock, script: Sequence[Answer | UnreachableError] = ()
    ) -> None:
        self.came: list[tuple[float, bytes, dict[str, str]]] = []
        self.cancelled = False
        self.gate = threading.Event()
        """Nobody is answered before it is set."""
        self.gate.set()
        self._clock = clock
        self._script = iter(script)

    def send(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.came.append((self._clock.monotonic(), body, dict(headers)))
        assert self.gate.wait(30.0)
        if self.cancelled:
            raise UnreachableError("was not asked")
        answer = next(self._script, FINE)
        if isinstance(answer, UnreachableError):
            raise answer
        return answer

    def cancel(self) -> None:
        self.cancelled = True
        self.gate.set()

    @property
    def times(self) -> list[float]:
        return [time for time, _, _ in self.came]


def alert(name: str = "loud", **changes: object) -> TimelineRow:
    return make_row(kind="alert", flags=("derived", f"alert:{name}"), **changes)


@contextmanager
def webhook(
    *script: Answer | UnreachableError, chance: float = 0.0
) -> Iterator[tuple[WebhookSink, ScriptedPost]]:
    clock = ManualClock(automatic=True)
    post = ScriptedPost(clock, script)
    sink = WebhookSink(
        "example.com", post, SECRET, {"loud": "angry >= 0.6 for 5 s"}, clock, chance=lambda: chance
    )
    sink.check()
    sink.open()
    with closing(sink):
        yield sink, post
        post.gate.set()


def test_an_alert_is_posted_with_its_rule_and_a_signature() -> None:
    row = alert(stream="Müller")
    with webhook() as (sink, post):
        sink.write(row)
        wait_until(lambda: sink.delivered == 1, 10, "the delivery")
    ((_, body, headers),) = post.came
    content = json.loads(body)
    assert content.pop("id") == headers[ID]
    assert (content.pop("alert"), content.pop("rule")) == ("loud", "angry >= 0.6 for 5 s")
    assert content == to_record(row)
    assert headers["Content-Type"] == "application/json"
    assert headers[SIGNATURE] == signature(SECRET, headers[TIMESTAMP], body)
    assert headers[TIMESTAMP] == "1767225600"  # 2026-01-01
    assert (sink.trouble, sink.lost, sink.verdict()) == (None, 0, None)


def test_a_signature_holds_for_one_body_one_time_and_one_secret() -> None:
    right = signature(SECRET, "1767225600", b"{}")
    others = {
        signature(SECRET, "1767225601", b"{}"),
        signature(SECRET, "1767225600", b"{ }"),
        signature(SECRET + b"!", "1767225600", b"{}"),
    }
    assert len(others) == 3
    assert right not in others


def test_rows_that_are_no_alerts_of_rules_are_not_sent() -> None:
    with webhook() as (sink, post):
        sink.write(make_row())
        sink.write(make_row(kind="utterance"))
        sink.write(make_row(kind="alert", flags=("derived", "mark:3.0:note")))
        sink.write(alert())
        wait_until(lambda: sink.delivered == 1, 10, "the delivery")
    assert len(post.came) == 1


@pytest.mark.parametrize("failure", [BUSY, Answer(429), Answer(408), UnreachableError("is away")])
def test_failures_are_tried_again_ever_later_under_one_id(
    failure: Answer | UnreachableError,
) -> None:
    with webhook(*[failure] * 4) as (sink, post):
        sink.write(alert())
        wait_until(lambda: sink.delivered == 1, 10, "the delivery")
        assert sink.trouble is None
    assert post.times == [0.0, 1.0, 3.0, 7.0, 15.0]
    assert len({headers[ID] for *_, headers in post.came}) == 1
    # Each attempt is signed anew: its timestamp is what receivers check the age by.
    assert [int(headers[TIMESTAMP]) - 1767225600 for *_, headers in post.came] == [0, 1, 3, 7, 15]
    for _, body, headers in post.came:
        assert headers[SIGNATURE] == signature(SECRET, headers[TIMESTAMP], body)


def test_chance_spreads_the_waits() -> None:
    with webhook(BUSY, BUSY, chance=1.0) as (sink, post):
        sink.write(alert())
        wait_until(lambda: sink.delivered == 1, 10, "the delivery")
    assert post.times == [0.0, 0.5, 1.5]


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        ("30", 30.0),
        ("0", 1.0),
        ("86400", 300.0),
        ("Thu, 01 Jan 2026 00:00:20 GMT", 20.0),
        ("Thu, 01 Jan 2026 00:00:20 -0000", 20.0),
        ("Wed, 31 Dec 2025 00:00:20 GMT", 1.0),
        ("soon", 1.0),
        ("9" * 5000, 300.0),
        ("Wed, 31 Dec 99999999999999999999 00:00:20 GMT", 1.0),
    ],
)
def test_a_receiver_can_ask_for_time(asked: str, wait: float) -> None:
    with webhook(Answer(503, "", asked)) as (sink, post):
        sink.write(alert())
        wait_until(lambda: sink.delivered == 1, 10, "the delivery")
    assert post.times == [0.0, wait]


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 410])
def test_a_refusal_is_not_tried_again(status: int) -> None:
    with webhook(Answer(status, "No\x1b[2J way")) as (sink, post):
        sink.write(alert())
        wait_until(lambda: sink.lost == 1, 10, "the loss")
        assert sink.trouble is not None
        assert sink.trouble.startswith(f"alerts.webhook: example.com says {status} No[2J way; ")
        assert ("redirects are not followed" in sink.trouble) == (status < 400)
        sink.write(alert())
        wait_until(lambda: sink.delivered == 1, 10, "the next one")
        assert sink.trouble is None
    assert len(post.came) == 2
    assert sink.verdict() == (
        "alerts.webhook: 1 of 2 alerts were not delivered to example.com; the timeline has them all"
    )


def test_it_gives_up_in_the_end_and_goes_on_with_the_next() -> None:
    with webhook(*[UnreachableError("is away")] * ATTEMPTS) as (sink, post):
        sink.write(alert("one"))
        sink.write(alert("two"))
        wait_until(lambda: sink.delivered == 1, 10, "the second")
        assert sink.lost == 1
    assert post.times[:ATTEMPTS] == [0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 63.0, 123.0]
    names = [json.loads(body)["alert"] for _, body, _ in post.came]
    assert names == ["one"] * ATTEMPTS + ["two"]
    assert json.loads(post.came[-1][1])["rule"] is None


def test_nobody_waits_for_it_and_the_oldest_go_when_too_many_wait() -> None:
    with webhook() as (sink, post):
        post.gate.clear()
        sink.write(alert("first"))
        wait_until(lambda: post.came, 10, "the first attempt")
        for number in range(WAITING + 3):
            sink.write(alert(f"n{number}"))
        assert sink.lost == 3
        post.gate.set()
        wait_until(lambda: sink.delivered == WAITING + 1, 10, "all that waited")
    names = [json.loads(body)["alert"] for _, body, _ in post.came]
    assert names == ["first", *(f"n{number}" for number in range(3, WAITING + 3))]


def test_the_end_tries_what_waits_once_more_and_without_waits() -> None:
    with webhook(*[BUSY] * 3) as (sink, post):
        post.gate.clear()
        sink.write(alert("one"))
        sink.write(alert("two"))
        wait_until(lambda: post.came, 10, "the first attempt")
        closer = threading.Thread(target=sink.close)
        closer.start()
        wait_until(sink._ending.is_set, 10, "the end")
        post.gate.set()
        closer.join(10.0)
        assert not closer.is_alive()
    names = [json.loads(body)["alert"] for _, body, _ in post.came]
    assert names == ["one", "one", "two"]
    assert (sink.lost, sink.delivered) == (2, 0)
    sink.close()


def test_what_is_not_tried_in_time_is_counted() -> None:
    clock = ManualClock()
    post = ScriptedPost(clock)
    sink = WebhookSink("example.com", post, SECRET, {}, clock)
    sink.open()
    post.gate.clear()
    for _ in range(3):
        sink.write(alert())
    wait_until(lambda: post.came, 10, "the first attempt")
    closer = threading.Thread(target=sink.close)
    closer.start()
    wait_until(sink._ending.is_set, 10, "the end")
    clock.advance(5.0)
    post.gate.set()
    closer.join(10.0)
    assert len(post.came) == 1
    assert (sink.delivered, sink.lost) == (1, 2)


def test_closed_without_having_been_open() -> None:
    clock = ManualClock()
    WebhookSink("example.com", ScriptedPost(clock), SECRET, {}, clock).close()


def test_the_settings_make_one(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    clock = ManualClock()
    assert webhook_of(AlertConfig(), clock) is None
    alerts = AlertConfig(webhook="https://example.com/hook", secret_file=str(file))
    with pytest.raises(ConfigError, match="cannot be read"):
        webhook_of(alerts, clock)
    file.write_bytes(b"short\n")
    with pytest.raises(ConfigError, match="has 5 bytes; a secret has 16 to 4096"):
        webhook_of(alerts, clock)
    file.write_bytes(SECRET + b"\r\n")
    assert read_secret(str(file)) == SECRET
    assert webhook_of(alerts, clock) is not None
