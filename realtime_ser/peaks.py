"""The envelope of a stream's newest seconds, for pictures of its waveform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtime_ser.types import SAMPLE_RATE

if TYPE_CHECKING:
    from realtime_ser.types import AudioArray

BIN: Final = 0.1
"""Seconds a value stands for."""
_SAMPLES: Final = round(BIN * SAMPLE_RATE)
_KEPT: Final = 40
"""Whole bins: what a screen that looks ten times a second cannot miss."""


class PeakEnvelope:
    """Peak of every tenth of a second. Bin 0 begins with sample 0 of the stream."""

    def __init__(self) -> None:
        self._done: tuple[tuple[int, float], ...] = ()
        self._bin = 0
        self._peak = 0.0

    def push(self, start_sample: int, samples: AudioArray) -> None:
        """Take (n,) samples from ``start_sample`` on; what was never heard counts as silence."""
        taken = 0
        while taken < len(samples):
            number = (start_sample + taken) // _SAMPLES
            if number != self._bin:
                # A new tuple each time: other threads read it.
                self._done = (*self._done[1 - _KEPT :], (self._bin, self._peak))
                self._bin, self._peak = number, 0.0
            count = (number + 1) * _SAMPLES - start_sample - taken
            piece = samples[taken : taken + count]
            self._peak = max(self._peak, float(piece.max()), -float(piece.min()))
            taken += len(piece)

    def newest(self) -> tuple[tuple[int, float], ...]:
        """(bin, peak amplitude) of the newest whole bins, oldest first; from any thread."""
        return self._done
