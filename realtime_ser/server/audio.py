"""Bytes off the wire -> samples at 16 kHz of the channels that are listened to. No threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from realtime_ser.capture import g711
from realtime_ser.capture.resample import StreamResampler
from realtime_ser.levels import first_unusable
from realtime_ser.server.wire import WireError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.capture.pipe import Encoding
    from realtime_ser.types import AudioArray

SAMPLE_BYTES: Final[dict[Encoding, int]] = {"s16le": 2, "f32le": 4, "mulaw": 1, "alaw": 1}


class AudioIntake:
    """Reads one interleaved signal, which may be cut anywhere."""

    def __init__(
        self, encoding: Encoding, sample_rate: int, channels: int, heard: Sequence[int]
    ) -> None:
        """Begin.

        Args:
            encoding: of a sample.
            sample_rate: Hz.
            channels: interleaved.
            heard: those that are listened to; the others are not even decoded further.
        """
        self._encoding = encoding
        self._rate = sample_rate
        self._channels = channels
        self._heard = list(heard)
        self._frame = SAMPLE_BYTES[encoding] * channels
        self._partial = b""
        self._frames = 0
        self._resampler = StreamResampler(sample_rate, len(self._heard)) if heard else None

    @property
    def received(self) -> float:
        """Seconds that came in so far."""
        return self._frames / self._rate

    @property
    def delay(self) -> float:
        """Seconds that came in and were not given out yet."""
        return 0.0 if self._resampler is None else self._resampler.delay

    def take(self, data: bytes) -> AudioArray:
        """The next bytes.

        Returns:
            (m, heard channels) at 16 kHz; m may be 0.

        Raises:
            WireError: NaN, infinite or absurd samples; nothing of ``data`` is taken then.
        """
        if self._partial:
            data = self._partial + data
        whole = len(data) - len(data) % self._frame
        samples = self._decode(data[:whole]) if self._heard else _NOTHING
        self._partial = data[whole:]
        self._frames += whole // self._frame
        return _NOTHING if self._resampler is None else self._resampler.process(samples)

    def flush(self) -> AudioArray:
        """What resampling holds back, (m, heard channels); the signal has ended."""
        return _NOTHING if self._resampler is None else self._resampler.flush()

    def _decode(self, data: bytes) -> AudioArray:
        """Whole frames -> (n, heard channels)."""
        if self._encoding == "s16le":
            flat = np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)
        elif self._encoding == "f32le":
            flat = np.frombuffer(data, "<f4").astype(np.float32)
        else:
            flat = g711.decode(np.frombuffer(data, np.uint8), self._encoding)
        samples = flat.reshape(-1, self._channels)
        if len(self._heard) != self._channels:
            samples = np.ascontiguousarray(samples[:, self._heard])
        if self._encoding == "f32le" and first_unusable(samples) is not None:
            raise WireError(
                "audio",
                f"NaN, infinite or absurd samples after {self.received:.3f} s; check that it "
                f"really is {self._encoding} with {self._channels} channels",
            )
        return samples


_NOTHING: Final = np.zeros((0, 0), np.float32)
