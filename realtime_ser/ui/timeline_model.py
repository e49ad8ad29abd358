"""Columns of a lane -> stretches and marks of the axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from realtime_ser.ui.lane import SILENCE
from realtime_ser.ui.times import clock_text

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def ticks(
    first: int, count: int, seconds: float, starts: Sequence[float] = (0.0,)
) -> list[tuple[int, str]]:
    """Marks of the time axis, never closer than readable.

    Args:
        first: column at the left edge.
        count: columns in sight.
        seconds: a column.
        starts: seconds of the axis at which runs begin; each has times of its own.

    Returns:
        (column counted from ``first``, text), from left to right.
    """
    room = 2 + len(clock_text((first + count) * seconds))
    step = next(
        (step for step in _TICK_SECONDS if step >= seconds and step / seconds >= room + 2),
        _TICK_SECONDS[-1],
    )
    found = divisions(first * seconds, (first + count) * seconds, step, room * seconds, starts)
    columns = [(round(at / seconds) - first, clock_text(own)) for at, own in found]
    return [(column, text) for column, text in columns if 0 <= column <= count - room]


def divisions(
    left: float, right: float, step: int, room: float, starts: Sequence[float]
) -> list[tuple[float, int]]:
    """Every ``step`` seconds of each run, as far as ``room`` seconds are left in it and in sight.

    Args:
        left: seconds of the axis where what is in sight begins.
        right: where it ends.
        step: seconds.
        room: seconds that a label takes.
        starts: seconds of the axis at which runs begin; each has times of its own.

    Returns:
        (seconds of the axis, seconds of the run), from left to right.
    """
    found: list[tuple[float, int]] = []
    for start, end in pairwise([*starts, math.inf]):
        first = math.floor(max(0.0, left - start) / step) * step
        last = min(right, end) - room - start
        found += [(start + own, own) for own in range(first, math.floor(last) + 1, step)]
    return found
