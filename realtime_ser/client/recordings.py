"""Recordings sent as if they were spoken now."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast, get_args

import numpy as np

from realtime_ser.capture import g711
from realtime_ser.client.connection import Client, ServerError
from realtime_ser.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from realtime_ser.types import AudioArray

Encoding = Literal["s16le", "f32le", "mulaw", "alaw"]
ENCODINGS: Final = get_args(Encoding)
BLOCK: Final = 0.1
"""Seconds a message."""


@dataclass(slots=True)
class Heard:
    """What came of one recording."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    ends: list[dict[str, Any]] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    """Seconds from the moment at which the last sample of a window row was sent to the row."""
    error: str | None = None
    """Why it ended before its time."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Audio as it is sent."""

    data: bytes
    sample_rate: int
    channels: int
    encoding: Encoding

    @property
    def second(self) -> int:
        """Bytes a second."""
        return len(encode(np.zeros((1, self.channels), np.float32), self.encoding)) * (
            self.sample_rate
        )


def read_recording(
    file: Path, encoding: Encoding, sample_rate: int | None = None, channels: int | None = None
) -> Recording:
    """Read a recording and bring it into the form in which it is sent.

    Args:
        file: anything that libsndfile reads.
        encoding: to send.
        sample_rate: Hz to send; None: its own.
        channels: to send: the first ones, or the only one several times; None: its own.

    Raises:
        SourceError: it cannot be read.
    """
    import soundfile
    import soxr

    try:
        samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise SourceError(f"{file}: cannot be read ({error}); name a recording") from error
    if sample_rate is not None and sample_rate != rate:
        samples = soxr.resample(samples, rate, sample_rate).astype(np.float32)
        rate = sample_rate
    if channels is not None:
        samples = samples[:, [min(c, samples.shape[1] - 1) for c in range(channels)]]
    return Recording(encode(samples, encoding), rate, samples.shape[1], encoding)


def encode(samples: AudioArray, encoding: Encoding) -> bytes:
    """(n, channels) within [-1, 1] -> interleaved bytes."""
    if encoding == "f32le":
        return samples.astype("<f4").tobytes()
    if encoding == "s16le":
        return np.clip(np.round(samples * 32768.0), -32768, 32767).astype("<i2").tobytes()
    return g711.encode(samples, encoding).tobytes()


async def send_recording(
    client: Client,
    recording: Recording,
    *,
    stream: str | None = None,
    roles: Sequence[str] | None = None,
    speed: float = 1.0,
    on_message: Callable[[dict[str, Any]], None] | None = None,
) -> Heard:
    """Send a recording at the pace of speech, and read until everything has been told.

    Args:
        client: connected.
        recording: what to send.
        stream: name of the call.
        roles: of its channels.
        speed: 1 is real time; the server does not take much more.
        on_message: told of each message as it comes.

    Raises:
        ServerError: the server refuses the call.
    """
    heard = Heard()
    await client.start(
        stream,
        sample_rate=recording.sample_rate,
        encoding=recording.encoding,
        channels=recording.channels if roles is None else roles,
    )
    began = time.monotonic()
    sending = asyncio.create_task(_send(client, recording, began, speed))
    try:
        async for message in client:
            if message["type"] == "end":
                heard.ends.append(message)
            elif message["type"] != "speech_start":
                heard.rows.append(message)
            if message["type"] == "window":
                heard.delays.append(time.monotonic() - began - message["end"] / speed)
            if on_message is not None:
                on_message(message)
    except ServerError as error:
        heard.error = str(error)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    return heard


def stream_recording(
    url: str,
    file: str | Path,
    *,
    token: str | None = None,
    stream: str | None = None,
    roles: Sequence[str] | None = None,
    encoding: str = "s16le",
    on_message: Callable[[dict[str, Any]], None] | None = None,
) -> Heard:
    """Send a recording in real time; for programs without asyncio.

    Args:
        url: of the server.
        file: anything that libsndfile reads.
        token: where the server demands one.
        stream: name of the call; None: the server makes one up.
        roles: of its channels.
        encoding: that it is sent in.
        on_message: told of each message as it comes.

    Raises:
        ServerError: the server cannot be reached or refuses the call.
        SourceError: the recording cannot be read.
    """
    if encoding not in ENCODINGS:
        raise SourceError(f"unknown encoding {encoding!r}; use one of {', '.join(ENCODINGS)}")
    recording = read_recording(Path(file), cast("Encoding", encoding))

    async def run() -> Heard:
        async with Client(url, token=token) as client:
            return await send_recording(
                client, recording, stream=stream, roles=roles, on_message=on_message
            )

    return asyncio.run(run())


async def _send(client: Client, recording: Recording, began: float, speed: float) -> None:
    """Blocks, each at the moment at which its last sample would have been spoken."""
    step = max(1, round(BLOCK * recording.sample_rate)) * recording.second // recording.sample_rate
    for start in range(0, len(recording.data), step):
        block = recording.data[start : start + step]
        due = began + (start + len(block)) / recording.second / speed
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        await client.send(block)
    await client.stop()
