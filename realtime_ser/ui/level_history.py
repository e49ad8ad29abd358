"""How loud it was, for hours: a level for every tenth of a second."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

BIN: Final = 0.1
"""Seconds."""
FLOOR: Final = -60.0
"""dBFS that are shown as nothing."""
_LONGEST: Final = 10 * 36_000
"""Bins that are kept: ten hours, 360 kB."""


class LevelHistory:
    """Levels of one stream on the screen's axis; 0 is ``FLOOR`` and below, 255 full scale."""

    def __init__(self) -> None:
        self._bins = np.zeros(1024, np.uint8)
        self._first = 0
        """Bins before this one are forgotten."""

    def add(self, amplitudes: Iterable[tuple[int, float]]) -> None:
        """Take (bin, peak amplitude) pairs."""
        for number, amplitude in amplitudes:
            level = 20.0 * math.log10(amplitude) if amplitude > 1e-6 else -120.0
            self.paint(number, number + 1, level)

    def paint(self, first: int, last: int, level_dbfs: float) -> None:
        """Set bins ``first`` up to ``last`` to a level."""
        if last > self._first + len(self._bins):
            self._make_room(last)
        share = min(1.0, max(0.0, 1.0 - level_dbfs / FLOOR))
        low, high = max(0, first - self._first), max(0, last - self._first)
        self._bins[low:high] = round(255 * share)

    def rewind(self, seconds: float) -> None:
        """Forget what was heard after a moment."""
        self._bins[max(0, math.ceil(seconds / BIN) - self._first) :] = 0

    def columns(self, first: int, count: int, seconds: float) -> npt.NDArray[np.float64]:
        """(n,) the highest level of each column, 0 to 1; see ``Lane.columns``."""
        edges = np.arange(first, first + count + 1, dtype=np.float64) * seconds / BIN
        bounds = np.floor(edges + 1e-6).astype(np.int64) - self._first
        low = np.clip(bounds[:-1], 0, len(self._bins) - 1)
        high = np.clip(np.maximum(bounds[1:], bounds[:-1] + 1), 1, len(self._bins))
        high = np.maximum(high, low + 1)
        # Odd entries of reduceat go from the end of one column to the start of the next: dropped.
        pairs = np.stack([low, high], axis=1).ravel()
        padded = np.append(self._bins[: int(high.max())], np.uint8(0))
        peaks = np.maximum.reduceat(padded, pairs)[::2] / 255.0
        outside = (bounds[1:] <= 0) | (bounds[:-1] >= len(self._bins))
        return np.where(outside, 0.0, peaks)

    def _make_room(self, last: int) -> None:
        size = len(self._bins)
        while size < last - self._first and size < _LONGEST:
            size = min(_LONGEST, 2 * size)
        grown = np.zeros(size, np.uint8)
        forgotten = max(0, last - self._first - size + (size // 4 if size == _LONGEST else 0))
        kept = self._bins[forgotten:]
        grown[: len(kept)] = kept
        self._bins, self._first = grown, self._first + forgotten
