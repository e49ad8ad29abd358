"""The table of calls: only the rows in sight are made, and only cells that differ are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.message import Message

from realtime_ser.dashboard.columns import call_line, columns_for, heading
from realtime_ser.dashboard.strip import Strips
from realtime_ser.ui.line_widget import LineWidget

if TYPE_CHECKING:
    from textual import events

    from realtime_ser.dashboard.calls import Key
    from realtime_ser.dashboard.view import FloorView
    from realtime_ser.ui.display import Display
    from realtime_ser.ui.line_widget import Line

_WHEEL: Final = 3
"""Rows that one notch scrolls."""


class CallTable(LineWidget, can_focus=True):
    """Rows of a ``FloorView``; scrolls by itself."""

    class Chosen(Message):
        """A row was clicked at; twice means that it shall be opened."""

        def __init__(self, key: Key, *, twice: bool) -> None:
            super().__init__()
            self.key = key
            self.twice = twice

    def __init__(self, view: FloorView, *, letters: bool) -> None:
        """Make it.

        Args:
            view: what is to be seen.
            letters: there are no colours.
        """
        super().__init__()
        self._view = view
        self._letters = letters
        self._strips = Strips()
        self._top = 0
        """Number of the first row in sight."""
        self._follows = True
        """The selected row stays in sight."""
        self._clicked: Key | None = None
        """The call under the last click."""

    @property
    def page(self) -> int:
        """Rows in sight."""
        return max(1, self.size.height - 1)

    def show(self, display: Display, *, follow: bool = False) -> None:
        """Draw what has changed.

        Args:
            display: how to draw.
            follow: go to where the selected row is, and stay with it.
        """
        self._display = display
        self._follows = self._follows or follow
        self._strips.keep({call.key for call in self._view.rows})
        self._draw()

    def on_resize(self) -> None:
        """Another number of rows is in sight."""
        self.show(self._display)

    def lines(self) -> list[Line]:
        """The heading and the rows in sight; a mark at the right says where they are."""
        self._place()
        view, display, width = self._view, self._display, self.size.width - 1
        columns = columns_for(width)
        lines: list[Line] = [heading(columns, display)]
        selected = view.selected
        for number in range(self._top, min(self._top + self.page, len(view.rows))):
            call = view.rows[number]
            strip: Line = []
            if columns.strip:
                strip = self._strips.line(call, columns.strip, display, letters=self._letters)
            chosen = number == selected
            line = call_line(call, view.level(call), columns, display, strip, chosen=chosen)
            lines.append([*line, self._bar(number - self._top)])
        if not view.rows:
            lines += [[], [(f"  {self._nothing()}", display.palette.muted)]]
        return lines

    def scroll(self, rows: int) -> None:
        """Look elsewhere; the selection stays behind."""
        self._follows = False
        self._top += rows
        self._draw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Down a few rows."""
        event.stop()
        self.scroll(_WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Up a few rows."""
        event.stop()
        self.scroll(-_WHEEL)

    def on_click(self, event: events.Click) -> None:
        """Choose the row under the pointer."""
        place = event.get_content_offset(self)
        if place is not None and 1 <= place.y <= self.page:
            row = self._top + place.y - 1
            if row < len(self._view.rows):
                key = self._view.rows[row].key
                # Between two clicks another call may have come to stand there.
                twice = event.chain == 2 and key == self._clicked
                self._clicked = key
                self.post_message(self.Chosen(key, twice=twice))

    def _draw(self) -> None:
        self.redraw()
        self.caption(Content(self._title()), self._subtitle())

    def _place(self) -> None:
        """Move what is in sight to where it can be, and to the selection."""
        selected = self._view.selected
        if self._follows and selected is not None:
            self._top = min(self._top, selected)
            self._top = max(self._top, selected - self.page + 1)
        self._top = max(0, min(self._top, len(self._view.rows) - self.page))

    def _bar(self, row: int) -> tuple[str, str]:
        """The cell of the scroll bar in a row of those in sight."""
        count, palette = len(self._view.rows), self._display.palette
        if count <= self.page:
            return " ", ""
        start = self._top * self.page // count
        length = max(1, self.page * self.page // count)
        return ("┃", palette.level) if start <= row < start + length else ("│", palette.track)

    def _title(self) -> str:
        view = self._view
        parts = [f"calls  {len(view.rows)}"]
        parts.append("‖ order held" if view.frozen else f"by {view.sort}")
        if view.filter != "all":
            parts.append(f"only {view.filter}")
        if view.search:
            parts.append(f"with “{view.search}”")
        return "  ·  ".join(parts)

    def _subtitle(self) -> str:
        seen = min(self.page, len(self._view.rows))
        return f"{self._top + 1}-{self._top + seen}" if seen < len(self._view.rows) else ""

    def _nothing(self) -> str:
        view = self._view
        return "no such call" if view.search or view.filter != "all" else "no calls"
