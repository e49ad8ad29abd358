"""The last minutes of a call in one line: a cell for a stretch of time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from realtime_ser.dashboard.ranking import ENTRY
from realtime_ser.types import UNCERTAIN
from realtime_ser.ui.bars import RISING, joined

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from realtime_ser.dashboard.calls import Call, Heard, Key
    from realtime_ser.ui.display import Display
    from realtime_ser.ui.line_widget import Line

SPAN: Final = 300.0
"""Seconds that the line looks back."""
WIDEST: Final = int(SPAN / ENTRY)
"""Cells; more would show nothing more."""
SURE: Final = 0.6
"""Confidence from which a letter is a capital, where letters stand for colours."""

Cell = tuple[str, float] | None
"""Emotion or ``uncertain`` and its confidence; None where nothing was said."""


class Strips:
    """Remembers lines: a call is drawn twice a second, and its strip changes every few."""

    def __init__(self) -> None:
        self._made: dict[Key, tuple[_Made, Line]] = {}

    def line(self, call: Call, width: int, display: Display, *, letters: bool) -> Line:
        """The line of a call; see ``strip_line``."""
        made = _Made(call.recent, math.ceil(call.duration * width / SPAN), width, display)
        before = self._made.get(call.key)
        if before is None or not before[0].is_same(made):
            cells = strip_cells(call.recent, call.duration, width)
            self._made[call.key] = before = made, strip_line(cells, display, letters=letters)
        return before[1]

    def keep(self, keys: Container[Key]) -> None:
        """Forget the lines of all other calls."""
        self._made = {key: made for key, made in self._made.items() if key in keys}


@dataclass(frozen=True, slots=True)
class _Made:
    """All that a line depends on."""

    recent: Sequence[Heard]
    last: int
    width: int
    display: Display

    def is_same(self, other: _Made) -> bool:
        """Without looking into what was heard: what has not changed is the same object."""
        return self.recent is other.recent and (self.last, self.width, self.display) == (
            other.last, other.width, other.display,
        )  # fmt: skip


def strip_cells(recent: Sequence[Heard], duration: float, width: int) -> list[Cell]:
    """What was heard in each of ``width`` stretches, the newest at the right.

    A stretch shows the emotion that it had the longest and surest. Stretches begin at whole
    multiples of their length since the start of the call, so that what is past keeps its look.
    """
    length = SPAN / width
    last = math.ceil(duration / length)
    first = last - width
    sums: list[dict[str, tuple[float, float]]] = [{} for _ in range(width)]
    before = -math.inf
    for end, emotion, confidence in recent:
        start = max(before, end - ENTRY, 0.0)
        before = end
        for number in range(int(start / length), math.ceil(end / length)):
            if first <= number < last:
                overlap = min(end, (number + 1) * length) - max(start, number * length)
                weight, seconds = sums[number - first].get(emotion, (0.0, 0.0))
                sums[number - first][emotion] = weight + confidence * overlap, seconds + overlap
    return [_strongest(each) for each in sums]


def strip_line(cells: Sequence[Cell], display: Display, *, letters: bool) -> Line:
    """The cells as text: height is confidence, colour the emotion.

    Args:
        cells: see ``strip_cells``.
        display: how to draw.
        letters: there are no colours; the emotion's letter instead, small where it is not sure.
    """
    return joined(_cell(cell, display, letters=letters) for cell in cells)


def _strongest(sums: dict[str, tuple[float, float]]) -> Cell:
    if not sums:
        return None
    emotion = max(sums, key=lambda name: sums[name])
    weight, seconds = sums[emotion]
    return (emotion, weight / seconds) if seconds > 0.0 else None


def _cell(cell: Cell, display: Display, *, letters: bool) -> tuple[str, str]:
    palette = display.palette
    if cell is None:
        return ("·" if letters else " "), f"{palette.muted} on {palette.track}"
    emotion, confidence = cell
    look = display.look(emotion)
    if letters:
        sure = emotion == UNCERTAIN or confidence >= SURE
        return (look.letter if sure else look.letter.lower()), palette.ink
    return RISING[max(1, round(confidence * 8))], f"{look.color} on {palette.track}"
