"""Bars out of block characters, to an eighth of a cell."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def vertical(share: float, height: int) -> str:
    """A bar from below, one character a row, the bottom row first."""
    eighths = _eighths(share, height)
    return "".join(RISING[min(8, max(0, eighths - 8 * row))] for row in range(height))


def joined(cells: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Text with its style, a cell each -> a stretch of equal style each; much cheaper to draw."""
    return [
        ("".join(text for text, _ in stretch), style)
        for style, stretch in groupby(cells, key=itemgetter(1))
    ]


def _eighths(share: float, cells: int) -> int:
    eighths = round(min(1.0, max(0.0, share)) * cells * 8)
    return max(1, eighths) if share > 0.0 and cells > 0 else eighths
