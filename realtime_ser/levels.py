"""Levels in dB re full scale: amplitude 1.0 is 0 dBFS, so a full-scale sine has an RMS of -3.01."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from realtime_ser.types import AudioArray

FLOOR_DBFS: Final = -120.0
"""Level of silence; nothing is said to be lower."""
LARGEST: Final = 1e6
"""Amplitude (+120 dBFS) beyond which a sample is a mistake, and squares may overflow."""


def first_unusable(samples: AudioArray) -> int | None:
    """Position in (n, channels) samples of the first NaN, infinity or absurd amplitude."""
    bad = np.flatnonzero(~(np.abs(samples) <= LARGEST).all(axis=1))
    return int(bad[0]) if len(bad) else None


def level_dbfs(samples: AudioArray) -> float:
    """RMS level of (n,) samples, never below ``FLOOR_DBFS``; that of no samples is the floor."""
    if not len(samples):
        return FLOOR_DBFS
    return _dbfs(math.sqrt(float(np.mean(np.square(samples, dtype=np.float64)))))


def peak_dbfs(samples: AudioArray) -> float:
    """Level of the largest absolute value of (n,) samples, never below ``FLOOR_DBFS``."""
    if not len(samples):
        return FLOOR_DBFS
    return _dbfs(float(np.max(np.abs(samples))))


def _dbfs(amplitude: float) -> float:
    return max(FLOOR_DBFS, 20.0 * math.log10(amplitude)) if amplitude > 0.0 else FLOOR_DBFS
