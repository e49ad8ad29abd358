"""Rows on their way from the engine's output thread to the screen."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from realtime_ser.stats import Turn
    from realtime_ser.types import TimelineRow

CAPACITY: Final = 4096
"""Rows that wait for the screen at most."""


class UiSink:
    """Keeps the newest rows until the screen takes them.

    ``write`` never waits: a screen that is not up yet, has gone or is far behind costs the oldest
    rows of the picture (the files have them all). One thread writes, one takes; the deque's own
    operations are atomic.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._rows: deque[TimelineRow | Turn] = deque(maxlen=capacity)

    def check(self) -> None:
        """Nothing can be in the way."""

    def open(self) -> None:
        """Nothing to get ready."""

    def write(self, row: TimelineRow) -> None:
        """Take one row."""
        self._rows.append(row)

    def turn(self, turn: Turn) -> None:
        """Rows after this do not follow on those before."""
        self._rows.append(turn)

    def close(self) -> None:
        """Rows that still wait stay, so that the screen shows the end, too."""

    def take(self) -> list[TimelineRow | Turn]:
        """The rows and turns that have come since the last call, oldest first."""
        rows: list[TimelineRow | Turn] = []
        for _ in range(len(self._rows)):
            rows.append(self._rows.popleft())  # noqa: PERF401 - another thread appends meanwhile
        return rows
