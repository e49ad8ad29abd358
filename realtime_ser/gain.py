"""Automatic gain control: brings the loudest sounds of a stream to one level.

The voice activity detector was trained on speech of ordinary level, and hears less of what is
softer. The gain follows the loudest blocks at once and lets go of them slowly, as automatic gain
controls do that precede speech coders: what matters is that a stream and the same stream recorded
20 dB softer are heard as one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from realtime_ser.types import SAMPLE_RATE

if TYPE_CHECKING:
    from realtime_ser.types import AudioArray

TARGET_DBFS: Final = -26.0
"""Level of the loudest blocks after the gain."""
LOWEST_DBFS: Final = -80.0
"""Nothing is taken for softer, so that the hiss of a silent line stays one."""
RELEASE: Final = 0.3
"""dB a second by which the level falls when nothing as loud follows."""
ATTACK: Final = 1.0 / 3.0
"""Share of a block in the running power: a click is no level."""
_SILENCE: Final = 1e-12


class AutomaticGain:
    """One stream's gain."""

    def __init__(self) -> None:
        self._power = 0.0
        self._level = LOWEST_DBFS

    def __call__(self, blocks: AudioArray) -> AudioArray:
        """Consecutive blocks at the stream's own level.

        Args:
            blocks: (n, samples).

        Returns:
            (n, samples), each block multiplied by a gain of its own.
        """
        n, samples = blocks.shape
        release = RELEASE * samples / SAMPLE_RATE
        gains = np.empty((n, 1), dtype=np.float32)
        for i, power in enumerate(np.square(blocks, dtype=np.float64).mean(axis=1)):
            self._power += ATTACK * (power - self._power)
            heard = 10.0 * math.log10(max(self._power, _SILENCE))
            self._level = max(heard, self._level - release, LOWEST_DBFS)
            gains[i] = 10.0 ** ((TARGET_DBFS - self._level) / 20.0)
        return blocks * gains
