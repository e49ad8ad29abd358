"""What the screen knows: rows and health in, what is to be shown out. No terminal in here.

Times are those of the screen's axis: one source may follow another, and the rows of each, whose
times begin anew, stand behind those before.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from realtime_ser.alerts.flags import alerts_of
from realtime_ser.marks import marks_of
from realtime_ser.stats import Turn
from realtime_ser.ui.lane import Lane
from realtime_ser.ui.level_history import BIN, LevelHistory
from realtime_ser.ui.model_history import ModelHistory
from realtime_ser.ui.shown import (
    Excerpt,
    Learning,
    Moment,
    Now,
    Placed,
    Scores,
    leading_class,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.stats import Health, StreamStatus
    from realtime_ser.types import TimelineRow

StreamKey = tuple[str, int]
"""Stream name and channel, as in the timeline's columns."""

SILENT_AFTER: Final = 2.0
"""Seconds without speech after which the last emotion is no longer the current one."""
SWITCH_AFTER: Final = 1.0
"""Seconds that the stream shown large must say nothing before another takes its place."""
LOG_LENGTH: Final = 10_000
"""Utterances that can be scrolled back to, and moments that stay marked."""


class Session:
    """Everything that has come so far, bounded in memory."""

    def __init__(self, classes: Sequence[str], starts: Sequence[float] = (0.0,)) -> None:
        self.classes = tuple(classes)
        self.health: Health | None = None
        self.lanes: dict[StreamKey, Lane] = {}
        self.levels: dict[StreamKey, LevelHistory] = {}
        self.utterances: deque[Placed] = deque(maxlen=LOG_LENGTH)
        """In the order in which they came, and the alerts of rules among them."""
        self.moments: deque[Moment] = deque(maxlen=LOG_LENGTH)
        self.utterance_count = 0
        self.alert_count = 0
        self.models = ModelHistory()
        self.row_count = 0
        self.cuts = 0
        """How often something that was shown has been forgotten."""
        self.starts: deque[float] = deque(starts, maxlen=LOG_LENGTH)
        """Seconds of the axis at which runs begin, in their order."""
        self.offset = 0.0
        """Seconds of the axis at which the time of rows that come begins."""
        self.learning: Learning | None = None
        """Whose voice is learned just now."""
        self._began = 0.0
        """Of the present run, as ``Health.elapsed``."""
        self._last: dict[StreamKey, TimelineRow] = {}
        self._heard: StreamKey | None = None
        self._reached = 0.0
        self._moved_at = 0.0
        self._turn = Turn(0, 0)

    def take(self, row: TimelineRow) -> None:
        """Take the next row."""
        self.row_count += 1
        key = (row.stream, row.channel)
        self._note_moments(row)
        placed = Placed(row, self.offset)
        if row.kind == "alert":
            if alerts_of(row):
                self.utterances.append(placed)
                self.alert_count += 1
            return
        lane = self._lane(key)
        if row.kind == "utterance":
            self.utterances.append(placed)
            self.utterance_count += 1
        if row.kind == "window" or placed.start >= lane.end:
            # An utterance without a single window row: it was too short for one.
            self._last[key] = row
            heard = None if self._heard is None else self._last[self._heard]
            if heard is None or row.end - heard.end > SWITCH_AFTER:
                self._heard = key
        status = self.status(key)
        if status is not None and not status.envelope:  # a replay: rows are all there is to see
            start = max(placed.start, lane.end)
            self.levels[key].paint(int(start / BIN), round(placed.end / BIN), row.level_dbfs)
        lane.add(row, self.offset)

    def turn(self, turn: Turn) -> None:
        """What comes now does not follow on what came before."""
        self._turn = turn
        if turn.position is None:
            self._begin_run()
        else:
            self._rewind(self.offset + turn.position)
        if self.health is not None:
            self.health = replace(self.health, streams=())

    def update(self, health: Health) -> None:
        """Take a newer picture of the engine."""
        if (health.run, health.jumps) != (self._turn.run, self._turn.jumps):
            health = replace(health, streams=())  # of before the turn, or its rows are on their way
        self.health = health
        model = f"{health.model} {health.model_version}".strip()
        if model and model != self.models.newest:
            self.models.note(self.position, model)
        position = max((status.position for status in health.streams), default=0.0)
        if position != self._reached or health.state != "running":
            self._reached, self._moved_at = position, health.elapsed
        first = round(self.offset / BIN)
        for status in health.streams:
            key = (status.stream, status.channel)
            self._lane(key)
            self.levels[key].add((first + number, peak) for number, peak in status.envelope)

    def own_time(self, seconds: float) -> float:
        """Seconds of the axis -> of the run that they belong to, as its rows have them."""
        return seconds - next((s for s in reversed(self.starts) if s <= seconds), self.starts[0])

    @property
    def running(self) -> bool:
        """The engine listens."""
        return self.health is not None and self.health.state == "running"

    @property
    def position(self) -> float:
        """Seconds of audio that the streams have reached."""
        reached = [lane.end for lane in self.lanes.values()]
        reached += [self.offset + status.position for status in self._streams]
        return max(reached, default=0.0)

    @property
    def elapsed(self) -> float:
        """What the clock shows: the position in a recording, else the time since the run began."""
        if self.health is None:
            return 0.0
        if self.health.duration is None:
            return self.health.elapsed - self._began
        began = self._turn.position or 0.0
        return max((status.position for status in self._streams), default=began)

    @property
    def heard(self) -> StreamKey | None:
        """The stream that is shown large."""
        return self._heard

    def label(self, key: StreamKey) -> str:
        """A short name of a stream; empty where there is only one."""
        if len(self.lanes) < 2:
            return ""
        same_name = sum(stream == key[0] for stream, _ in self.lanes) > 1
        return f"ch {key[1]}" if same_name else key[0]

    def status(self, key: StreamKey) -> StreamStatus | None:
        """The engine's last word on a stream; None: it is not there any more."""
        return next((s for s in self._streams if (s.stream, s.channel) == key), None)

    def troubles(self) -> list[str]:
        """What is wrong with the level of streams, in words."""
        found = []
        for status in self._streams if self.running else ():
            if status.trouble is not None:
                label = self.label((status.stream, status.channel))
                found.append(f"{label}: {status.trouble}" if label else status.trouble)
        return found

    def now(self) -> Now:
        """What is to be shown large."""
        health = self.health
        if health is None:
            return Now("starting")
        if self.learning is not None:
            name, heard, needed = self.learning.name, self.learning.heard, self.learning.needed
            return Now("learning", voice=name, seconds=float(int(heard)), confidence=heard / needed)
        if health.state != "running":
            return Now(health.state)
        stalled = health.elapsed - self._moved_at
        if stalled > SILENT_AFTER:
            return Now("no sound", seconds=float(int(stalled)))
        if self._streams and all((s.trouble or "").startswith("muted") for s in self._streams):
            return Now("muted")
        row = None if self._heard is None else self._last[self._heard]
        speech = any(status.speech for status in self._streams)
        if self._heard is None or row is None:
            return Now("hearing" if speech else "listening")
        voice = self.label(self._heard)
        if not self._is_current(self._heard, row):
            if speech:
                return Now("hearing")
            # Whole seconds: it is drawn that way, and unchanged pictures are not drawn again.
            since = self.position - self.offset - row.end
            return Now("silence", seconds=float(int(since)))
        lane = self.lanes[self._heard]
        return Now(
            "emotion",
            emotion=row.emotion,
            leading=leading_class(row),
            confidence=row.confidence,
            seconds=lane.end - lane.since(),
            voice=voice,
        )

    def scores(self, at: float | None = None, first: StreamKey | None = None) -> Scores:
        """Probabilities of the stream that is shown large, or of a moment (see ``row_at``)."""
        row = None
        if at is not None:
            row = self.row_at(at, first)
        elif self._heard is not None:
            row = self._last[self._heard]
        if row is None:
            return Scores((None,) * len(self.classes), None, current=False, at=at)
        leading = leading_class(row)
        return Scores(
            tuple(row.probabilities.get(name) for name in self.classes),
            self.classes.index(leading) if leading in self.classes else None,
            current=at is not None or self.now().mood == "emotion",
            adapted=row.adapted,
            at=at,
        )

    def row_at(self, seconds: float, first: StreamKey | None = None) -> TimelineRow | None:
        """What was shown at a moment: of ``first``, of the stream shown large, else of any."""
        for key in dict.fromkeys((first, self._heard, *self.lanes)):
            row = self.lanes[key].at(seconds) if key in self.lanes else None
            if row is not None:
                return row
        return None

    def moments_between(self, start: float, end: float) -> list[Moment]:
        """What is marked in [start, end)."""
        return [moment for moment in self.moments if start <= moment.seconds < end]

    def excerpt(self, start: float, end: float, title: str) -> Excerpt:
        """What stands in a stretch of the axis."""
        lanes = {key: tuple(lane.painted(start, end)) for key, lane in self.lanes.items()}
        rows = [(span.end, span.row) for spans in lanes.values() for span in spans]
        rows += [(u.end, u.row) for u in self.utterances if u.lies_in(start, end)]
        # An utterance that was too short for a window painted its span itself.
        unique = {(row.stream, row.channel, row.kind, row.flags, at): (at, row) for at, row in rows}
        ordered = sorted(unique.values(), key=lambda item: (item[0], item[1].kind == "utterance"))
        return Excerpt(
            title=title,
            start=start,
            end=min(end, self.position),
            lanes=tuple((self.label(key), spans) for key, spans in lanes.items() if spans),
            rows=tuple(row for _, row in ordered),
            moments=tuple(self.moments_between(start, end)),
            starts=tuple(self.starts),
            models=self.models.between(start, end),
        )

    def _lane(self, key: StreamKey) -> Lane:
        if key not in self.lanes:
            self.lanes[key] = Lane(*key)
            self.levels[key] = LevelHistory()
        return self.lanes[key]

    def _note_moments(self, row: TimelineRow) -> None:
        marks = marks_of(row)
        for mark in marks:
            self.moments.append(Moment(self.offset + mark.seconds, mark.note, alert=False))
        if row.kind == "alert" and not marks:
            others = [flag for flag in row.flags if flag != "derived"]
            why = ", ".join(alerts_of(row)) or next(iter(others), "alert")
            self.moments.append(Moment(self.offset + row.end, why, alert=True))

    def _begin_run(self) -> None:
        """Another source follows: its time 0 is the end of what is there, on a whole tenth."""
        reached = [lane.end for lane in self.lanes.values()] + [self.offset + self._reached]
        self.offset = round(max(reached, default=0.0) / BIN + 0.5) * BIN
        self.starts.append(self.offset)
        self._began = 0.0 if self.health is None else self.health.elapsed
        self._last.clear()
        self._heard = None
        self._reached = 0.0

    def _rewind(self, seconds: float) -> None:
        """The position was moved: what stands behind it is void."""
        for lane in self.lanes.values():
            lane.rewind(seconds)
        for levels in self.levels.values():
            levels.rewind(seconds)
        self.models.rewind(seconds)
        kept = [placed for placed in self.utterances if placed.end <= seconds]
        alerts = sum(placed.row.kind == "alert" for placed in self.utterances)
        alerts -= sum(placed.row.kind == "alert" for placed in kept)
        self.alert_count -= alerts
        self.utterance_count -= len(self.utterances) - len(kept) - alerts
        self.utterances = deque(kept, LOG_LENGTH)
        moments = (moment for moment in self.moments if moment.seconds <= seconds)
        self.moments = deque(moments, LOG_LENGTH)
        self._last.clear()
        self._heard = None
        self.cuts += 1

    def _is_current(self, key: StreamKey, row: TimelineRow) -> bool:
        status = self.status(key)
        return status is None or status.position - row.end <= SILENT_AFTER

    @property
    def _streams(self) -> tuple[StreamStatus, ...]:
        return () if self.health is None else self.health.streams
