"""The package's own client against a running server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime_ser.client import Client, ServerError, stream_recording
from realtime_ser.client.load import make_load, summary
from realtime_ser.client.recordings import Heard, encode, read_recording, send_recording
from realtime_ser.errors import SourceError
from realtime_ser.server.auth import Rules
from tests.server.serving import serving
from tests.signals import silence, speech_like

TOKEN = "0123456789abcdef-secret"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    voice = np.concatenate([speech_like(0.9), silence(0.5)])
    soundfile.write(tmp_path / "call.wav", np.stack([voice, voice], axis=1), 16_000)
    return tmp_path / "call.wav"


async def test_a_recording_is_sent_at_the_pace_of_speech(recording: Path) -> None:
    sent = read_recording(recording, "mulaw", 8000)
    async with serving() as stage, Client(f"ws://{stage.url}") as client:
        began = asyncio.get_running_loop().time()
        told: list[str] = []
        heard = await send_recording(
            client,
            sent,
            stream="call",
            roles=["customer", "agent"],
            on_message=lambda message: told.append(message["type"]),
        )
        assert asyncio.get_running_loop().time() - began > 1.3
    assert heard.error is None
    assert [end["received"] for end in heard.ends] == [1.4]
    assert [row["type"] for row in heard.rows][-1] == "utterance"
    assert 0.0 < min(heard.delays) < 1.0
    assert told[-1] == "end"


async def test_without_asyncio(recording: Path) -> None:
    async with serving(rules=Rules(TOKEN)) as stage:
        url = f"ws://{stage.url}/v1/stream"
        heard = await asyncio.to_thread(stream_recording, url, recording, token=TOKEN)
        assert len(heard.ends) == 2
        with pytest.raises(ServerError, match="401"):
            await asyncio.to_thread(stream_recording, url, recording)
        with pytest.raises(SourceError, match="unknown encoding"):
            stream_recording(url, recording, encoding="opus")
        with pytest.raises(SourceError, match="cannot be read"):
            stream_recording(url, recording.parent / "none.wav")


async def test_what_the_server_refuses_is_an_error_of_one_line() -> None:
    async with serving() as stage:
        with pytest.raises(ServerError, match="sample_rate") as caught:
            async with Client(f"ws://{stage.url}") as client:
                await client.start(sample_rate=1, encoding="mulaw")
        assert caught.value.code == "malformed"
        url = f"ws://{stage.url}"
    with pytest.raises(ServerError) as caught:
        async with Client(url):
            pass
    assert caught.value.code == "connection"
    assert "\n" not in str(caught.value)
    with pytest.raises(ServerError):
        async with Client("http://nowhere"):
            pass


async def test_a_server_that_ends_is_noticed() -> None:
    async with serving() as stage, Client(f"ws://{stage.url}") as client:
        await client.start(sample_rate=8000, encoding="mulaw")
        stage.stop.set()
        with pytest.raises(ServerError) as caught:
            async for _ in client:
                pass
        assert caught.value.code == "ending"
        with pytest.raises(ServerError):
            await send_on(client)


async def send_on(client: Client) -> None:
    while True:
        await client.send(bytes(160))


async def test_load_adds_up(recording: Path) -> None:
    sent = read_recording(recording, "s16le", channels=1)
    async with serving(max_streams=3) as stage:
        heard = await make_load(f"ws://{stage.url}", [sent], 4)
    assert sum(one.error is None for one in heard) == 3
    lines = summary(heard)
    assert lines[0].startswith("4 calls, 3 channels analysed, ")
    assert lines[1] == (
        "audio: 4.200 s received, 4.200 s analysed, 0.000 s dropped, 0.000 s unaccounted for"
    )
    assert "p95" in lines[2]
    assert "p95" in lines[3]
    assert lines[4].startswith("error: ")
    assert summary([Heard()])[0] == "1 calls, 0 channels analysed, 0 rows"


async def test_the_load_generator_is_a_program(recording: Path) -> None:
    async with serving(rules=Rules(TOKEN)) as stage:
        for token, status, says in ((TOKEN, 0, "0.000 s unaccounted for"), ("wrong", 1, "401")):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "realtime_ser.client", f"ws://{stage.url}", str(recording),
                "--streams", "2", "--roles", "customer,agent",
                stdout=asyncio.subprocess.PIPE, env=os.environ | {"REALTIME_SER_TOKEN": token},
            )  # fmt: skip
            out, _ = await process.communicate()
            assert process.returncode == status
            assert says in out.decode()


@pytest.mark.parametrize("encoding", ["s16le", "f32le", "mulaw", "alaw"])
def test_samples_beyond_full_scale_do_not_wrap(encoding: str) -> None:
    from realtime_ser.server.audio import AudioIntake

    samples = np.array([[1.0], [-1.0], [0.0]], np.float32)
    intake = AudioIntake(encoding, 16_000, 1, [0])  # type: ignore[arg-type]
    back = intake.take(encode(samples, encoding))  # type: ignore[arg-type]
    np.testing.assert_allclose(back, samples, atol=0.02)


async def test_reading_and_sending_side_by_side() -> None:
    """The example of the module."""
    async with serving() as stage, Client(f"ws://{stage.url}") as client:
        ready = await client.start("a", sample_rate=8000, encoding="mulaw", metadata={"q": 1})
        assert ready["stream"] == "a"

        async def feed() -> None:
            with contextlib.suppress(ServerError):
                for _ in range(5):
                    await client.send(bytes([255]) * 800)
                await client.stop()

        async with asyncio.TaskGroup() as group:
            group.create_task(feed())
            messages = [message async for message in client]
        assert [message["type"] for message in messages] == ["end"]
        assert messages[0]["received"] == 0.5
