"""Raw PCM from a pipe or any other binary stream; on the command line, standard input."""

from __future__ import annotations

import io
import os
import select
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np

from realtime_ser.capture import g711
from realtime_ser.capture.file import MAX_CHANNELS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from realtime_ser.capture.source import SourceHealth, SourceInfo
from realtime_ser.errors import SourceError
from realtime_ser.levels import first_unusable
from realtime_ser.types import SAMPLE_RATE, AudioArray, CapturedBlock

if TYPE_CHECKING:
    from realtime_ser.clock import Clock

Encoding = Literal["s16le", "f32le", "mulaw", "alaw"]

_HEADERS = {
    b"RIFF": "WAV",
    b"RF64": "WAV",
    b"riff": "Wave64",
    b"caff": "CAF",
    b"FORM": "AIFF",
    b".snd": "AU",
    b"OggS": "Ogg",
    b"fLaC": "FLAC",
    b"ID3\x02": "MP3",
    b"ID3\x03": "MP3",
    b"ID3\x04": "MP3",
}
"""First bytes of files, with which raw PCM hardly ever begins."""
_HEADER_BYTES = 4
_SAMPLE_BYTES: dict[Encoding, int] = {"s16le": 2, "f32le": 4, "mulaw": 1, "alaw": 1}


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """What raw audio cannot say of itself.

    Raises:
        SourceError: a rate, encoding or number of channels that is not supported.
    """

    sample_rate: int = SAMPLE_RATE
    encoding: Encoding = "s16le"
    channels: int = 1
    """Interleaved."""

    def __post_init__(self) -> None:
        if not MIN_SAMPLE_RATE <= self.sample_rate <= MAX_SAMPLE_RATE:
            raise SourceError(
                f"-: a rate of {self.sample_rate} Hz is outside {MIN_SAMPLE_RATE} to "
                f"{MAX_SAMPLE_RATE}; check --rate"
            )
        if self.encoding not in _SAMPLE_BYTES:
            raise SourceError(
                f"-: unknown encoding {self.encoding!r}; use one of {', '.join(_SAMPLE_BYTES)}"
            )
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise SourceError(
                f"-: {self.channels} channels are outside 1 to {MAX_CHANNELS}; check --channels"
            )


class PipeSource:
    """Reads raw PCM. Implements ``Source``.

    A stream with a file descriptor on a POSIX system is waited for with ``select`` and read past
    Python's buffer, so that ``read`` keeps its timeout. Elsewhere (``io.BytesIO``; Windows, whose
    ``select`` knows sockets only) ``read`` returns when the stream does.
    """

    def __init__(
        self, stream: BinaryIO, pcm: PcmFormat, clock: Clock, *, block_seconds: float
    ) -> None:
        """Name a stream; it is borrowed, ``close`` leaves it open.

        Args:
            stream: binary, from which nothing has been read yet.
            pcm: how to take its bytes.
            clock: stamps blocks as they arrive.
            block_seconds: longest block; a shorter one is delivered when no more is there.
        """
        self._stream = stream
        self._pcm = pcm
        self._clock = clock
        self._row_bytes = _SAMPLE_BYTES[pcm.encoding] * pcm.channels
        self._block_bytes = max(1, round(block_seconds * pcm.sample_rate)) * self._row_bytes
        self._descriptor: int | None = None
        self._partial = b""
        self._position = 0
        self._open = False
        self._problem: str | None = None

    def open(self) -> SourceInfo:
        """See ``Source.open``.

        Raises:
            SourceError: standard input is a terminal.
        """
        if self._stream.isatty():
            raise SourceError("-: standard input is a terminal; pipe raw PCM into it")
        self._descriptor = _pollable(self._stream)
        self._open = True
        return SourceInfo(
            uri="-",
            name="stdin",
            sample_rate=self._pcm.sample_rate,
            channels=self._pcm.channels,
            live=False,
        )

    def read(self, timeout: float) -> CapturedBlock | None:
        """See ``Source.read``.

        Raises:
            EOFError: the stream has ended.
            SourceError: it ended without a single sample, cannot be read, begins like an audio
                file, or holds NaN or infinity.
        """
        deadline = self._clock.monotonic() + timeout
        while self._open:
            data = self._more(max(0.0, deadline - self._clock.monotonic()))
            if data is None:
                return None
            if not data:
                self._finish()
                break
            data = self._partial + data
            if self._position == 0:
                if len(data) < _HEADER_BYTES:
                    self._partial = data
                    continue
                self._refuse_file(data[:_HEADER_BYTES])
            whole = len(data) // self._row_bytes * self._row_bytes
            self._partial = data[whole:]
            if whole:
                samples = self._decode(data[:whole])
                self._position += len(samples)
                return CapturedBlock(samples, self._clock.monotonic())
        raise EOFError

    def close(self) -> None:
        """See ``Source.close``."""
        self._open = False

    def health(self) -> SourceHealth:
        """Says when the stream ended inside a sample."""
        return SourceHealth(problem=self._problem)

    def _more(self, timeout: float) -> bytes | None:
        """Some bytes, none at the end of the stream, or None after the timeout."""
        wanted = self._block_bytes - len(self._partial)
        try:
            if self._descriptor is None:
                return self._stream.read(wanted)
            ready, _, _ = select.select([self._descriptor], [], [], timeout)
            return os.read(self._descriptor, wanted) if ready else None
        except OSError as error:
            raise SourceError(
                f"-: standard input cannot be read ({error.strerror or error}); "
                "check the program that writes to it"
            ) from error

    def _refuse_file(self, head: bytes) -> None:
        pcm = self._pcm
        if head in _HEADERS:
            raise SourceError(
                f"-: this is {_HEADERS[head]}, not raw PCM; name the file instead, or decode it: "
                f"ffmpeg -i FILE -f {pcm.encoding} -ac {pcm.channels} -ar {pcm.sample_rate} -"
            )

    def _decode(self, data: bytes) -> AudioArray:
        """Bytes -> (n, channels)."""
        if self._pcm.encoding == "s16le":
            flat = np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)
        elif self._pcm.encoding == "f32le":
            flat = np.frombuffer(data, "<f4").astype(np.float32)
        else:
            flat = g711.decode(np.frombuffer(data, np.uint8), self._pcm.encoding)
        samples = flat.reshape(-1, self._pcm.channels)
        bad = first_unusable(samples)
        if bad is not None:
            at = (self._position + bad) / self._pcm.sample_rate
            raise SourceError(
                f"-: NaN, infinite or absurd samples at {at:.3f} s; check that it really is "
                f"{self._pcm.encoding} with {self._pcm.channels} channels"
            )
        return samples

    def _finish(self) -> None:
        """The stream has ended; was it in order?"""
        self._open = False
        if self._position == 0:
            raise SourceError("-: no audio came in; check the program that writes to it")
        if self._partial:
            self._problem = (
                f"standard input ended inside a sample; its last {len(self._partial)} "
                "bytes were left out"
            )
            self._partial = b""


def _pollable(stream: BinaryIO) -> int | None:
    """The file descriptor if ``select`` can wait for it."""
    if os.name != "posix":
        return None
    try:
        descriptor = stream.fileno()
        select.select([descriptor], [], [], 0)
    except (OSError, ValueError, io.UnsupportedOperation):
        return None
    return descriptor
