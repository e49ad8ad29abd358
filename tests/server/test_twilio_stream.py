"""A conversation as Twilio Media Streams documents it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from realtime_ser.server import calls
from realtime_ser.server.auth import Rules
from tests.server.serving import (
    PATIENCE,
    Stage,
    Talk,
    listen_to,
    serving,
    settings,
    spoken,
    until,
)

SID = "MZ18ad3ab5a668481ce02b83e7395059f0"
CALL = "CA28b2f5c9bc1ba7a5ca7e6d2a86a2f2b2"
TOKEN = "0123456789abcdef-secret"


def start(**parameters: str) -> dict[str, Any]:
    return {
        "event": "start",
        "sequenceNumber": "1",
        "start": {
            "accountSid": "AC" + 32 * "a",
            "streamSid": SID,
            "callSid": CALL,
            "tracks": ["inbound", "outbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters,
        },
        "streamSid": SID,
    }


def media(number: int, track: str, audio: bytes) -> dict[str, Any]:
    return {
        "event": "media",
        "sequenceNumber": str(number),
        "media": {
            "track": track,
            "chunk": str(number),
            "timestamp": str(number * 20),
            "payload": base64.b64encode(audio).decode(),
        },
        "streamSid": SID,
    }


def conversation(seconds: float = 2.0, **parameters: str) -> list[dict[str, Any]]:
    """Both tracks speak, 20 ms a message."""
    audio = spoken(seconds)
    said: list[dict[str, Any]] = [
        {"event": "connected", "protocol": "Call", "version": "1.0.0"},
        start(**parameters),
    ]
    for at in range(0, len(audio), 160):
        for track in ("inbound", "outbound"):
            said.append(media(len(said), track, audio[at : at + 160]))
    mark = {"event": "mark", "sequenceNumber": "9", "streamSid": SID, "mark": {"name": "x"}}
    dtmf = {"event": "dtmf", "streamSid": SID, "dtmf": {"track": "inbound", "digit": "1"}}
    stop = {"event": "stop", "stop": {"accountSid": "AC", "callSid": CALL}, "streamSid": SID}
    return [*said, mark, dtmf, stop]


async def hold(stage: Stage, messages: list[dict[str, Any]]) -> Talk:
    async with stage.socket("/v1/twilio") as socket:
        for message in messages:
            await socket.send(json.dumps(message))
        return await listen_to(socket)


async def test_the_customer_is_heard_and_the_agent_left_out(tmp_path: Path) -> None:
    async with serving(folder=tmp_path) as stage:
        talk = await hold(stage, conversation())
        assert (talk.messages, talk.code) == ([], 1000)  # Twilio is sent nothing
        ((name, rows),) = stage.rows().items()
        assert name.startswith(CALL)
        assert {(row.stream, row.channel) for row in rows} == {(CALL, 0)}
        assert [row.kind for row in rows][-1] == "utterance"
        (shown,) = (await stage.streams())["streams"]
        assert (shown["role"], shown["state"], shown["duration"]) == ("customer", "ended", 3.2)


async def test_roles_can_be_swapped_for_calls_that_agents_begin(tmp_path: Path) -> None:
    async with serving(folder=tmp_path) as stage:
        await hold(stage, conversation(inbound="agent", outbound="customer"))
        ((_, rows),) = stage.rows().items()
        assert {row.channel for row in rows} == {1}


async def test_both_are_heard_where_the_operator_says_so(tmp_path: Path) -> None:
    async with serving(settings(analyse_agent=True), folder=tmp_path) as stage:
        await hold(stage, conversation())
        ((_, rows),) = stage.rows().items()
        assert {row.channel for row in rows} == {0, 1}


async def test_repeated_and_late_messages_are_left_out() -> None:
    async with serving() as stage:
        connected, begin, *said, stop = conversation(0.5)
        twice = [message for message in said for _ in range(2)]
        late = media(3, "inbound", bytes(160))
        await hold(stage, [connected, begin, *twice, late, stop])
        (shown,) = (await stage.streams())["streams"]
        assert shown["duration"] == 1.7


async def test_a_twilio_stream_that_breaks_off_flushes_its_last_words(tmp_path: Path) -> None:
    async with serving(folder=tmp_path) as stage:
        socket = await stage.socket("/v1/twilio")
        for message in conversation(1.5)[:150]:
            await socket.send(json.dumps(message))
        await until(lambda: stage.floor.health().speaking)
        socket.transport.abort()
        await until(lambda: any(r.kind == "utterance" for f in stage.rows().values() for r in f))


async def test_the_token_comes_with_the_start() -> None:
    async with serving(rules=Rules(TOKEN)) as stage:
        for parameters in ({}, {"token": "wrong"}):
            talk = await hold(stage, conversation(0.1, **parameters)[:2])
            assert (talk.messages, talk.code, talk.reason) == ([], 1008, "unauthorized")
        assert (await hold(stage, conversation(0.1, token=TOKEN, queue="sales"))).code == 1000
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        (shown,) = json.loads((await stage.get("/v1/streams", **bearer))[1])["streams"]
        assert shown["metadata"] == {"queue": "sales"}


async def test_strangers_take_no_seats_and_no_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "START_PATIENCE", 0.5)
    async with serving(rules=Rules(TOKEN), max_streams=2) as stage:
        strangers = [await stage.socket("/v1/twilio") for _ in range(8)]
        assert (await hold(stage, conversation(0.1, token=TOKEN))).code == 1000

        async def dribble(socket: ClientConnection) -> None:
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await socket.send('{"event":"connected"}')
                    await asyncio.sleep(0.1)

        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*map(dribble, strangers))
        assert {socket.close_reason for socket in strangers} == {"idle"}


@pytest.mark.parametrize(
    "message", [media(1, "inbound", b"a"), {"event": "stop"}, {"no": "event"}, {"event": "start"}]
)
async def test_a_stream_must_begin_with_its_start(message: dict[str, Any]) -> None:
    async with serving() as stage:
        talk = await hold(stage, [message])
        assert (talk.messages, talk.code, talk.reason) == ([], 1003, "malformed")
