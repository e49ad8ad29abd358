"""Rows -> columns of the timeline at any zoom; hours of rows in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from realtime_ser.types import EMOTIONS, UNCERTAIN
from realtime_ser.ui.times import clock_text

if TYPE_CHECKING:
    from realtime_ser.types import TimelineRow

NAMES: Final = (*EMOTIONS, UNCERTAIN)
"""Code -> what a span of the timeline shows."""
SILENCE: Final = -1
CAPACITY: Final = 65_536
"""Spans a lane keeps: nine hours of speech at two rows a second."""
SHORTEST: Final = 0.1
"""Seconds of speech that make a column speak; less is the padding of a neighbour's segment."""

_CODES: Final = {name: code for code, name in enumerate(NAMES)}
_TICK_SECONDS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)


@dataclass(frozen=True, slots=True)
class Columns:
    """A piece of a lane, a value a column."""

    codes: npt.NDArray[np.int8]
    """(n,) index into ``NAMES``: what was shown for the longest time; ``SILENCE`` for no speech."""
    confidence: npt.NDArray[np.float64]
    """(n,) mean confidence of that while it was shown; 0 in silence."""


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring columns that show the same."""

    start: int
    stop: int
    code: int


class Lane:
    """One stream's past: disjoint spans of time, each with what was shown in it.

    A row paints what no earlier row has painted: a window row looks back over several hops, but
    only its newest hop is news; an utterance row paints the rest that no window reached.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._count = 0
        self._spans = np.zeros((min(1024, 2 * capacity), 2))
        self._codes = np.zeros(len(self._spans), np.int8)
        self._confidence = np.zeros(len(self._spans), np.float32)

    def __len__(self) -> int:
        return self._count

    @property
    def end(self) -> float:
        """End of the last span, in seconds; 0 before the first."""
        return float(self._spans[self._count - 1, 1]) if self._count else 0.0

    def add(self, row: TimelineRow) -> None:
        """Paint a window or utterance row; alerts are marks, not time."""
        start = max(row.start, self.end)
        if row.kind == "alert" or row.end <= start:
            return
        if self._count == len(self._spans):
            self._make_room()
        self._spans[self._count] = start, row.end
        self._codes[self._count] = _CODES[row.emotion]
        self._confidence[self._count] = row.confidence
        self._count += 1

    def since(self) -> float:
        """Start of the newest stretch that shows one thing without a gap, in seconds."""
        i = self._count - 1
        while (
            i > 0
            and self._codes[i - 1] == self._codes[i]
            and self._spans[i, 0] - self._spans[i - 1, 1] < SHORTEST
        ):
            i -= 1
        return float(self._spans[i, 0]) if self._count else 0.0

    def columns(self, first: int, count: int, seconds: float) -> Columns:
        """Draw columns ``first`` to ``first + count``, each ``seconds`` wide; column 0 is time 0.

        The grid does not move with time, so that a column never changes once it is past.
        """
        edges = np.arange(first, first + count + 1, dtype=np.float64) * seconds
        spans = self._spans[: self._count]
        low = int(np.searchsorted(spans[:, 1], edges[0], side="right"))
        high = int(np.searchsorted(spans[:, 0], edges[-1], side="left"))
        codes = self._codes[low:high]
        time = np.zeros((len(NAMES), count))
        weighted = np.zeros((len(NAMES), count))
        for code in np.unique(codes):
            chosen = codes == code
            painted = spans[low:high][chosen]
            time[code] = _amounts(painted, np.ones(len(painted)), edges)
            weighted[code] = _amounts(painted, self._confidence[low:high][chosen], edges)
        best = np.argmax(time, axis=0)
        spoken = time.sum(axis=0) >= min(SHORTEST, seconds / 2) - 1e-9
        each = np.arange(count)
        longest = np.maximum(time[best, each], 1e-12)
        return Columns(
            codes=np.where(spoken, best, SILENCE).astype(np.int8),
            confidence=np.where(spoken, weighted[best, each] / longest, 0.0),
        )

    def _make_room(self) -> None:
        """Grow up to twice the capacity; then forget the older half."""
        if len(self._spans) < 2 * self._capacity:
            size = min(2 * len(self._spans), 2 * self._capacity)
            self._spans = np.resize(self._spans, (size, 2))
            self._codes = np.resize(self._codes, size)
            self._confidence = np.resize(self._confidence, size)
            return
        for values in (self._spans, self._codes, self._confidence):
            values[: self._capacity] = values[self._count - self._capacity : self._count].copy()
        self._count = self._capacity


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


def _amounts(
    spans: npt.NDArray[np.float64],
    weights: npt.NDArray[np.floating],
    edges: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Weighted time of disjoint, sorted spans in each interval between neighbouring edges."""
    amounts = np.cumsum((spans[:, 1] - spans[:, 0]) * weights)
    reached = np.repeat(np.concatenate(([0.0], amounts)), 2)[1:-1]
    return np.diff(np.interp(edges, spans.ravel(), reached))
