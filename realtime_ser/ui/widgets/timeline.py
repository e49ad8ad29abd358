"""The timeline: a coloured lane a stream, curves below, the time at the bottom."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from realtime_ser.ui.layout import TALL
from realtime_ser.ui.line_widget import LineWidget, with_cell
from realtime_ser.ui.timeline_drawing import axis, blocks, curves, loudness, names
from realtime_ser.ui.times import clock_tenths, clock_text

if TYPE_CHECKING:
    from textual import events
    from textual.geometry import Size

    from realtime_ser.ui.display import Display
    from realtime_ser.ui.line_widget import Line
    from realtime_ser.ui.palette import Palette
    from realtime_ser.ui.session import Session, StreamKey
    from realtime_ser.ui.viewpoint import View, Viewpoint

_MOST_LANES = 8
_USUAL = 24
"""Lines of a terminal as it opens; of those beyond half are for the timeline."""


class Timeline(LineWidget, can_focus=True):
    """Newest to the right. Height of a block: confidence; grey: uncertain; a thin line: silence."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", show=False),
        Binding("right", "step(1)", show=False),
        Binding("ctrl+left", "step(-10)", show=False),
        Binding("ctrl+right", "step(10)", show=False),
        Binding("shift+left", "scroll_time(-0.5)", show=False),
        Binding("shift+right", "scroll_time(0.5)", show=False),
    ]

    class Moved(Message):
        """Another part of the past is in sight, or another moment is read out."""

    def __init__(self, session: Session, viewpoint: Viewpoint) -> None:
        super().__init__()
        self.border_title = "timeline"
        self._session = session
        self._viewpoint = viewpoint
        self._drawn: object = None
        self._lanes = 0

    def show(self, display: Display) -> None:
        """Draw again if anything has changed."""
        session, look = self._session, self._viewpoint
        speech = tuple(s.speech for s in session.health.streams) if session.health else ()
        drawn = (
            math.ceil(session.position / look.view.seconds), session.row_count, session.cuts,
            len(session.moments), speech, session.running, display, look.span, look.cursor,
            look.end,
        )  # fmt: skip
        if drawn != self._drawn:
            self._drawn, self._display = drawn, display
            lanes = len(self._shown(None))
            if lanes != self._lanes:
                self._lanes = lanes
                self.refresh(layout=True)
            self.redraw()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As high as the lanes want to be where the style says ``auto``."""
        lanes = max(1, len(self._shown(None)))
        if viewport.height < TALL:
            spare = max(0, viewport.height - _USUAL) // 2
            return 1 + spare + (4 if lanes == 1 else 2 * lanes if lanes < 4 else min(lanes, 6))
        below = 4 if self._display.curves else 0
        return 1 + below + (7 if lanes == 1 else 4 * lanes if lanes < 4 else 2 * min(lanes, 8))

    def lines(self) -> list[Line]:
        """Lanes, curves and axis."""
        session, display = self._session, self._display
        width, height = self.size
        margin = self._margin(width)
        health = session.health
        view = self._viewpoint.look(
            max(1, width - margin), session.position, health.duration if health else None
        )
        keys = self._shown(view)
        shown = keys[: max(1, min(_MOST_LANES, height - 1))]
        below = self._below(height - 1, len(shown))
        rows = (height - 1 - sum(below)) // max(1, len(shown))
        lines: list[Line] = []
        for key in shown:
            lines += self._lane(key, rows, margin, view)
        spare = height - 1 - sum(below) - len(lines)
        lines += [[]] * spare
        lines += self._curves(view, margin, *below)
        moments = session.moments_between(view.start, view.end)
        lines.append(axis(margin, view, moments, display.palette))
        self.call_later(self._caption, view, len(keys) - len(shown), below[0] > 0)
        return [self._with_cursor(line, margin, view) for line in lines]

    def action_step(self, columns: int) -> None:
        """Move the cursor."""
        self._viewpoint.step(columns)
        self.post_message(self.Moved())

    def action_scroll_time(self, share: float) -> None:
        """Move the view by a share of its width."""
        self._viewpoint.scroll(share)
        self.post_message(self.Moved())

    def on_click(self, event: events.Click) -> None:
        """Set the cursor on what was clicked."""
        offset = event.get_content_offset(self)
        column = -1 if offset is None else offset.x - self._margin(self.size.width)
        if column >= 0:
            self._viewpoint.point(self._viewpoint.column_time(column))
            self.post_message(self.Moved())

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Into the past; with a modifier key closer."""
        self._wheel(event, -1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Towards now; with a modifier key further away."""
        self._wheel(event, 1)

    def _wheel(self, event: events.MouseEvent, direction: int) -> None:
        event.stop()
        if event.ctrl or event.shift or event.meta:
            self._viewpoint.zoom(direction)
        else:
            self._viewpoint.scroll(0.1 * direction)
        self.post_message(self.Moved())

    def _shown(self, view: View | None) -> list[StreamKey]:
        """Streams that are there now, and those that left something in sight."""
        session = self._session
        if view is None:
            view = self._viewpoint.view
        return [
            key
            for key, lane in session.lanes.items()
            if session.status(key) is not None or lane.has_any(view.start, view.end)
        ]

    def _margin(self, width: int) -> int:
        session = self._session
        margin = max((cell_len(session.label(key)) for key in session.lanes), default=0)
        return min(margin + 3, width // 3) if margin else 0

    def _below(self, height: int, lanes: int) -> tuple[int, int]:
        """Lines of arousal and valence, and of loudness."""
        if not self._display.curves:
            return 0, 0
        room = height - 2 * max(1, lanes)
        if room >= 8:
            return (4, 2) if room >= 16 else (3, 1)
        return (0, 1) if room >= 2 else (0, 0)

    def _curves(self, view: View, margin: int, plane: int, loud: int) -> list[Line]:
        """Of the stream that is shown large."""
        session, palette = self._session, self._display.palette
        key = session.heard or next(iter(session.lanes), None)
        if key is None:
            return [[]] * (plane + loud)
        lines = curves(session.lanes[key], view, plane, palette) if plane else []
        lines += loudness(session.levels[key], view, loud, palette)
        return [[(" " * margin, ""), *line] for line in lines]

    def _lane(self, key: StreamKey, rows: int, margin: int, view: View) -> list[Line]:
        """``rows`` lines, the last with the names where there is more than one."""
        session, display = self._session, self._display
        columns = session.lanes[key].columns(view.first, view.count, view.seconds)
        high = max(1, rows - 1)
        lines = blocks(columns, high, view.reached, display.palette)
        if rows > 1:
            lines.append(names(columns, display.palette))
        if not margin:
            return lines
        palette = display.palette
        status = session.status(key)
        speaks = status is not None and status.speech and session.running
        dot = ("● ", palette.ink) if speaks else ("○ ", palette.rule)
        label = set_cell_size(session.label(key), margin - 3)
        head = [dot, (label + " ", palette.muted)]
        middle = (high - 1) // 2
        return [
            [*(head if i == middle else [(" " * margin, "")]), *line]
            for i, line in enumerate(lines)
        ]

    def _with_cursor(self, line: Line, margin: int, view: View) -> Line:
        cursor = self._viewpoint.cursor
        if cursor is None or not view.start <= cursor < view.end:
            return line
        return with_cell(line, margin + int(cursor / view.seconds) - view.first, "reverse")

    def _caption(self, view: View, hidden: int, plane: bool) -> None:
        """What is read out, or how much is in sight."""
        cursor = self._viewpoint.cursor
        text = f"{clock_text(round(view.count * view.seconds))} in view"
        if cursor is not None:
            text = f"{clock_tenths(cursor)}  {self._reading(cursor)}  ·  esc: live"
        elif not view.latest:
            text = f"{clock_text(view.start)} to {clock_text(view.end)}  ·  end: live"
        if hidden > 0:
            text = f"+{hidden} more channels · {text}"
        self.caption(_title(plane, self._display.palette), text)

    def _reading(self, cursor: float) -> str:
        """What was heard at a moment, and what was marked in its column."""
        seconds = self._viewpoint.view.seconds
        first = int(cursor / seconds) * seconds
        moments = self._session.moments_between(first, first + seconds)
        notes = [f"{'▲' if moment.alert else '◆'} {moment.note}".rstrip() for moment in moments]
        return "  ".join([self._reading_of(cursor), *notes])

    def _reading_of(self, cursor: float) -> str:
        row = self._session.row_at(cursor)
        if row is None:
            return "no speech"
        label = self._session.label((row.stream, row.channel))
        text = f"{row.emotion} {row.confidence:.0%}".replace("%", " %")
        if row.arousal is not None and row.valence is not None:
            text += f"  arousal {row.arousal:+.2f}  valence {row.valence:+.2f}"
        return f"{label} {text}" if label else text


def _title(plane: bool, palette: Palette) -> Content:
    """Also tells which curve is which, where there are any."""
    if not plane:
        return Content("timeline")
    return Content.assemble(
        "timeline   ", ("━ arousal", palette.arousal), "  ", ("┅ valence", palette.valence)
    )
