"""Automatic gain control: the detector hears every stream at a level of its own.

The voice activity detector was trained on speech of ordinary level and misses what is much softer.
The gain follows the loudest sounds at once and lets go of them within seconds, so that a whisper
after a shout is heard; and it follows the noise between them, so that a pause stays one. A stream
and the same stream recorded 20 dB softer are heard as one. The target is near full scale: after a
slammed door, which can be no louder, speech is heard no worse than without any gain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from realtime_ser.types import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from realtime_ser.types import AudioArray

TARGET_DBFS: Final = -8.0
"""Level of the loudest blocks after the gain."""
LOWEST_DBFS: Final = -80.0
"""Nothing is taken for softer, so that the hiss of a silent line stays one."""
NOISE_BELOW: Final = 30.0
"""dB that noise stays below the target."""
RELEASE: Final = 6.0
"""dB a second by which the level falls when nothing as loud follows."""
NOISE_RISE: Final = 3.0
"""dB a second by which the noise rises when nothing as soft follows."""
OFFSET_ATTACK: Final = 1.0 / 32.0
"""Share of a block in the running mean, a constant offset that some sound cards add: a second."""
ATTACK: Final = 1.0 / 3.0
"""Share of a block in the running power: a click is no level."""
_LOWEST_POWER: Final = 10.0 ** (LOWEST_DBFS / 10.0)


@dataclass(frozen=True, slots=True)
class Heard:
    """Consecutive blocks as the detector hears them."""

    blocks: AudioArray
    """(n, samples), each block multiplied by a gain of its own."""
    above_noise: npt.NDArray[np.float32]
    """(n,) dB by which the running level lies above the noise."""


class AutomaticGain:
    """One stream's gain."""

    def __init__(self) -> None:
        self._offset: float | None = None
        self._power = 0.0
        self._loud = LOWEST_DBFS
        self._noise = math.inf

    def __call__(self, blocks: AudioArray) -> Heard:
        """Consecutive blocks, (n, samples), at the stream's own level."""
        return hear_all([self], blocks, [len(blocks)])

    def follow_offset(self, means: Iterable[float]) -> Iterator[float]:
        """Means of consecutive blocks -> the running mean at each."""
        for mean in means:
            before = mean if self._offset is None else self._offset
            self._offset = before + OFFSET_ATTACK * (mean - before)
            yield self._offset

    def follow_level(
        self, powers: Iterable[float], seconds: float
    ) -> Iterator[tuple[float, float]]:
        """Powers of consecutive blocks -> the gain of each, and its dB above the noise.

        Args:
            powers: mean squares.
            seconds: of a block.
        """
        for power in powers:
            self._power += ATTACK * (power - self._power)
            heard = 10.0 * math.log10(max(self._power, _LOWEST_POWER))
            self._loud = max(heard, self._loud - RELEASE * seconds)
            self._noise = min(heard, self._noise + NOISE_RISE * seconds)
            level = max(self._loud, self._noise + NOISE_BELOW)
            yield 10.0 ** ((TARGET_DBFS - level) / 20.0), heard - self._noise


def hear_all(gains: Sequence[AutomaticGain], blocks: AudioArray, counts: Sequence[int]) -> Heard:
    """Blocks of many streams, each at a level of its own.

    Args:
        gains: one a stream.
        blocks: (n, samples), the consecutive blocks of the first stream, then of the next.
        counts: how many of them each stream has.
    """
    n, samples = blocks.shape
    ends = list(accumulate(counts))
    parts = list(zip(gains, [0, *ends[:-1]], ends, strict=True))
    means = blocks.mean(axis=1, dtype=np.float64).tolist()
    offsets = [x for gain, i, j in parts for x in gain.follow_offset(means[i:j])]
    blocks = blocks - np.array(offsets, dtype=np.float32).reshape(n, 1)
    powers = np.square(blocks, dtype=np.float64).mean(axis=1).tolist()
    seconds = samples / SAMPLE_RATE
    found = [x for gain, i, j in parts for x in gain.follow_level(powers[i:j], seconds)]
    levels = np.array(found, dtype=np.float32).reshape(n, 2)
    return Heard(blocks * levels[:, :1], levels[:, 1])
