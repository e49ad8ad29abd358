"""What is to be shown, as values: made by ``session.py``, drawn by the widgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from realtime_ser.types import UNCERTAIN

if TYPE_CHECKING:
    from realtime_ser.types import TimelineRow
    from realtime_ser.ui.lane import Painted

Mood = Literal[
    "starting",
    "listening",
    "hearing",
    "silence",
    "muted",
    "no sound",
    "learning",
    "emotion",
    "paused",
    "ended",
    "failed",
]
"""``hearing``: a voice of which nothing is known yet; ``learning``: a speaker is calibrated."""


@dataclass(frozen=True, slots=True)
class Now:
    """What is heard at this moment, from the stream that speaks or spoke last."""

    mood: Mood
    emotion: str | None = None
    """While ``mood`` is ``emotion``: what the row says, ``uncertain`` included."""
    leading: str | None = None
    """The most probable class."""
    confidence: float = 0.0
    """Of the emotion; while a voice is learned, how much of it is known, 0 to 1."""
    seconds: float = 0.0
    """How long it has been so."""
    voice: str = ""
    """Which stream, where there are several; who is learned."""


@dataclass(frozen=True, slots=True)
class Learning:
    """A speaker's voice is being learned."""

    name: str
    heard: float
    """Seconds of speech so far."""
    needed: float


@dataclass(frozen=True, slots=True)
class Scores:
    """Probability of each class for the bars."""

    values: tuple[float | None, ...]
    """In the order of the classes; None before the first row."""
    leading: int | None
    current: bool
    """False: left over from speech that is past."""
    adapted: float = 0.0
    """Seconds of the speaker's speech that the model has adapted to."""
    at: float | None = None
    """The moment that was asked for; None: now."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A row and where it stands."""

    row: TimelineRow
    offset: float
    """Seconds of the axis at which the row's run begins."""

    @property
    def start(self) -> float:
        """Seconds of the axis."""
        return self.row.start + self.offset

    @property
    def end(self) -> float:
        """Seconds of the axis."""
        return self.row.end + self.offset

    def lies_in(self, start: float, end: float) -> bool:
        """Some of it stands in [start, end) of the axis; an alert stands at its end."""
        if self.row.kind == "alert":
            return start <= self.end < end
        return self.start < end and self.end > start


@dataclass(frozen=True, slots=True)
class Moment:
    """Something on the axis that wants to be seen."""

    seconds: float
    note: str
    alert: bool
    """A rule found it; False: a person marked it."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A stretch of the axis, to be kept outside of the screen."""

    title: str
    start: float
    end: float
    lanes: tuple[tuple[str, tuple[Painted, ...]], ...]
    """Label and spans of every stream that has any."""
    rows: tuple[TimelineRow, ...]
    """Those behind the spans, utterances and alerts of rules, in the order of their ends."""
    moments: tuple[Moment, ...]
    models: tuple[str, ...] = ()
    """Name and version of those that made the rows, where that is known."""
    starts: tuple[float, ...] = (0.0,)
    """Seconds of the axis at which runs begin, whose rows have times of their own."""


def leading_class(row: TimelineRow) -> str:
    """The most probable class of a row, also where the row says ``uncertain``."""
    if row.emotion != UNCERTAIN or not row.probabilities:
        return row.emotion
    return max(row.probabilities, key=row.probabilities.__getitem__)
