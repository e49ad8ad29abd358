"""Curves out of braille dots: two by four to a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_BITS: Final = np.array([(0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80)], np.uint8)
"""Of a braille cell: by row from the top, by column from the left."""
LEFT_DOTS: Final = np.uint8(0x47)
"""Of a braille cell: the left one of its two columns."""


def curve_dots(values: npt.NDArray[np.float64], height: int) -> npt.NDArray[np.uint8]:
    """A curve as bits of braille cells.

    Args:
        values: (2 n,) from -1 (bottom) to 1 (top), two a cell; NaN leaves a gap.
        height: rows of cells.

    Returns:
        (height, n) bits, the top row first; 0 where nothing is drawn.
    """
    levels = 4 * height
    heard = np.isfinite(values)
    rows = np.rint((1.0 - np.where(heard, values, 0.0)) / 2.0 * (levels - 1))
    rows = np.clip(rows, 0, levels - 1).astype(np.int64)
    before = np.concatenate((rows[:1], rows[:-1]))
    follows = heard & np.concatenate(([False], heard[:-1]))
    # A steep step is drawn as a line, so that the curve holds together.
    first = np.where(follows & (before < rows), before + 1, rows)
    last = np.where(follows & (before > rows), before - 1, rows)
    each = np.arange(levels)[:, np.newaxis]
    dots = heard & (first <= each) & (each <= last)
    # (rows of cells, dots of a cell down, cells, dots of a cell across) -> bits of each cell
    parted = dots.reshape(height, 4, len(values) // 2, 2)
    cells: npt.NDArray[np.uint8] = (parted * _BITS[:, np.newaxis, :]).sum(
        axis=(1, 3), dtype=np.uint8
    )
    return cells
