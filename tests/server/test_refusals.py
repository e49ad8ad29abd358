"""What the server does not put up with, on a real connection."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket as sockets
import ssl
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from websockets.exceptions import InvalidStatus

from realtime_ser.client import Client, ServerError
from realtime_ser.engine.line import Listener, StreamInput
from realtime_ser.errors import SinkError
from realtime_ser.server import calls, protocol
from realtime_ser.server.auth import Rules
from realtime_ser.server.listening import check_tls
from realtime_ser.server.run import Tls
from realtime_ser.sinks.csv import CsvSink
from realtime_ser.testing import CollectSink
from realtime_ser.types import TimelineRow
from tests.server.serving import PATIENCE, START, Talk, listen_to, serving, settings, spoken, until

TOKEN = "0123456789abcdef-secret"


async def said(stage: object, *messages: str | bytes) -> Talk:
    async with stage.socket() as socket:  # type: ignore[attr-defined]
        for message in messages:
            await socket.send(message)
        return await listen_to(socket)


NONSENSE: list[tuple[list[str | bytes], str, int]] = [
    ([b"\0" * 160], "malformed", 1003),
    (["hello"], "malformed", 1003),
    (["[" * 5000], "malformed", 1003),
    (['{"type":"start","sample_rate":8000}'], "malformed", 1003),
    (["{" + " " * 20_000 + "}"], "too_big", 1009),
    ([json.dumps(START), "what?"], "malformed", 1003),
    ([json.dumps(START), b"\0" * 300_000], "too_big", 1009),
    (
        [json.dumps(START | {"encoding": "f32le"}), np.array([0, np.nan], "<f4").tobytes()],
        "audio",
        1003,
    ),
]


async def test_nonsense_is_told_in_one_line() -> None:
    async with serving() as stage:
        for messages, code, close in NONSENSE:
            talk = await said(stage, *messages)
            assert (talk.error, talk.code, talk.reason) == (code, close, code), messages
        assert (await stage.call(spoken(1.0))).of("utterance")  # nobody else minds


async def test_far_too_much_is_not_even_read() -> None:
    async with serving() as stage:
        async with stage.socket() as socket:
            await socket.send(json.dumps(START))
            await socket.send(b"\0" * 2_000_000)
            talk = await listen_to(socket)
        assert talk.code == 1009
        await until(lambda: stage.floor.health().streams == 0)


async def test_bad_audio_ends_the_call_but_not_its_timeline(tmp_path: Path) -> None:
    async with serving(folder=tmp_path) as stage:
        voice = np.frombuffer(spoken(1.3, pause=0.0), np.uint8)
        samples = (voice.astype("<f4") - 128) / 256
        talk = await said(
            stage,
            json.dumps(START | {"encoding": "f32le"}),
            samples.tobytes(),
            np.full(100, np.inf, "<f4").tobytes(),
        )
        (end,) = talk.of("end")
        assert end["reason"] == "audio"
        assert end["received"] == len(samples) / 8000


async def test_no_two_calls_of_one_name_at_once() -> None:
    async with serving() as stage, stage.socket() as first:
        await first.send(json.dumps(START | {"stream": "a"}))
        await first.recv()
        talk = await said(stage, json.dumps(START | {"stream": "a"}))
        assert (talk.error, talk.code) == ("duplicate", 1013)
        await first.send('{"type":"stop"}')
        await listen_to(first)
        assert (await stage.call(spoken(0.5), stream="a")).code == 1000


async def test_a_full_floor_refuses_and_leaves_no_file(tmp_path: Path) -> None:
    async with serving(folder=tmp_path, max_streams=2) as stage, stage.socket() as first:
        await first.send(json.dumps(START | {"stream": "a", "channels": 2}))
        await first.recv()
        talk = await said(stage, json.dumps(START | {"stream": "b"}))
        assert (talk.error, talk.code) == ("full", 1013)
        assert [name.partition("@")[0] for name in stage.rows()] == ["a"]
    async with serving(folder=tmp_path / "none", max_streams=2) as stage:
        (tmp_path / "none").mkdir()
        talk = await said(stage, json.dumps(START | {"stream": "c", "channels": 3}))
        assert (talk.error, talk.code) == ("full", 1013)
        assert stage.rows() == {}
        await until(lambda: stage.floor.health().streams == 0)
        assert (await stage.call(spoken(0.5), channels=2)).code == 1000  # the seats are free again


async def test_a_client_has_so_many_streams() -> None:
    async with serving(settings(streams_a_client=2)) as stage, stage.socket() as first:
        await first.send(json.dumps(START | {"channels": 2}))
        await first.recv()
        talk = await said(stage, json.dumps(START))
        assert (talk.error, talk.code) == ("too_many", 1008)
        status, text = await stage.get("/metrics")
        assert status == 200
        assert 'realtime_ser_refused_total{reason="too_many"} 1.0' in text


async def test_silence_on_the_line_ends_a_call() -> None:
    async with serving(settings(idle=0.2)) as stage:
        async with stage.socket() as socket:
            await socket.send(json.dumps(START))
            await socket.send(spoken(1.0, pause=0.0))
            talk = await listen_to(socket)
        assert (talk.error, talk.code) == ("idle", 1008)
        assert len(talk.of("utterance")) == 1
        assert talk.of("end")[0]["reason"] == "idle"


async def test_a_client_that_does_not_read_costs_the_others_nothing(tmp_path: Path) -> None:
    async with serving(folder=tmp_path) as stage:
        reader = sockets.socket()
        reader.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 2048)
        reader.setblocking(False)
        host, port = stage.url.split(":")
        loop = asyncio.get_running_loop()
        await loop.sock_connect(reader, (host, int(port)))
        feed = (
            f"GET /v1/stream HTTP/1.1\r\nHost: {stage.url}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await loop.sock_sendall(reader, feed.encode())
        await loop.sock_recv(reader, 500)
        start = json.dumps(START | {"stream": "deaf"}).encode()
        await loop.sock_sendall(reader, _frame(start, text=True))
        await until(lambda: "deaf" in {e.key[0] for e in stage.server.book})
        (entry,) = stage.server.book
        (deliver,) = [
            v._deliver for c in stage.server.board._calls.values() for v in c.voices.values()
        ]
        await loop.sock_sendall(reader, _frame(spoken(1.0, pause=0.0)))
        await until(lambda: entry.rows)
        for _ in range(20_000):  # what a talkative call would send in hours
            deliver('{"type":"window"}' + " " * 400)
            if _ % 100 == 0:
                await asyncio.sleep(0)
        talk = await stage.call(spoken(1.0))  # meanwhile
        assert talk.code == 1000
        await until(lambda: stage.floor.health().streams == 0)
        metrics = (await stage.get("/metrics"))[1]
        assert "realtime_ser_slow_clients_cut_total 1.0" in metrics
        reader.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 1 << 22)
        with contextlib.suppress(ConnectionResetError):  # the connection has been ended
            async with asyncio.timeout(PATIENCE):
                while await loop.sock_recv(reader, 1 << 16):
                    pass
        reader.close()
        deaf = next(rows for name, rows in stage.rows().items() if name.startswith("deaf@"))
        assert deaf[-1].kind == "utterance"  # its last words are there all the same


def _frame(payload: bytes, *, text: bool = False) -> bytes:
    """A masked WebSocket frame of a client."""
    head = bytes([0x81 if text else 0x82])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    else:
        head += bytes([0x80 | 126]) + struct.pack(">H", len(payload))
    return head + b"\0\0\0\0" + payload


async def test_only_holders_of_the_token_get_in(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(rules=Rules(TOKEN)) as stage:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
            with pytest.raises(InvalidStatus) as refused:
                await stage.socket(additional_headers=headers)
            assert refused.value.response.status_code == 401
            assert (await stage.get("/v1/streams", **headers))[0] == 401
            assert (await stage.get("/metrics", **headers))[0] == 401
        assert (await stage.get("/healthz"))[0] == 200
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert (await stage.get("/v1/streams", **bearer))[0] == 200
        assert (await stage.get(f"/v1/streams?token={TOKEN}"))[0] == 200
        async with stage.socket(additional_headers=bearer) as socket:
            await socket.send(json.dumps(START))
            assert json.loads(await socket.recv())["type"] == "ready"
        async with stage.socket(f"/v1/feed?token={TOKEN}") as socket:
            assert json.loads(await socket.recv())["type"] == "snapshot"
    assert caplog.messages == []  # whoever knocks does not fill the operator's log


async def test_pages_of_other_origins_are_refused() -> None:
    async with serving(rules=Rules(None, ("https://calls.example.com",))) as stage:
        for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "http://["):
            with pytest.raises(InvalidStatus) as refused:
                await stage.socket(origin=origin)
            assert refused.value.response.status_code == 403
            assert (await stage.get("/v1/streams", Origin=origin))[0] == 403
        for origin in (f"http://{stage.url}", "https://calls.example.com"):
            async with stage.socket("/v1/feed", origin=origin) as socket:
                await socket.recv()


async def test_a_foreign_name_of_this_machine_is_refused() -> None:
    async with serving() as stage:
        assert (await stage.get("/v1/streams", Host="evil.example"))[0] == 403
        assert (await stage.get("/v1/streams", Host="localhost:8765"))[0] == 200


async def test_a_full_disk_costs_rows_and_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise SinkError("call.csv: cannot be written (No space left on device); free some space")

    async with serving(folder=tmp_path) as stage, stage.socket() as socket:
        await socket.send(json.dumps(START))
        await socket.recv()
        with monkeypatch.context() as patch:
            patch.setattr(CsvSink, "write", full)
            await socket.send(spoken())
            await until(lambda: stage.floor.health().rows >= 4)
            status, text = await stage.get("/healthz")
            assert (status, "cannot be written" in text) == (503, True)
        await socket.send(spoken())
        await socket.send('{"type":"stop"}')
        talk = await listen_to(socket)
        (end,) = talk.of("end")
        (rows,) = stage.rows().values()
        assert end["unwritten"] >= 4
        assert end["rows"] == end["unwritten"] + len(rows)
        assert len(stage.told) == 1
        assert (await stage.get("/healthz"))[0] == 200


async def test_a_call_that_cannot_be_written_is_not_taken(tmp_path: Path) -> None:
    folder = tmp_path / "timelines"
    async with serving(folder=folder) as stage:  # the folder has gone since the start
        talk = await said(stage, json.dumps(START))
        assert (talk.error, talk.code) == ("storage", 1013)
        folder.mkdir()
        assert (await stage.call(spoken(0.5))).code == 1000


async def test_tls(tmp_path: Path) -> None:
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out",
         "cert.pem"],
        cwd=tmp_path, capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("needs openssl")
    files = Tls(tmp_path / "cert.pem", tmp_path / "key.pem")
    assert check_tls(files.certificate, files.key)
    trusting = ssl.create_default_context(cafile=str(files.certificate))
    async with serving(tls=files) as stage:
        async with Client(f"wss://{stage.url}", tls=trusting) as client:
            await client.start(sample_rate=8000, encoding="mulaw")
        with pytest.raises(ServerError, match="certificate"):
            async with Client(f"wss://{stage.url}"):
                pass
        with pytest.raises(ServerError):
            async with Client(f"ws://{stage.url}"):
                pass


async def test_half_a_later_request_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "REQUEST_PATIENCE", 0.3)
    async with serving() as stage:
        host, port = stage.url.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200" in await reader.readline()
        writer.write(b"GET /healthz HT")
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(PATIENCE):
                await reader.read()
        writer.close()
        async with stage.socket() as socket:  # a WebSocket has all the time it wants
            await socket.send(json.dumps(START))
            await socket.recv()
            await asyncio.sleep(0.5)
            await socket.send('{"type":"stop"}')
            assert (await listen_to(socket)).code == 1000


async def test_what_is_no_text_is_refused_like_other_nonsense(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving() as stage, stage.socket() as socket:
        await socket.send(json.dumps(START))
        await socket.recv()
        socket.transport.write(_frame(b"\xff\xfe", text=True))
        talk = await listen_to(socket)
    assert (talk.error, talk.code) == ("malformed", 1003)
    assert caplog.messages == []


async def test_who_asks_and_reads_no_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "UNREAD", 10_000)
    async with serving() as stage, stage.socket() as socket:
        await socket.send(json.dumps(START))
        await socket.recv()
        socket.transport.pause_reading()
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE):
                while stage.floor.health().streams:
                    socket.transport.write(1000 * (b"\x89\xfd\0\0\0\0" + b"\0" * 125))
                    await asyncio.sleep(0)
        assert stage.floor.health().streams == 0


async def test_a_call_that_meets_a_fault_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = settings(streams_a_client=2)
    async with serving(config, folder=tmp_path) as stage:
        opened = stage.floor.open

        def broken(name: str, channel: int, listener: Listener) -> StreamInput:
            if channel == 1:
                raise ZeroDivisionError("a fault of ours")
            return opened(name, channel, listener)

        monkeypatch.setattr(stage.floor, "open", broken)
        talk = await said(stage, json.dumps(START | {"stream": "a", "channels": 2}))
        assert talk.code not in (None, 1000)
        await until(lambda: stage.floor.health().streams == 0)
        assert list(tmp_path.iterdir()) == []
        monkeypatch.undo()
        talk = await stage.call(spoken(0.5, channels=2), stream="a", channels=2)
        assert talk.code == 1000
    assert any("a fault of ours" in (record.exc_text or "") for record in caplog.records)


async def test_a_fault_in_one_call_is_told_and_the_others_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Broken(CollectSink):
        def write(self, row: TimelineRow) -> None:
            if row.stream == "a":
                raise ZeroDivisionError("a fault of ours")

    async with serving(webhook=Broken()) as stage:
        talk, other = await asyncio.gather(
            *(stage.call(spoken() + spoken(), stream=name) for name in "ab")
        )
        assert (talk.error, talk.code) == ("failed", 1011)
        assert len(talk.of("end")) == 1
        assert (other.code, len(other.of("utterance"))) == (1000, 2)
    assert "ZeroDivisionError: a fault of ours" in capsys.readouterr().err


async def test_what_breaks_the_web_server_is_raised(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        async with serving(tls=Tls(tmp_path / "gone.pem", tmp_path / "gone.key")):
            pass


async def test_who_says_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "REQUEST_PATIENCE", 0.1)
    monkeypatch.setattr(calls, "START_PATIENCE", 0.1)
    async with serving() as stage:
        host, port = stage.url.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /v1/stream HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(PATIENCE):
                assert await reader.read() == b""
        writer.close()
        talk = await said(stage)
        assert (talk.error, talk.code) == ("idle", 1008)
