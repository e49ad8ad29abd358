"""The first line: what runs, in which state, for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size

from realtime_ser.ui.line_widget import LineWidget
from realtime_ser.ui.times import clock_text

if TYPE_CHECKING:
    from realtime_ser.ui.display import Display
    from realtime_ser.ui.line_widget import Line
    from realtime_ser.ui.session import Session

_STATES: Final = {
    "starting": ("◌ starting", "muted"),
    "running": ("● running", "ink"),
    "paused": ("‖ paused", "caution"),
    "ended": ("■ ended", "muted"),
    "failed": ("▲ failed", "alarm"),
}
"""State -> what it is called, and the role of its colour."""


class TitleLine(LineWidget):
    """Title, state and clock."""

    ground = "raised"

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._state = "starting"
        self._clock = ""

    def show(self, session: Session, display: Display) -> bool:
        """Draw again if anything has changed; whether it has."""
        health = session.health
        state = "starting" if health is None else health.state
        clock = clock_text(session.elapsed)
        if health is not None and health.duration is not None:
            clock += f" / {clock_text(health.duration)}"
        if health is not None and health.speed != 1.0:
            clock += f"  x{health.speed:g}"
        if (state, clock, display) == (self._state, self._clock, self._display):
            return False
        self._state, self._clock, self._display = state, clock, display
        self.redraw()
        return True

    def rename(self, title: str) -> None:
        """Another source is heard."""
        self._title = title
        self.redraw()

    def lines(self) -> list[Line]:
        """Title to the left, the rest to the right."""
        palette = self._display.palette
        text, role = _STATES[self._state]
        color, ink = getattr(palette, role), palette.ink
        clock = "   " + self._clock
        room = max(0, self.size.width - len(text) - len(clock) - 1)
        title = self._title
        if cell_len(title) > room:
            title = set_cell_size(title, room - 1) + "…" if room else ""
        return [
            [
                (set_cell_size(title, room) + " ", f"bold {ink}"),
                (text, f"bold {color}"),
                (clock, ink),
            ]
        ]
