"""Which part of the timeline is in sight, and what is looked at. No terminal in here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from realtime_ser.ui.session import StreamKey

ZOOMS: Final = (10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 1800.0, 3600.0)
"""Seconds that the whole width can show."""
FINEST: Final = 0.5
"""Seconds a column where a recording is so short that all of it can be seen."""
COARSEST: Final = 1.0
"""Seconds a column otherwise, until the user zooms."""


@dataclass(frozen=True, slots=True)
class View:
    """Which columns are in sight."""

    first: int
    count: int
    seconds: float
    """Each column's width in time."""
    reached: int
    """Columns in sight that have begun."""
    latest: bool
    """The newest column is among them."""

    @property
    def start(self) -> float:
        """Seconds at the left edge."""
        return self.first * self.seconds

    @property
    def end(self) -> float:
        """Seconds at the right edge."""
        return (self.first + self.count) * self.seconds


class Viewpoint:
    """Follows the newest column until the user scrolls back or sets the cursor."""

    def __init__(self) -> None:
        self.span: float | None = None
        """Seconds in sight, of ``ZOOMS``; None: as the width and the recording suggest."""
        self.cursor: float | None = None
        """Seconds, inside the column that is read out; None: there is none."""
        self.stream: StreamKey | None = None
        """The stream that was chosen to be looked at; None: none was."""
        self.end: float | None = None
        """Seconds at the right edge; None: follow."""
        self.view = View(0, 1, COARSEST, 0, latest=True)
        """As it was looked at last."""
        self._reached = 0
        """Columns since time 0 that have begun."""

    def look(self, count: int, position: float, duration: float | None) -> View:
        """The view in ``count`` columns when ``position`` seconds have been heard."""
        if self.span is None:
            fitting = COARSEST if duration is None else duration / count
            seconds = min(COARSEST, max(FINEST, fitting))
        else:
            seconds = self.span / count
        reached = self._reached = math.ceil(position / seconds - 1e-9)
        newest = max(0, reached - count)
        first = newest
        if self.end is not None:
            first = min(newest, max(0, math.ceil(self.end / seconds - 1e-9) - count))
            if first == newest and self.cursor is None:
                self.end = None
        self.view = View(
            first, count, seconds, max(0, min(count, reached - first)), first == newest
        )
        return self.view

    def zoom(self, steps: int) -> None:
        """Show more (positive) or less time, around the cursor where there is one."""
        view = self.view
        shown = view.count * view.seconds
        wider = [zoom for zoom in ZOOMS if zoom > shown * 1.01]
        closer = [zoom for zoom in ZOOMS if zoom < shown * 0.99]
        if steps > 0 and wider:
            self.span = wider[min(steps, len(wider)) - 1]
        elif steps < 0 and closer:
            self.span = closer[max(steps, -len(closer))]
        if self.span is None or self.end is None:
            return
        middle = self.cursor if self.cursor is not None else (view.start + view.end) / 2
        share = (view.end - middle) / shown if shown else 0.5
        self.end = middle + share * self.span

    def automatic(self) -> None:
        """Leave the zoom to the width and the recording."""
        self.span = None

    def scroll(self, share: float) -> None:
        """Move the view by a share of its width; to the left where that is negative."""
        view = self.view
        width = view.count * view.seconds
        end = view.end if self.end is not None or view.reached == view.count else width
        self.end = max(width, end + share * width)

    def point(self, seconds: float) -> None:
        """Set the cursor; the view rests while it is there."""
        view = self.view
        self.cursor = max(0.0, seconds)
        self.end = view.end  # what was asked for may lie behind the newest column
        if self.cursor < view.start:
            self.end -= math.ceil((view.start - self.cursor) / view.seconds) * view.seconds
        elif self.cursor >= view.end:
            self.end += self.cursor - view.end + view.seconds

    def step(self, columns: int) -> None:
        """Move the cursor; the first step sets it on the newest column, one past that lifts it."""
        view = self.view
        newest = (max(0, self._reached - 1) + 0.5) * view.seconds
        if self.cursor is None:
            self.point(newest + min(0, columns + 1) * view.seconds)
            return
        if columns > 0 and self.cursor + columns * view.seconds > newest + 1e-6:
            self.follow()
            return
        self.point(self.cursor + columns * view.seconds)

    def column_time(self, column: int) -> float:
        """Seconds in the middle of a column that is in sight."""
        return (self.view.first + column + 0.5) * self.view.seconds

    def follow(self) -> None:
        """Back to the newest column, without a cursor."""
        self.cursor = self.end = None
