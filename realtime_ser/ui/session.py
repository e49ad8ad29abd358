"""What the screen knows: rows and health in, what is to be shown out. No terminal in here."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from realtime_ser.types import UNCERTAIN
from realtime_ser.ui.timeline_model import Lane

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
"""Utterances that can be scrolled back to."""

Mood = Literal[
    "starting", "listening", "silence", "no sound", "emotion", "paused", "ended", "failed"
]


@dataclass(frozen=True, slots=True)
class Now:
    """What is heard at this moment, from the stream that speaks or spoke last."""

    mood: Mood
    emotion: str | None = None
    """While ``mood`` is ``emotion``: what the row says, ``uncertain`` included."""
    leading: str | None = None
    """The most probable class."""
    confidence: float = 0.0
    seconds: float = 0.0
    """How long it has been so."""
    voice: str = ""
    """Which stream, where there are several."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Probability of each class for the bars."""

    values: tuple[float | None, ...]
    """In the order of the classes; None before the first row."""
    leading: int | None
    current: bool
    """False: left over from speech that is past."""


class Session:
    """Everything that has come so far, bounded in memory."""

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.health: Health | None = None
        self.lanes: dict[StreamKey, Lane] = {}
        self.utterances: deque[TimelineRow] = deque(maxlen=LOG_LENGTH)
        self.utterance_count = 0
        self.row_count = 0
        self._last: dict[StreamKey, TimelineRow] = {}
        self._heard: StreamKey | None = None
        self._reached = 0.0
        self._moved_at = 0.0

    def take(self, row: TimelineRow) -> None:
        """Take the next row."""
        self.row_count += 1
        if row.kind == "alert":
            return
        key = (row.stream, row.channel)
        lane = self.lanes.setdefault(key, Lane())
        if row.kind == "utterance":
            self.utterances.append(row)
            self.utterance_count += 1
        if row.kind == "window" or row.start >= lane.end:
            # An utterance without a single window row: it was too short for one.
            self._last[key] = row
            heard = None if self._heard is None else self._last[self._heard]
            if heard is None or row.end - heard.end > SWITCH_AFTER:
                self._heard = key
        lane.add(row)

    def update(self, health: Health) -> None:
        """Take a newer picture of the engine."""
        reached = max((status.position for status in health.streams), default=0.0)
        if reached != self._reached or health.state != "running":
            self._reached, self._moved_at = reached, health.elapsed
        self.health = health
        for status in health.streams:
            self.lanes.setdefault((status.stream, status.channel), Lane())

    @property
    def running(self) -> bool:
        """The engine listens."""
        return self.health is not None and self.health.state == "running"

    @property
    def position(self) -> float:
        """Seconds of audio that the streams have reached."""
        reached = [lane.end for lane in self.lanes.values()]
        reached += [status.position for status in self._streams]
        return max(reached, default=0.0)

    @property
    def elapsed(self) -> float:
        """What the clock shows: the position in a recording, else the time since the start."""
        if self.health is None:
            return 0.0
        return self.health.elapsed if self.health.duration is None else self.position

    def label(self, key: StreamKey) -> str:
        """A short name of a stream; empty where there is only one."""
        if len(self.lanes) < 2:
            return ""
        same_name = sum(stream == key[0] for stream, _ in self.lanes) > 1
        return f"ch {key[1]}" if same_name else key[0]

    def status(self, key: StreamKey) -> StreamStatus | None:
        """The engine's last word on a stream."""
        return next((s for s in self._streams if (s.stream, s.channel) == key), None)

    def now(self) -> Now:
        """What is to be shown large."""
        health = self.health
        if health is None:
            return Now("starting")
        if health.state != "running":
            return Now(health.state)
        stalled = health.elapsed - self._moved_at
        if stalled > SILENT_AFTER:
            return Now("no sound", seconds=float(int(stalled)))
        row = None if self._heard is None else self._last[self._heard]
        if self._heard is None or row is None:
            return Now("listening")
        voice = self.label(self._heard)
        if not self._is_current(self._heard, row):
            if any(status.speech for status in self._streams):
                return Now("listening")
            # Whole seconds: it is drawn that way, and unchanged pictures are not drawn again.
            return Now("silence", seconds=float(int(self.position - row.end)))
        return Now(
            "emotion",
            emotion=row.emotion,
            leading=leading_class(row),
            confidence=row.confidence,
            seconds=self.lanes[self._heard].end - self.lanes[self._heard].since(),
            voice=voice,
        )

    def scores(self) -> Scores:
        """Probabilities of the newest row of the stream that is shown large."""
        if self._heard is None:
            return Scores((None,) * len(self.classes), None, current=False)
        row = self._last[self._heard]
        leading = leading_class(row)
        return Scores(
            tuple(row.probabilities.get(name) for name in self.classes),
            self.classes.index(leading) if leading in self.classes else None,
            current=self.now().mood == "emotion",
        )

    def _is_current(self, key: StreamKey, row: TimelineRow) -> bool:
        status = self.status(key)
        return status is None or status.position - row.end <= SILENT_AFTER

    @property
    def _streams(self) -> tuple[StreamStatus, ...]:
        return () if self.health is None else self.health.streams


def leading_class(row: TimelineRow) -> str:
    """The most probable class of a row, also where the row says ``uncertain``."""
    if row.emotion != UNCERTAIN or not row.probabilities:
        return row.emotion
    return max(row.probabilities, key=row.probabilities.__getitem__)
