"""The first line: what runs, in which state, for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.widget import Widget

from realtime_ser.ui.palette import ALARM, CAUTION, INK, MUTED
from realtime_ser.ui.times import clock_text

if TYPE_CHECKING:
    from realtime_ser.ui.session import Session

_STATES: Final = {
    "starting": ("◌ starting", MUTED),
    "running": ("● running", INK),
    "paused": ("‖ paused", CAUTION),
    "ended": ("■ ended", MUTED),
    "failed": ("▲ failed", ALARM),
}


class TitleLine(Widget):
    """Title, state and clock."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._state = "starting"
        self._clock = ""

    def show(self, session: Session) -> None:
        """Draw again if anything has changed."""
        health = session.health
        state = "starting" if health is None else health.state
        clock = clock_text(session.elapsed)
        if health is not None and health.duration is not None:
            clock += f" / {clock_text(health.duration)}"
        if (state, clock) != (self._state, self._clock):
            self._state, self._clock = state, clock
            self.refresh()

    def render(self) -> Content:
        """Title to the left, the rest to the right."""
        text, color = _STATES[self._state]
        right = Content.assemble((text, f"bold {color}"), ("   " + self._clock, INK))
        room = max(0, self.size.width - right.cell_length - 1)
        left = Content.styled(self._title, f"bold {INK}").truncate(room, ellipsis=True, pad=True)
        return left + " " + right
