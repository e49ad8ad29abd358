"""A timeline file played again, as a screen sees an engine. No threads: the clock tells all."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from realtime_ser.errors import DataError
from realtime_ser.marks import mark_flag, marks_of
from realtime_ser.sinks.reader import read_timeline
from realtime_ser.stats import Health, Latency, LatencyMeter, StreamStatus, Turn
from realtime_ser.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from realtime_ser.clock import Clock
    from realtime_ser.stats import EngineState
    from realtime_ser.types import TimelineRow

MIN_SPEED: Final = 0.25
MAX_SPEED: Final = 64.0
PAUSE_BETWEEN: Final = 1.0
"""Seconds behind the last row: until the next session begins, or the replay ends."""
LONGEST_PAUSE: Final = 120.0
"""Seconds between two sessions that are shown as they were, by their UTC; longer ones are cut to
``PAUSE_BETWEEN``."""

_MOVED = 2.0
"""Seconds by which UTC at time 0 may differ within a session."""
_SILENT_DBFS = -120.0
_NEWEST = 512
"""Rows whose latency counts, as in the engine."""
_ORDER = {"window": 0, "utterance": 1, "alert": 2}
"""Of rows with the same end."""


class Replay:
    """Plays the rows of a timeline. All of it belongs to one thread, that of the screen.

    A row is due once the playhead has reached its ``end``. At the end of it all the playhead stays.
    """

    def __init__(self, rows: Sequence[TimelineRow], name: str, clock: Clock) -> None:
        """Begin to play.

        Args:
            rows: at least one, as a timeline file has them; see ``on_one_axis``.
            name: of the source, for the screen.
            clock: whose time moves the playhead.

        Raises:
            ValueError: there are no rows.
        """
        if not rows:
            raise ValueError("a replay needs rows")
        self._rows, self.starts = on_one_axis(rows)
        self._ends = [row.end for row in self._rows]
        self._duration = self._ends[-1] + PAUSE_BETWEEN
        self._tracks = _tracks(self._rows)
        timed = [(r.end, r.latency_ms) for r in self._rows if r.latency_ms is not None]
        self._latency_ends = [end for end, _ in timed]
        self._latencies = [milliseconds for _, milliseconds in timed]
        self._name = name
        self._clock = clock
        self._began = self._since = clock.monotonic()
        self._position = 0.0
        """Of the playhead at ``_since``."""
        self._speed = 1.0
        self._paused = False
        self._stopped = False
        self._taken = 0
        """Rows before this one have been handed out."""
        self._jumps = 0
        self._turns: list[Turn] = []

    @property
    def rows(self) -> Sequence[TimelineRow]:
        """All of them, on one axis."""
        return self._rows

    @property
    def classes(self) -> tuple[str, ...]:
        """The emotions that any row has a probability of, in the order of a timeline's columns."""
        known = set().union(*(row.probabilities for row in self._rows))
        return tuple(name for name in EMOTIONS if name in known)

    @property
    def speed(self) -> float:
        """Seconds of the timeline a second; 1 unless set. A change takes effect at once.

        Raises:
            ValueError: set to less than ``MIN_SPEED`` or more than ``MAX_SPEED``.
        """
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        if not MIN_SPEED <= speed <= MAX_SPEED:
            raise ValueError(f"a speed of {speed} is not within {MIN_SPEED:g} to {MAX_SPEED:g}")
        self._move(self._playhead())
        self._speed = speed

    def health(self) -> Health:
        """A picture of it all, at the playhead."""
        position = self._playhead()
        return Health(
            state=self._state(position),
            source=self._name,
            sample_rate=0,
            device="replay",
            model="",
            elapsed=self._clock.monotonic() - self._began,
            duration=self._duration,
            problem=None,
            overflows=0,
            reopened=0,
            dropped=0.0,
            queue=0.0,
            realtime_factor=0.0,
            latency=self._latency(position),
            rows=bisect_right(self._ends, position),
            streams=tuple(track.status(position) for track in self._tracks),
            speed=self._speed,
            seekable=True,
            jumps=self._jumps,
        )

    def take(self) -> list[TimelineRow | Turn]:
        """The rows that have become due since the last call, oldest first; before them a turn."""
        due = bisect_right(self._ends, self._playhead())
        rows: list[TimelineRow | Turn] = [*self._turns, *self._rows[self._taken : due]]
        self._turns.clear()
        self._taken = due
        return rows

    def seek(self, seconds: float) -> None:
        """Move the playhead; a time before the beginning or behind the end means these.

        Forward, the rows between are due at once. Back, ``Health.jumps`` counts, and the rows
        behind the new position come again when they are due; also from the end playing goes on
        there. After ``stop`` nothing moves.
        """
        if self._stopped:
            return
        position = min(max(0.0, seconds), self._duration)
        if position < self._playhead():
            self._jumps += 1
            # Of several that nobody has taken, the one furthest back.
            void = min([position, *(turn.position or 0.0 for turn in self._turns)])
            self._turns = [Turn(0, self._jumps, void)]
            self._taken = min(self._taken, bisect_right(self._ends, position))
        self._move(position)

    def pause(self) -> None:
        """Hold the playhead; nothing happens at the end."""
        position = self._playhead()
        if self._state(position) == "running":
            self._move(position)
            self._paused = True

    def resume(self) -> None:
        """Go on from where the playhead is."""
        self._move(self._playhead())
        self._paused = False

    def stop(self) -> None:
        """End here, for good; rows that are due can still be taken."""
        self._move(self._playhead())
        self._stopped = True

    def _playhead(self) -> float:
        """Seconds, never behind the end."""
        if self._paused or self._stopped:
            return self._position
        moved = (self._clock.monotonic() - self._since) * self._speed
        return min(self._position + moved, self._duration)

    def _move(self, position: float) -> None:
        self._position, self._since = position, self._clock.monotonic()

    def _state(self, position: float) -> EngineState:
        if self._stopped or position >= self._duration:
            return "ended"
        return "paused" if self._paused else "running"

    def _latency(self, position: float) -> Latency:
        due = bisect_right(self._latency_ends, position)
        meter = LatencyMeter(_NEWEST)
        for milliseconds in self._latencies[max(0, due - _NEWEST) : due]:
            meter.add(milliseconds)
        return meter.percentiles()


def open_replay(path: str | Path, clock: Clock) -> Replay:
    """A replay of a timeline file, named after it.

    Raises:
        DataError: it cannot be read, is no timeline of this version, or has no rows.
    """
    rows = read_timeline(path)
    if not rows:
        raise DataError(f"{path}: has no rows to show")
    return Replay(rows, Path(path).stem, clock)


def on_one_axis(
    rows: Iterable[TimelineRow],
) -> tuple[list[TimelineRow], tuple[float, ...]]:
    """The rows of all sessions of a file, one session after the other.

    Args:
        rows: in the order of the file. A session begins, at time 0, where the times of a stream go
            back or where UTC at time 0 moves by more than 2 s.

    Returns:
        Rows ordered by ``end``, of the same end a window before an utterance. Time 0 of a session
        is as far behind the time 0 before it as it was, or, where that is long behind the last row
        before it or nobody knows, one second behind that row: ``start`` and ``end`` move, ``utc``
        does not. And where on the axis sessions begin, in seconds.
    """
    starts = [0.0]
    placed: list[TimelineRow] = []
    offset = last = 0.0
    ends: dict[tuple[str, int], float] = {}
    began: float | None = None
    for row in rows:
        key, row_began = (row.stream, row.channel), _began(row)
        moved = began is not None and row_began is not None and abs(row_began - began) > _MOVED
        if moved or row.end < ends.get(key, 0.0):
            between = 0.0 if began is None or row_began is None else row_began - began
            pause = offset + between - last
            if not PAUSE_BETWEEN <= pause <= LONGEST_PAUSE:
                between = last + PAUSE_BETWEEN - offset
            offset, began = offset + between, None
            starts.append(offset)
            ends.clear()
        if began is None:
            began = row_began
        ends[key] = row.end
        shifted = _shifted(row, offset) if offset else row
        last = max(last, shifted.end)
        placed.append(shifted)
    placed.sort(key=lambda row: (row.end, _ORDER[row.kind]))
    return placed, tuple(starts)


def _shifted(row: TimelineRow, by: float) -> TimelineRow:
    """The row so many seconds later, its marks included."""
    marks = {mark_flag(mark): replace(mark, seconds=mark.seconds + by) for mark in marks_of(row)}
    flags = tuple(mark_flag(marks[flag]) if flag in marks else flag for flag in row.flags)
    return replace(row, start=row.start + by, end=row.end + by, flags=flags)


def _began(row: TimelineRow) -> float | None:
    """UTC at the time 0 of a row's session, in seconds; None where it does not say."""
    try:
        return datetime.fromisoformat(row.utc).replace(tzinfo=UTC).timestamp() - row.end
    except ValueError:
        return None


class _Track:
    """The rows of one stream."""

    def __init__(self, stream: str, channel: int, rows: Sequence[TimelineRow]) -> None:
        self._stream = stream
        self._channel = channel
        self._ends = [row.end for row in rows]
        self._levels = [row.level_dbfs for row in rows]
        self._edges = _edges(rows)

    def status(self, position: float) -> StreamStatus:
        """How the stream is at that time."""
        speech = bisect_right(self._edges, position) % 2 == 1
        due = bisect_right(self._ends, position)
        level = self._levels[due - 1] if speech and due else _SILENT_DBFS
        return StreamStatus(
            stream=self._stream,
            channel=self._channel,
            position=position,
            level_dbfs=level,
            peak_dbfs=level,
            speech=speech,
            speech_probability=1.0 if speech else 0.0,
        )


def _tracks(rows: Iterable[TimelineRow]) -> list[_Track]:
    by_stream: defaultdict[tuple[str, int], list[TimelineRow]] = defaultdict(list)
    for row in rows:
        by_stream[row.stream, row.channel].append(row)
    return [_Track(*key, of_stream) for key, of_stream in sorted(by_stream.items())]


def _edges(rows: Iterable[TimelineRow]) -> list[float]:
    """Where speech starts, ends, starts, and so on: the rows' times, what touches being one."""
    edges: list[float] = []
    for start, end in sorted((row.start, row.end) for row in rows if row.kind != "alert"):
        if edges and start <= edges[-1]:
            edges[-1] = max(edges[-1], end)
        else:
            edges += (start, end)
    return edges
