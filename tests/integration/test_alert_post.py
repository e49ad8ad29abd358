"""Alerts over real sockets, to a server on this machine."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from realtime_ser.alerts.address import Address, parse_address
from realtime_ser.alerts.post import HttpPost, UnreachableError
from realtime_ser.alerts.webhook import webhook_of
from realtime_ser.clock import SystemClock
from realtime_ser.config import AlertConfig
from tests.receiver import Receiver, receiving
from tests.rows import make_row
from tests.waiting import wait_until

DOCS = Path(__file__).resolve().parents[2] / "docs" / "alerts.md"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def test_an_alert_arrives_and_the_documented_check_accepts_it(
    receiver: Receiver, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef0123456789abcdef\n")
    settings = AlertConfig(
        rules=("loud: angry >= 0.6 for 5 s",),
        webhook=receiver.url("/hook?token=x"),
        secret_file=str(secret),
    )
    sink = webhook_of(settings, SystemClock())
    assert sink is not None
    sink.open()
    with closing(sink):
        sink.write(make_row(kind="alert", flags=("derived", "alert:loud"), stream="Müller"))
        wait_until(lambda: sink.delivered == 1, 10, "the delivery")
    ((path, headers, body),) = receiver.came
    assert path == "/hook?token=x"
    content = json.loads(body)
    assert (content["alert"], content["rule"]) == ("loud", "angry >= 0.6 for 5 s")
    assert content["stream"] == "Müller"
    names: dict[str, object] = {}
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    exec(code, names)
    is_ours = names["is_ours"]
    assert callable(is_ours)
    assert is_ours(headers, body, b"0123456789abcdef0123456789abcdef")
    assert not is_ours(headers, body + b" ", b"0123456789abcdef0123456789abcdef")
    assert not is_ours(headers, body, b"fedcba9876543210fedcba9876543210")
    old = headers | {"X-Realtime-Ser-Timestamp": "1000000000"}
    assert not is_ours(old, body, b"0123456789abcdef0123456789abcdef")


def test_redirects_are_answers_and_not_followed(receiver: Receiver) -> None:
    answer = HttpPost(parse_address(receiver.url("/moved"))).send(b"{}", {})
    assert answer.status == 307
    assert [path for path, *_ in receiver.came] == ["/moved"]


def test_the_wish_for_time_is_read(receiver: Receiver) -> None:
    answer = HttpPost(parse_address(receiver.url("/busy"))).send(b"{}", {})
    assert (answer.status, answer.retry_after) == (503, "7")


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UnreachableError, match=r"cannot be reached \(Connection refused\)"):
        HttpPost(Address("http", "127.0.0.1", port, "/")).send(b"{}", {})


def test_no_such_host() -> None:
    host = "x" * 70 + ".invalid"  # longer than any name service would be asked for
    with pytest.raises(UnreachableError, match="cannot be found"):
        HttpPost(Address("http", host, 80, "/")).send(b"{}", {})


def test_silence_ends_in_time_and_on_demand() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = Address("http", "127.0.0.1", server.getsockname()[1], "/")
        with pytest.raises(UnreachableError, match="does not answer in time"):
            HttpPost(address, timeout=0.1).send(b"{}", {})
        post = HttpPost(address, timeout=60.0)
        outcome: list[str] = []

        def send() -> None:
            try:
                post.send(b"{}", {})
            except UnreachableError as error:
                outcome.append(str(error))

        sender = threading.Thread(target=send)
        sender.start()
        accepted = [server.accept()[0] for _ in range(2)]
        accepted[1].recv(10)
        post.cancel()
        sender.join(10.0)
        for each in accepted:
            each.close()
    assert not sender.is_alive()
    assert len(outcome) == 1
    with pytest.raises(UnreachableError, match="the session has ended"):
        post.send(b"{}", {})


def test_a_dribble_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = Address("http", "127.0.0.1", server.getsockname()[1], "/")

        def dribble() -> None:
            with server.accept()[0] as connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while True:
                    connection.sendall(b"X: y\r\n")
                    time.sleep(0.05)

        dribbler = threading.Thread(target=dribble)
        dribbler.start()
        with pytest.raises(UnreachableError, match="does not answer in time"):
            HttpPost(address, timeout=5.0, longest=0.3).send(b"{}", {})
        dribbler.join(10.0)
    assert not dribbler.is_alive()


def test_what_is_no_web_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = Address("http", "127.0.0.1", server.getsockname()[1], "/")

        def talk() -> None:
            with server.accept()[0] as connection:
                connection.recv(65_536)
                connection.sendall(b"220 mail.example.com ESMTP\r\n")

        talker = threading.Thread(target=talk)
        talker.start()
        with pytest.raises(UnreachableError, match="does not speak HTTP"):
            HttpPost(address).send(b"{}", {})
        talker.join()


def test_tls_to_what_does_not_speak_it(receiver: Receiver) -> None:
    address = Address("https", "127.0.0.1", receiver.server_port, "/")
    with pytest.raises(UnreachableError, match="cannot be reached"):
        HttpPost(address).send(b"{}", {})
