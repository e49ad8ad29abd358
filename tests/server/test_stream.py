from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from realtime_ser.capture import g711
from realtime_ser.config import AlertConfig, CaptureConfig
from realtime_ser.sinks.jsonl import encode_json
from realtime_ser.testing import CollectSink, ConstantRecognizer
from realtime_ser.types import Prediction
from tests.server.serving import (
    ANGRY,
    RATE,
    START,
    Talk,
    listen_to,
    serving,
    settings,
    spoken,
    until,
)


def check_account(talk: Talk, seconds: float) -> None:
    for end in talk.of("end"):
        received, analysed, dropped = (
            round(end[name] * 16_000) for name in ("received", "analysed", "dropped")
        )
        assert received == analysed + dropped
        assert abs(received - seconds * 16_000) <= 1


async def test_a_call_gets_its_timeline_on_disk_and_on_the_socket(tmp_path: Path) -> None:
    async with serving(folder=tmp_path) as stage:
        audio = spoken()
        talk = await stage.call(audio, stream="call-42", metadata={"queue": "sales"})
        ready, *_ = talk.messages
        assert ready == {
            "type": "ready",
            "version": 1,
            "stream": "call-42",
            "model": "constant",
            "classes": ["angry", "happy", "neutral", "sad"],
            "hop": 0.5,
            "channels": [{"channel": 0, "role": "speaker", "analysed": True}],
        }
        assert talk.of("speech_start")[0]["start"] < 0.5
        rows = talk.of("window") + talk.of("utterance")
        assert len(talk.of("window")) >= 3
        assert len(talk.of("utterance")) == 1
        (end,) = talk.of("end")
        assert end["reason"] == "stopped"
        assert (end["rows"], end["unwritten"]) == (len(rows), 0)
        assert talk.messages[-1] == end
        assert talk.code == 1000
        check_account(talk, len(audio) / RATE)

        ((name, written),) = stage.rows().items()
        assert name.startswith("call-42@")
        sent = [m for m in talk.messages if m["type"] in ("window", "utterance")]
        assert [json.loads(encode_json(row)) | {"type": row.kind} for row in written] == sent


async def test_frames_may_be_cut_anywhere() -> None:
    samples = np.clip(np.random.default_rng(0).normal(0, 0.1, (4000, 2)), -1, 1)
    audio = (samples * 32767).astype("<i2").tobytes()
    async with serving() as stage:
        for block in (1, 3, 1601, len(audio)):
            audio_now = audio[:400] if block == 1 else audio
            talk = await stage.call(
                audio_now, block=block, encoding="s16le", sample_rate=16_000, channels=2
            )
            check_account(talk, len(audio_now) / 4 / 16_000)
            assert len(talk.of("end")) == 2


async def test_every_encoding_is_heard_alike() -> None:
    voice = g711.decode(np.frombuffer(spoken(), np.uint8), "mulaw")
    sent = {
        "s16le": (voice * 32768).astype("<i2").tobytes(),
        "f32le": voice.astype("<f4").tobytes(),
        "mulaw": g711.encode(voice, "mulaw").tobytes(),
        "alaw": g711.encode(voice, "alaw").tobytes(),
    }
    async with serving() as stage:
        talks = await asyncio.gather(
            *(stage.call(audio, encoding=encoding) for encoding, audio in sent.items())
        )
        for talk in talks:
            assert len(talk.of("utterance")) == 1
            check_account(talk, len(voice) / RATE)


async def test_the_agent_is_left_out_and_told_why(tmp_path: Path) -> None:
    async with serving(folder=tmp_path) as stage:
        talk = await stage.call(spoken(channels=2), channels=["customer", {"role": "Agent"}])
        customer, agent = talk.of("ready")[0]["channels"]
        assert customer["analysed"]
        assert not agent["analysed"]
        assert "prohibited" in agent["reason"]
        assert {m["channel"] for m in talk.messages if "channel" in m} == {0}
        assert {row.channel for rows in stage.rows().values() for row in rows} == {0}


async def test_the_agent_is_heard_where_the_operator_says_so() -> None:
    async with serving(settings(analyse_agent=True)) as stage:
        talk = await stage.call(spoken(channels=2), channels=["customer", "agent"])
        assert [c["analysed"] for c in talk.of("ready")[0]["channels"]] == [True, True]
        assert {row["channel"] for row in talk.of("utterance")} == {0, 1}


async def test_a_call_of_agents_only_is_not_heard_at_all(tmp_path: Path) -> None:
    async with serving(folder=tmp_path) as stage:
        talk = await stage.call(spoken(), channels=["agent"])
        assert [m["type"] for m in talk.messages] == ["ready"]
        assert talk.code == 1000
        assert list(tmp_path.iterdir()) == []


async def test_a_broken_connection_flushes_its_last_words(tmp_path: Path) -> None:
    async with serving(folder=tmp_path) as stage:
        socket = await stage.socket()
        await socket.send(json.dumps(START | {"stream": "broken"}))
        await socket.recv()
        await socket.send(spoken(1.3, pause=0.0))  # no silence ends the utterance
        socket.transport.abort()
        await until(lambda: any(r.kind == "utterance" for f in stage.rows().values() for r in f))
        ((_, rows),) = stage.rows().items()
        assert rows[-1].end > 1.2


async def test_a_later_call_of_the_same_name_gets_another_file(tmp_path: Path) -> None:
    async with serving(folder=tmp_path) as stage:
        for _ in range(2):
            assert (await stage.call(spoken(1.0), stream="../same")).code == 1000
        names = list(stage.rows())
        assert len(names) == 2
        assert all(name.startswith("%2E.%2Fsame@") for name in names)
        assert all(rows[0].stream == "../same" for rows in stage.rows().values())


async def test_pseudonyms_are_all_that_is_written_and_shown(tmp_path: Path) -> None:
    async with serving(folder=tmp_path, disguise=lambda name: "p-1") as stage:
        async with stage.socket() as socket:
            await socket.send(json.dumps(START | {"stream": "+49301", "metadata": {"n": "Eva"}}))
            await socket.send(spoken())
            await socket.recv()
            (shown,) = (await stage.streams())["streams"]
            assert (shown["stream"], shown["metadata"]) == ("p-1", {})
            await socket.send('{"type":"stop"}')
            talk = await listen_to(socket)
        assert {m["stream"] for m in talk.messages} == {"p-1"}
        (file,) = tmp_path.iterdir()
        assert file.name.startswith("p-1@")
        assert "49301" not in file.read_text()


async def test_faster_than_speech_is_slowed_down_not_dropped() -> None:
    async with serving() as stage, stage.socket() as socket:
        await socket.send(json.dumps(START))
        await socket.send(bytes([255]) * RATE * 5)
        began = asyncio.get_running_loop().time()
        await socket.send(bytes([255]) * RATE)
        await socket.send('{"type":"stop"}')
        talk = await listen_to(socket)
        assert asyncio.get_running_loop().time() - began > 0.5
        (end,) = talk.of("end")
        assert (end["received"], end["dropped"]) == (6.0, 0.0)


class Slow(ConstantRecognizer):
    """Needs a tenth of the time that it hears."""

    def step(self, slots: Any, pieces: Any, ends: Any = ()) -> list[Prediction]:
        time.sleep(0.1 * sum(map(len, pieces)) / 16_000)
        return super().step(slots, pieces, ends)


async def test_a_backlog_is_taken_as_fast_as_it_is_heard() -> None:
    config = replace(settings(), capture=CaptureConfig(ring=3.0))
    async with (
        serving(config, recognizer=Slow(probabilities=ANGRY)) as stage,
        stage.socket() as socket,
    ):
        await socket.send(json.dumps(START))
        await socket.send(spoken(0.1, 0.1))
        await asyncio.sleep(4.0)  # the network stalls
        for _ in range(4):
            await socket.send(spoken(2.0))
        await socket.send('{"type":"stop"}')
        talk = await listen_to(socket)
    (end,) = talk.of("end")
    assert end["received"] == pytest.approx(13.2, abs=0.01)
    assert end["dropped"] == 0.0


async def test_one_large_message_is_taken_no_faster_than_many_small_ones() -> None:
    config = replace(settings(), capture=CaptureConfig(ring=2.0))
    async with serving(config) as stage, stage.socket() as socket:
        await socket.send(json.dumps(START))
        await socket.send(bytes([255]) * int(RATE * 3.5))
        await socket.send('{"type":"stop"}')
        (end,) = (await listen_to(socket)).of("end")
        assert (end["received"], end["dropped"]) == (3.5, 0.0)


async def test_ending_the_server_ends_calls_in_order(tmp_path: Path) -> None:
    async with serving(folder=tmp_path) as stage, stage.socket() as socket:
        await socket.send(json.dumps(START | {"stream": "last"}))
        await socket.recv()
        await socket.send(spoken(1.3, pause=0.0))
        await until(lambda: stage.floor.health().rows)
        stage.stop.set()
        talk = await listen_to(socket)
        assert (talk.error, talk.code) == ("ending", 1001)
        assert talk.of("end")[0]["reason"] == "ending"
        assert len(talk.of("utterance")) == 1
        ((_, rows),) = stage.rows().items()
        assert rows[-1].kind == "utterance"


async def test_draining_has_an_end(tmp_path: Path) -> None:
    async with serving(settings(drain=0.0), folder=tmp_path, in_time=False) as stage:
        async with stage.socket() as socket:
            await socket.send(json.dumps(START))
            await socket.send(spoken(1.3, pause=0.0))
            await until(lambda: stage.floor.health().rows)
            stage.stop.set()
            talk = await listen_to(socket)
        assert talk.code == 1001
        check_account(talk, 1.5)


class Broken(ConstantRecognizer):
    def step(self, *what: Sequence[Any]) -> list[Prediction]:
        if what[0]:
            raise RuntimeError("the network has gone")
        return []


async def test_a_floor_that_breaks_ends_the_server_with_its_error() -> None:
    talk = Talk()

    async def speak() -> None:
        nonlocal talk
        async with serving(recognizer=Broken()) as stage:
            talk = await stage.call(spoken())

    with pytest.raises(RuntimeError, match="the network has gone"):
        await speak()
    (end,) = talk.of("end")
    assert end["received"] == end["analysed"] + end["dropped"]


async def test_an_alert_goes_everywhere_at_once(tmp_path: Path) -> None:
    rules = AlertConfig(rules=("long-anger: angry >= 0.6 for 1 s",))
    webhook = CollectSink()
    config = replace(settings(), alerts=rules)
    async with serving(config, folder=tmp_path, webhook=webhook) as stage:
        talk = await stage.call(spoken())
        (alert,) = talk.of("alert")
        assert alert["flags"].endswith("alert:long-anger")
        ((_, rows),) = stage.rows().items()
        assert [row.kind for row in rows].count("alert") == 1
        (shown,) = (await stage.streams())["streams"]
        assert shown["alerts"] == 1
        assert shown["alert"] == {
            "name": "long-anger", "end": alert["end"], "utc": alert["utc"],
        }  # fmt: skip
        assert [row.kind for row in webhook.rows].count("alert") == 1
        assert 'realtime_ser_rows_total{kind="alert"} 1.0' in (await stage.get("/metrics"))[1]
