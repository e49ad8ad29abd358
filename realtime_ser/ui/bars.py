"""Bars out of block characters, to an eighth of a cell."""

from __future__ import annotations

from itertools import groupby, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

RISING: Final = " ▁▂▃▄▅▆▇█"
"""A cell filled from below by 0 to 8 eighths."""
GROWING: Final = " ▏▎▍▌▋▊▉█"
"""A cell filled from the left by 0 to 8 eighths."""


def horizontal(share: float, width: int) -> str:
    """A bar from the left: the filled part of ``width`` cells, without trailing blanks.

    Args:
        share: 0 to 1; what lies outside is cut. More than 0 shows at least an eighth.
        width: cells of the full bar.
    """
    eighths = _eighths(share, width)
    full, rest = divmod(eighths, 8)
    return GROWING[8] * full + (GROWING[rest] if rest else "")


def verticals(shares: npt.NDArray[np.float64], height: int) -> npt.NDArray[np.int64]:
    """Bars from below, side by side.

    Args:
        shares: (n,) 0 to 1; what lies outside is cut. More than 0 shows at least an eighth.
        height: cells of a full bar.

    Returns:
        (height, n) filled eighths of each cell, the top row first.
    """
    eighths = np.rint(np.clip(shares, 0.0, 1.0) * height * 8).astype(np.int64)
    eighths = np.where(shares > 0.0, np.maximum(eighths, 1), eighths)
    below = 8 * np.arange(height - 1, -1, -1)
    filled: npt.NDArray[np.int64] = np.clip(eighths - below[:, np.newaxis], 0, 8)
    return filled


def styled(
    cells: npt.NDArray[np.integer],
    characters: str,
    kinds: npt.NDArray[np.integer],
    styles: Sequence[str],
) -> list[list[tuple[str, str]]]:
    """Rows of cells -> for each row its stretches of equal style.

    Args:
        cells: (rows, n) index into ``characters``.
        characters: one cell each.
        kinds: (n,) or (rows, n) index into ``styles``; -1 for the last of them.
        styles: of the text.
    """
    letters = np.array(list(characters))
    lines = []
    for row, kind in zip(letters[cells], np.broadcast_to(kinds, cells.shape), strict=True):
        text = "".join(row.tolist())
        bounds = [0, *(np.flatnonzero(np.diff(kind)) + 1).tolist(), len(text)]
        lines.append([(text[a:b], styles[kind[a]]) for a, b in pairwise(bounds) if b > a])
    return lines


def joined(cells: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Text with its style, a cell each -> a stretch of equal style each; much cheaper to draw."""
    return [
        ("".join(text for text, _ in stretch), style)
        for style, stretch in groupby(cells, key=itemgetter(1))
    ]


def _eighths(share: float, cells: int) -> int:
    eighths = round(min(1.0, max(0.0, share)) * cells * 8)
    return max(1, eighths) if share > 0.0 and cells > 0 else eighths
