"""One stream's past: hours of rows in bounded memory, drawn at any zoom, read out at any time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from realtime_ser.types import EMOTIONS, UNCERTAIN, TimelineRow

if TYPE_CHECKING:
    from realtime_ser.types import RowKind

NAMES: Final = (*EMOTIONS, UNCERTAIN)
"""Code -> what a span of the timeline shows."""
SILENCE: Final = -1
CAPACITY: Final = 65_536
"""Spans a lane keeps: nine hours of speech at two rows a second."""
SHORTEST: Final = 0.1
"""Seconds of speech that make a column speak; less is the padding of a neighbour's segment."""

_CODES: Final = {name: code for code, name in enumerate(NAMES)}
_SPAN: Final = np.dtype([
    ("start", "f8"), ("end", "f8"),  # what it paints, on the screen's axis
    ("length", "f8"), ("offset", "f8"), ("utc", "f8"), ("window", "?"), ("code", "i1"),
    ("confidence", "f4"), ("scores", "f4", (len(EMOTIONS),)), ("arousal", "f4"),
    ("valence", "f4"), ("level", "f4"), ("adapted", "f4"), ("latency", "f4"), ("flags", "i4"),
], align=True)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Columns:
    """A piece of a lane, a value a column."""

    codes: npt.NDArray[np.int8]
    """(n,) index into ``NAMES``: what was shown for the longest time; ``SILENCE`` for no speech."""
    confidence: npt.NDArray[np.float64]
    """(n,) mean confidence of that while it was shown; 0 in silence."""


@dataclass(frozen=True, slots=True)
class Painted:
    """A span of the axis and the row that was shown in it."""

    start: float
    end: float
    row: TimelineRow
    """With the times of its own run."""


class Lane:
    """Disjoint spans of time, each with the row that was shown in it.

    A row paints what no earlier row has painted: a window row looks back over several hops, but
    only its newest hop is news; an utterance row paints the rest that no window reached.
    """

    def __init__(self, stream: str = "", channel: int = 0, capacity: int = CAPACITY) -> None:
        self._stream = stream
        self._channel = channel
        self._capacity = capacity
        self._count = 0
        self._spans = np.zeros(min(1024, 2 * capacity), _SPAN)
        self._since = 0.0
        self._flags: list[tuple[str, ...]] = []
        self._flag_codes: dict[tuple[str, ...], int] = {}

    def __len__(self) -> int:
        return self._count

    @property
    def end(self) -> float:
        """End of the last span, in seconds; 0 before the first."""
        return float(self._spans["end"][self._count - 1]) if self._count else 0.0

    def add(self, row: TimelineRow, offset: float = 0.0) -> None:
        """Paint a window or utterance row; alerts are marks, not time.

        Args:
            row: with the times of its own run.
            offset: where that run begins on the screen's axis, in seconds.
        """
        end = row.end + offset
        start = max(row.start + offset, self.end)
        if row.kind == "alert" or end <= start:
            return
        if self._count == len(self._spans):
            self._make_room()
        self._spans[self._count] = (
            start, end, row.end - row.start, offset, _epoch(row.utc), row.kind == "window",
            _CODES[row.emotion], row.confidence,
            [row.probabilities.get(name, np.nan) for name in EMOTIONS],
            _or_nan(row.arousal), _or_nan(row.valence), row.level_dbfs, row.adapted,
            _or_nan(row.latency_ms), self._code_of(row.flags),
        )  # fmt: skip
        self._since = self._start_of_stretch(self._count)
        self._count += 1

    def rewind(self, seconds: float) -> None:
        """Forget what was painted after a moment of the axis."""
        self._count = int(np.searchsorted(self._spans["end"][: self._count], seconds, "right"))
        self._since = 0.0
        for number in range(self._count):
            self._since = self._start_of_stretch(number)

    def since(self) -> float:
        """Start of the newest stretch that shows one thing without a gap, in seconds."""
        return self._since if self._count else 0.0

    def at(self, seconds: float) -> TimelineRow | None:
        """The row that was shown at a moment of the axis; None in silence."""
        ends = self._spans["end"][: self._count]
        number = int(np.searchsorted(ends, seconds, "right"))
        if number == self._count or self._spans["start"][number] > seconds:
            return None
        return self._row(number)

    def painted(self, start: float, end: float) -> list[Painted]:
        """What was painted between two moments."""
        low, high = self._range(start, end)
        spans = self._spans
        return [
            Painted(float(spans["start"][i]), float(spans["end"][i]), self._row(i))
            for i in range(low, high)
        ]

    def has_any(self, start: float, end: float) -> bool:
        """Something was painted between two moments."""
        low, high = self._range(start, end)
        return low < high

    def columns(self, first: int, count: int, seconds: float) -> Columns:
        """Draw columns ``first`` to ``first + count``, each ``seconds`` wide; column 0 is time 0.

        The grid does not move with time, so that a column never changes once it is past.
        """
        edges, spans = self._between(first, count, seconds)
        codes = spans["code"]
        time = np.zeros((len(NAMES), count))
        weighted = np.zeros((len(NAMES), count))
        for code in np.unique(codes):
            painted = spans[codes == code]
            time[code] = _amounts(painted, np.ones(len(painted)), edges)
            weighted[code] = _amounts(painted, painted["confidence"], edges)
        best = np.argmax(time, axis=0)
        spoken = time.sum(axis=0) >= min(SHORTEST, seconds / 2) - 1e-9
        each = np.arange(count)
        longest = np.maximum(time[best, each], 1e-12)
        return Columns(
            codes=np.where(spoken, best, SILENCE).astype(np.int8),
            confidence=np.where(spoken, weighted[best, each] / longest, 0.0),
        )

    def plane(self, first: int, count: int, seconds: float) -> npt.NDArray[np.float64]:
        """Mean arousal and valence of columns as ``columns`` has them: (2, n), NaN in silence."""
        edges, spans = self._between(first, count, seconds)
        spans = spans[np.isfinite(spans["arousal"]) & np.isfinite(spans["valence"])]
        time = _amounts(spans, np.ones(len(spans)), edges)
        sums = np.stack([_amounts(spans, spans[name], edges) for name in ("arousal", "valence")])
        return np.where(time > 0.0, sums / np.maximum(time, 1e-12), np.nan)

    def _between(
        self, first: int, count: int, seconds: float
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.void]]:
        edges = np.arange(first, first + count + 1, dtype=np.float64) * seconds
        low, high = self._range(edges[0], edges[-1])
        return edges, self._spans[low:high]

    def _range(self, start: float, end: float) -> tuple[int, int]:
        spans = self._spans[: self._count]
        low = int(np.searchsorted(spans["end"], start, side="right"))
        return low, int(np.searchsorted(spans["start"], end, side="left"))

    def _row(self, number: int) -> TimelineRow:
        span = self._spans[number]
        end = float(span["end"] - span["offset"])
        scores = zip(EMOTIONS, span["scores"].tolist(), strict=True)
        kind: RowKind = "window" if span["window"] else "utterance"
        return TimelineRow(
            stream=self._stream,
            channel=self._channel,
            kind=kind,
            start=max(0.0, end - float(span["length"])),
            end=end,
            utc=_utc(float(span["utc"])),
            emotion=NAMES[span["code"]],
            confidence=float(span["confidence"]),
            probabilities={name: score for name, score in scores if np.isfinite(score)},
            arousal=_or_none(span["arousal"]),
            valence=_or_none(span["valence"]),
            level_dbfs=float(span["level"]),
            adapted=float(span["adapted"]),
            latency_ms=_or_none(span["latency"]),
            flags=self._flags[span["flags"]],
        )

    def _start_of_stretch(self, number: int) -> float:
        """Where the stretch of a span begins, once the span before it is known."""
        spans = self._spans
        goes_on = (
            number > 0
            and spans["code"][number - 1] == spans["code"][number]
            and spans["start"][number] - spans["end"][number - 1] < SHORTEST
        )
        return self._since if goes_on else float(spans["start"][number])

    def _code_of(self, flags: tuple[str, ...]) -> int:
        """Most rows have the same flags: they are kept once."""
        if flags not in self._flag_codes:
            self._flag_codes[flags] = len(self._flags)
            self._flags.append(flags)
        return self._flag_codes[flags]

    def _make_room(self) -> None:
        """Grow up to twice the capacity; then forget the older half."""
        if len(self._spans) < 2 * self._capacity:
            self._spans = np.resize(self._spans, min(2 * len(self._spans), 2 * self._capacity))
            return
        kept = self._spans[self._count - self._capacity : self._count].copy()
        self._spans[: self._capacity] = kept
        self._count = self._capacity


def _amounts(
    spans: npt.NDArray[np.void],
    weights: npt.NDArray[np.floating],
    edges: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Weighted time of disjoint, sorted spans in each interval between neighbouring edges."""
    if not len(spans):
        return np.zeros(len(edges) - 1)
    bounds = np.stack([spans["start"], spans["end"]], axis=1)
    amounts = np.cumsum((bounds[:, 1] - bounds[:, 0]) * weights)
    reached = np.repeat(np.concatenate(([0.0], amounts)), 2)[1:-1]
    return np.diff(np.interp(edges, bounds.ravel(), reached))


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def _or_none(value: np.float32) -> float | None:
    return float(value) if np.isfinite(value) else None


def _epoch(utc: str) -> float:
    try:
        return datetime.fromisoformat(utc).timestamp()
    except (ValueError, OverflowError, OSError):  # timelines that somebody else wrote
        return np.nan


def _utc(epoch: float) -> str:
    if not np.isfinite(epoch):
        return ""
    try:
        moment = datetime.fromtimestamp(round(epoch, 3), UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):  # years that no calendar here has
        return ""
    return moment.isoformat(timespec="milliseconds") + "Z"
