"""Columns of a lane -> stretches and marks of the axis."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from realtime_ser.ui.lane import SILENCE
from realtime_ser.ui.times import clock_text

if TYPE_CHECKING:
    import numpy.typing as npt

_TICK_SECONDS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring columns that show the same."""

    start: int
    stop: int
    code: int


def runs(codes: npt.NDArray[np.int8]) -> list[Run]:
    """Columns -> stretches of speech that show the same, from left to right."""
    if not len(codes):
        return []
    bounds = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    return [
        Run(start, stop, int(codes[start]))
        for start, stop in pairwise(bounds)
        if codes[start] != SILENCE
    ]


def ticks(first: int, count: int, seconds: float) -> list[tuple[int, str]]:
    """Marks of the time axis: (column counted from ``first``, text), never closer than readable."""
    room = 2 + len(clock_text((first + count) * seconds))
    step = next(
        (step for step in _TICK_SECONDS if step >= seconds and step / seconds >= room + 2),
        _TICK_SECONDS[-1],
    )
    marks = []
    for number in range(int(first * seconds // step), int((first + count) * seconds // step) + 1):
        column = round(number * step / seconds) - first
        if 0 <= column <= count - room:
            marks.append((column, clock_text(number * step)))
    return marks
