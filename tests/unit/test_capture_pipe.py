from __future__ import annotations

import io
import os
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from realtime_ser.capture import g711
from realtime_ser.capture.pipe import PcmFormat, PipeSource
from realtime_ser.clock import SystemClock
from realtime_ser.errors import SourceError
from realtime_ser.testing import ManualClock
from tests.signals import tone

if TYPE_CHECKING:
    from realtime_ser.types import CapturedBlock

posix = pytest.mark.skipif(os.name != "posix", reason="select waits for pipes on POSIX only")


def pipe(data: bytes | io.IOBase, pcm: PcmFormat | None = None) -> PipeSource:
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    return PipeSource(stream, pcm or PcmFormat(), ManualClock(50.0), block_seconds=0.1)  # type: ignore[arg-type]


def read_all(source: PipeSource) -> list[CapturedBlock]:
    blocks = []
    while True:
        try:
            block = source.read(1.0)
        except EOFError:
            return blocks
        assert block is not None
        blocks.append(block)


def as_bytes(samples: np.ndarray, encoding: str) -> bytes:
    if encoding == "s16le":
        return np.round(samples * 32768).astype("<i2").tobytes()
    if encoding == "f32le":
        return samples.astype("<f4").tobytes()
    return g711.encode(samples, encoding).tobytes()  # type: ignore[arg-type]


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize(
    ("encoding", "error"), [("s16le", 2e-5), ("f32le", 0.0), ("mulaw", 0.02), ("alaw", 0.02)]
)
def test_encodings(encoding: str, error: float, channels: int) -> None:
    samples = np.stack([tone(0.35, 300.0 * (c + 1)) for c in range(channels)], axis=1)
    source = pipe(as_bytes(samples, encoding), PcmFormat(16_000, encoding, channels))  # type: ignore[arg-type]

    info = source.open()
    blocks = read_all(source)

    assert (info.uri, info.sample_rate, info.channels, info.live) == ("-", 16_000, channels, False)
    assert [len(b.samples) for b in blocks] == [1600, 1600, 1600, 800]
    assert {b.captured for b in blocks} == {50.0}
    out = np.concatenate([b.samples for b in blocks])
    assert out.dtype == np.float32
    assert np.max(np.abs(out - samples)) <= error


def test_empty_input_is_no_audio() -> None:
    source = pipe(b"")
    source.open()
    with pytest.raises(SourceError, match="no audio came in"):
        source.read(1.0)


def test_less_than_one_sample_is_no_audio() -> None:
    source = pipe(b"\0")
    source.open()
    with pytest.raises(SourceError, match="no audio came in"):
        source.read(1.0)


@pytest.mark.parametrize("head", [b"RIFF", b"riff", b"OggS", b"fLaC", b"caff", b"ID3\x04"])
def test_a_file_with_a_header_is_not_taken_for_samples(head: bytes) -> None:
    source = pipe(head + bytes(32_000))
    source.open()
    with pytest.raises(SourceError, match="not raw PCM; name the file instead"):
        source.read(1.0)


@posix
def test_a_header_that_comes_in_pieces_is_a_header() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stream, os.fdopen(writer, "wb", buffering=0) as sender:
        source = pipe(stream, PcmFormat(8_000, "mulaw"))
        source.open()
        sender.write(b"RI")
        assert source.read(0.0) is None
        sender.write(b"FF" + bytes(1000))
        with pytest.raises(SourceError, match=r"ffmpeg -i FILE -f mulaw -ac 1 -ar 8000 -$"):
            source.read(1.0)


def test_bytes_of_a_header_later_on_are_samples() -> None:
    source = pipe(bytes(32_000) + b"RIFF" + bytes(32_000))
    source.open()
    assert sum(len(block.samples) for block in read_all(source)) == 32_002


def test_an_incomplete_sample_at_the_end_is_left_out_and_told() -> None:
    source = pipe(bytes(4 * 10 + 3), PcmFormat(16_000, "s16le", 2))
    source.open()
    assert sum(len(b.samples) for b in read_all(source)) == 10
    assert "last 3 bytes" in (source.health().problem or "")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_an_error_that_says_where(value: float) -> None:
    samples = np.zeros(16_000, np.float32)
    samples[8_000] = value
    source = pipe(samples.tobytes(), PcmFormat(16_000, "f32le", 1))
    source.open()
    with pytest.raises(SourceError, match=r"NaN, infinite or absurd samples at 0\.500 s"):
        read_all(source)


@pytest.mark.parametrize(
    ("rate", "encoding", "channels", "message"),
    [
        (100, "s16le", 1, "rate of 100"),
        (1_000_000, "s16le", 1, "rate of 1000000"),
        (16_000, "s24be", 1, "unknown encoding 's24be'; use one of s16le, f32le, mulaw, alaw"),
        (16_000, "s16le", 0, "0 channels"),
        (16_000, "s16le", 200, "200 channels"),
    ],
)
def test_formats_that_are_refused(rate: int, encoding: str, channels: int, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        PcmFormat(rate, encoding, channels)  # type: ignore[arg-type]


def test_a_terminal_is_refused() -> None:
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    with pytest.raises(SourceError, match="is a terminal"):
        pipe(Terminal()).open()


def test_after_close_it_has_ended_and_the_stream_is_still_open() -> None:
    stream = io.BytesIO(bytes(100))
    source = pipe(stream)
    source.close()
    source.open()
    source.close()
    with pytest.raises(EOFError):
        source.read(1.0)
    assert not stream.closed


@posix
def test_a_silent_pipe_does_not_hold_read_beyond_its_timeout() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as reader, os.fdopen(write_end, "wb", buffering=0) as writer:
        source = PipeSource(reader, PcmFormat(), SystemClock(), block_seconds=0.1)
        source.open()
        started = time.monotonic()
        assert source.read(0.05) is None
        writer.write(b"\1")  # half a sample is no sample
        assert source.read(0.05) is None
        assert 0.09 < time.monotonic() - started < 2
        writer.write(b"\0\2\0\3")
        block = source.read(1.0)
        assert block is not None
        assert (block.samples * 32768).tolist() == [[1.0], [2.0]]
        assert block.captured == pytest.approx(time.monotonic(), abs=1)
        writer.close()
        with pytest.raises(EOFError):
            source.read(1.0)
        assert "last 1 bytes" in (source.health().problem or "")


@posix
def test_a_file_redirected_to_standard_input_is_read(tmp_path: object) -> None:
    path = f"{tmp_path}/a.pcm"
    with open(path, "wb") as file:
        file.write(as_bytes(tone(0.25), "s16le"))
    with open(path, "rb") as file:
        source = PipeSource(file, PcmFormat(), SystemClock(), block_seconds=0.1)
        source.open()
        assert sum(len(b.samples) for b in read_all(source)) == 4000
