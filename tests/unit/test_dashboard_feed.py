"""The feed's connection: what comes is handed on, and what is lost comes back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from realtime_ser.dashboard.calls import parse_call
from realtime_ser.dashboard.feed import DELAYS, Feed, FeedRefusedError, LinkError, listening
from realtime_ser.dashboard.lines import floor_lines
from realtime_ser.dashboard.link import checked_address, feed_of, read_token
from realtime_ser.errors import ConfigError, DataError, RealtimeSerError
from realtime_ser.testing import ManualClock
from tests.floors import (
    FloorServer,
    Message,
    ScriptedFeed,
    busy_floor,
    history,
    make_alert,
    make_stream,
    snapshot,
    update,
)
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from realtime_ser.dashboard.fields import Record


class Pauses:
    """Pauses that last until the test lets the time pass."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.lengths: list[float] = []
        self._over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.lengths.append(seconds)
        self._over.clear()
        await self._over.wait()

    def end(self) -> None:
        self.clock.advance(self.lengths[-1])
        self._over.set()


class Taker:
    """Keeps what it is handed."""

    def __init__(self) -> None:
        self.taken: list[Record] = []
        self.over = False

    def __call__(self, message: Record) -> bool:
        if message.get("type") == "bad":
            raise DataError("the server's feed cannot be read: bad")
        self.taken.append(message)
        return self.over


async def settle() -> None:
    """Let everything happen that does not wait for the test."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_messages_are_handed_on() -> None:
    script, taker = ScriptedFeed([snapshot()]), Taker()
    feed = Feed(script.connect(), taker, ManualClock())
    assert (feed.connected, feed.words) == (False, "")
    async with listening(feed):
        await settle()
        script.say(update())
        await settle()
        assert [message["type"] for message in taker.taken] == ["snapshot", "update"]
        assert (feed.connected, feed.words) == (True, "")
    assert feed.over
    assert (script.opened, script.closed) == (1, 1)


async def test_a_lost_connection_is_said_and_comes_back() -> None:
    pauses, taker = Pauses(), Taker()
    script = ScriptedFeed([snapshot()], LinkError("cannot reach there"), [snapshot()])
    feed = Feed(script.connect(), taker, pauses.clock, pauses)
    async with listening(feed):
        await settle()
        script.cut(LinkError("connection lost"))
        await settle()
        assert not feed.connected
        assert feed.words == "connection lost, trying again in 1 s"
        pauses.end()
        await settle()
        assert feed.words == "cannot reach there, trying again in 2 s"
        pauses.clock.advance(0.5)
        assert feed.words == "cannot reach there, trying again in 2 s"
        pauses.clock.advance(1.0)
        assert feed.words == "cannot reach there, trying again in 1 s"
        pauses.end()
        await settle()
        assert (feed.connected, feed.words, len(taker.taken)) == (True, "", 2)
        script.cut()  # in order: a server that is started anew
        await settle()
        assert feed.words == "connection lost, trying again in 1 s"
    assert pauses.lengths == [1.0, 2.0, 1.0]


async def test_pauses_grow_up_to_a_limit() -> None:
    pauses = Pauses()
    feed = Feed(ScriptedFeed().connect(), Taker(), pauses.clock, pauses)
    async with listening(feed):
        for _ in range(len(DELAYS) + 2):
            await settle()
            pauses.end()
    assert pauses.lengths[: len(DELAYS)] == list(DELAYS)
    assert set(pauses.lengths[len(DELAYS) :]) == {DELAYS[-1]}


@pytest.mark.parametrize("text", ["{", "[]", "3", "[" * 100_000, '{"type":"bad"}'])
async def test_what_cannot_be_read_is_said_and_tried_again(text: str) -> None:
    pauses, taker = Pauses(), Taker()
    script = ScriptedFeed([text, snapshot()], [snapshot()])
    feed = Feed(script.connect(), taker, pauses.clock, pauses)
    async with listening(feed):
        await settle()
        assert feed.words.startswith("the server's feed cannot be read: ")
        assert feed.words.endswith(", trying again in 1 s")
        pauses.end()
        await settle()
        assert feed.connected


async def test_a_refusal_is_final() -> None:
    pauses = Pauses()
    feed = Feed(ScriptedFeed(FeedRefusedError("no")).connect(), Taker(), pauses.clock, pauses)
    await feed.run()
    assert (feed.over, feed.refusal, feed.words, pauses.lengths) == (True, "no", "no", [])


async def test_an_error_of_the_server_is_a_refusal_in_its_words() -> None:
    said: Message = {"type": "error", "code": "unknown", "message": "no call\n\x1b[2J of that name"}
    feed = Feed(ScriptedFeed([said]).connect(), Taker(), ManualClock())
    await feed.run()
    assert feed.words == "the server refuses: no call [2J of that name"


async def test_a_server_that_ends_or_is_full_is_tried_again() -> None:
    pauses, taker = Pauses(), Taker()
    ending: Message = {"type": "error", "code": "ending", "message": "the server is ending"}
    script = ScriptedFeed([snapshot(), ending], [snapshot()])
    feed = Feed(script.connect(), taker, pauses.clock, pauses)
    async with listening(feed):
        await settle()
        assert feed.words == "the server refuses: the server is ending, trying again in 1 s"
        pauses.end()
        await settle()
        assert feed.connected


async def test_it_ends_when_nothing_more_will_come() -> None:
    script, taker = ScriptedFeed([history(make_stream())]), Taker()
    taker.over = True
    feed = Feed(script.connect(), taker, ManualClock())
    await feed.run()
    assert (feed.over, feed.words, script.closed) == (True, "", 1)


async def test_what_breaks_the_feed_is_raised() -> None:
    def broken(_: Record) -> bool:
        raise KeyError("a fault of ours")

    feed = Feed(ScriptedFeed([snapshot()]).connect(), broken, ManualClock())

    async def listen() -> None:
        async with listening(feed):
            await settle()
            assert feed.over

    with pytest.raises(KeyError):
        await listen()


async def test_against_a_real_server() -> None:
    server = FloorServer(*busy_floor(200), token="sesame")
    heard: asyncio.Queue[Record] = asyncio.Queue()

    def take(message: Record) -> bool:
        heard.put_nowait(message)
        return False

    async with server.running() as address:
        feed = Feed(feed_of(address, "sesame"), take, ManualClock())
        async with listening(feed):
            first = await asyncio.wait_for(heard.get(), 30)
            assert (first["type"], len(first["streams"])) == ("snapshot", 200)
            await server.tell(update(ended=[["call-4200", 0]]))
            second = await asyncio.wait_for(heard.get(), 30)
            assert (second["type"], feed.connected) == ("update", True)
        stranger = Feed(feed_of(address, None), take, ManualClock())
        await stranger.run()
        assert "REALTIME_SER_TOKEN or with --token-file" in stranger.refusal
        missing = Feed(feed_of(address, "sesame", ("call 1&x=1", 7)), take, ManualClock())
        await missing.run()
        assert missing.refusal == "the server knows nothing of this call any more"
        assert server.asked[-1] == "/v1/feed?stream=call+1%26x%3D1&channel=7"
        elsewhere = Feed(feed_of(f"{address}/there", "sesame"), take, ManualClock())
        await elsewhere.run()
        assert "has no such feed" in elsewhere.refusal


async def test_a_real_server_that_ends_and_comes_back() -> None:
    pauses, server = Pauses(), FloorServer(make_stream())
    there = asyncio.Event()

    def take(_: Record) -> bool:
        there.set()
        return False

    async with server.running() as address:
        feed = Feed(feed_of(address, None), take, pauses.clock, pauses)
        task = asyncio.create_task(feed.run())
        await asyncio.wait_for(there.wait(), 30)
    await until(lambda: feed.words == "connection lost, trying again in 1 s")
    pauses.end()
    await until(lambda: len(pauses.lengths) == 2)
    assert feed.words == f"cannot reach {address} (connection refused), trying again in 2 s"
    there.clear()
    async with server.running(server.port):
        pauses.end()
        await asyncio.wait_for(there.wait(), 30)
        task.cancel()
        await asyncio.wait([task])


async def test_a_name_with_several_addresses_is_refused_in_one_line() -> None:
    with pytest.raises(RealtimeSerError, match=r"cannot reach .* \(connection refused\)$"):
        await floor_lines(feed_of("http://localhost:1", None), ManualClock())


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("127.0.0.1:8765", "not an address like"),
        ("ftp://there", "not an address like"),
        ("http://", "not an address like"),
        ("http://there:99999", "not an address like"),
        ("http://[", "not an address like"),
        ("http://a b", "not an address like"),
        ("http://a..b", "not an address like"),
        ("http://" + 70 * "a", "not an address like"),
        ("http://there/?token=x", "a token comes from REALTIME_SER_TOKEN"),
        ("http://me:secret@there", "a token comes from REALTIME_SER_TOKEN"),
    ],
)
def test_addresses_that_are_none(url: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        checked_address(url)
    assert "secret" not in str(raised.value)


def test_an_address_loses_its_last_slash() -> None:
    assert checked_address("https://there.example/ser/") == "https://there.example/ser"


def test_the_token_comes_from_the_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REALTIME_SER_TOKEN", raising=False)
    assert read_token(None) is None
    monkeypatch.setenv("REALTIME_SER_TOKEN", "of-environment")
    assert read_token(None) == "of-environment"
    file = tmp_path / "token"
    file.write_text("of-file\n")
    assert read_token(file) == "of-file"
    for content in (b"", b"two words", b"a\r\nHost: x", "tökn".encode(), b"\xff"):
        file.write_bytes(content)
        with pytest.raises(ConfigError, match="token"):
            read_token(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_token(tmp_path / "none")


async def test_lines_of_the_floor() -> None:
    angry = make_stream("loud\x1b", emotion="angry", alert=make_alert(70.0), alerts=1, negative=65)
    script = ScriptedFeed([snapshot(make_stream(), angry, make_stream("done", state="ended"))])
    lines = await floor_lines(script.connect(), ManualClock())
    assert lines[0] == ("# calls 3/200, speaking 2, load 31 %, hop 0.5 s, dropped 0.0 s, refused 0")
    assert lines[1] == "# now: angry 10 %, neutral 60 %, sad 5 %"
    loud, calm, done = lines[3:]
    assert " ".join(loud.split()) == "loud 0 customer 1:40 angry 0.71 1:05 long-anger 0:30 ago"
    assert " ".join(calm.split()) == "call-42 0 customer 1:40 neutral 0.71 0:00 -"
    assert done.split()[4:6] == ["ended", "-"]


@pytest.mark.parametrize("first", [LinkError("nobody there"), FeedRefusedError("no"), ["{"]])
async def test_no_lines_where_there_is_no_floor(first: Any) -> None:
    with pytest.raises(RealtimeSerError) as raised:
        await floor_lines(ScriptedFeed(first).connect(), ManualClock())
    assert "\n" not in str(raised.value)
    assert str(raised.value)


def test_the_fakes_keep_the_contract() -> None:
    assert len({parse_call(stream).key for stream in busy_floor(200)}) == 200
