"""Curves out of braille dots: two by four to a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Of a braille cell: by row from the top, by column from the left."""


def curve_dots(values: npt.NDArray[np.float64], height: int) -> npt.NDArray[np.uint8]:
    """A curve as bits of braille cells.

    Args:
        values: (2 n,) from -1 (bottom) to 1 (top), two a cell; NaN leaves a gap.
        height: rows of cells.

    Returns:
        (height, n) bits, the top row first; 0 where nothing is drawn.
    """
    cells = np.zeros((height, len(values) // 2), np.uint8)
    levels = 4 * height
    before: int | None = None
    for number, value in enumerate(values.tolist()):
        if value != value:
            before = None
            continue
        row = min(levels - 1, max(0, round((1.0 - value) / 2.0 * (levels - 1))))
        # A steep step is drawn as a line, so that the curve holds together.
        first = row if before is None else min(row, before + 1) if row > before else row
        last = row if before is None else max(row, before - 1) if row < before else row
        for dot in range(min(first, last), max(first, last) + 1):
            cells[dot // 4, number // 2] |= _BITS[dot % 4][number % 2]
        before = row
    return cells
