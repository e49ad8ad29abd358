"""The first line: what runs, in which state, for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.widget import Widget

from realtime_ser.ui.display import Display
from realtime_ser.ui.times import clock_text

if TYPE_CHECKING:
    from realtime_ser.ui.session import Session

_STATES: Final = {
    "starting": ("◌ starting", "muted"),
    "running": ("● running", "ink"),
    "paused": ("‖ paused", "caution"),
    "ended": ("■ ended", "muted"),
    "failed": ("▲ failed", "alarm"),
}
"""State -> what it is called, and the role of its colour."""


class TitleLine(Widget):
    """Title, state and clock."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._state = "starting"
        self._clock = ""
        self._display = Display()

    def show(self, session: Session, display: Display) -> None:
        """Draw again if anything has changed."""
        health = session.health
        state = "starting" if health is None else health.state
        clock = clock_text(session.elapsed)
        if health is not None and health.duration is not None:
            clock += f" / {clock_text(health.duration)}"
        if health is not None and health.speed != 1.0:
            clock += f"  x{health.speed:g}"
        if (state, clock, display) != (self._state, self._clock, self._display):
            self._state, self._clock, self._display = state, clock, display
            self.refresh()

    def rename(self, title: str) -> None:
        """Another source is heard."""
        self._title = title
        self.refresh()

    def render(self) -> Content:
        """Title to the left, the rest to the right."""
        palette = self._display.palette
        text, role = _STATES[self._state]
        color, ink = getattr(palette, role), palette.ink
        right = Content.assemble((text, f"bold {color}"), ("   " + self._clock, ink))
        room = max(0, self.size.width - right.cell_length - 1)
        left = Content.styled(self._title, f"bold {ink}").truncate(room, ellipsis=True, pad=True)
        return left + " " + right
