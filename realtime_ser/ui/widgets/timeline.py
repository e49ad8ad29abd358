"""The timeline: a coloured lane a stream with curves below, the time at the bottom."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from realtime_ser.ui.arrangement import arrange, wanted_height
from realtime_ser.ui.line_widget import LineWidget, with_cell
from realtime_ser.ui.timeline_drawing import axis, blocks, curves, loudness, marks, names, signs_of
from realtime_ser.ui.times import clock_tenths, clock_text, percent_text

if TYPE_CHECKING:
    from textual import events
    from textual.geometry import Size

    from realtime_ser.ui.arrangement import Arrangement
    from realtime_ser.ui.display import Display
    from realtime_ser.ui.line_widget import Line
    from realtime_ser.ui.palette import Palette
    from realtime_ser.ui.session import Session, StreamKey
    from realtime_ser.ui.viewpoint import View, Viewpoint


class Timeline(LineWidget, can_focus=True):
    """Newest to the right. Height of a block: confidence; grey: uncertain; a thin line: silence."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", show=False),
        Binding("right", "step(1)", show=False),
        Binding("ctrl+left", "step(-10)", show=False),
        Binding("ctrl+right", "step(10)", show=False),
        Binding("shift+up", "stream(-1)", show=False),
        Binding("shift+down", "stream(1)", show=False),
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
        self._plan = arrange(1, 1, curves=False, marked=False)
        self._keys: list[StreamKey] = []

    def show(self, display: Display) -> None:
        """Draw again if anything has changed."""
        session, look = self._session, self._viewpoint
        speech = tuple(s.speech for s in session.health.streams) if session.health else ()
        drawn = (
            math.ceil(session.position / look.view.seconds), session.row_count, session.cuts,
            len(session.moments), speech, session.running, display, look.span, look.cursor,
            look.end, look.stream,
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
        lanes = len(self._shown(None))
        return wanted_height(viewport.height, lanes, curves=self._display.curves)

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
        marked = len(session.moments) > 0
        plan = arrange(height, len(keys), curves=display.curves, marked=marked)
        self._plan, self._keys = plan, keys[: plan.lanes]
        lines: list[Line] = []
        for key in self._keys:
            lines += self._lane(key, plan, margin, view)
            if plan.each:
                lines += self._curves(key, plan, margin, view)
            lines += [[]] * plan.gap
        lines += [[]] * plan.spare
        if self._keys and not plan.each:
            lines += self._curves(self._chosen(), plan, margin, view)
        lines = [[]] * (height - 1 - plan.marks - len(lines)) + lines
        signs = signs_of(session.moments_between(view.start, view.end), view, display.palette)
        if plan.marks:
            lines.append(marks(margin, view, signs))
            signs = {}
        lines.append(axis(margin, view, signs, display.palette, session.starts))
        self.call_later(self._caption, view, len(keys) - len(self._keys), plan.plane > 0)
        return [self._with_cursor(line, margin, view) for line in lines]

    def action_stream(self, by: int) -> None:
        """Look at the stream above or below."""
        if len(self._keys) > 1:
            number = self._keys.index(self._chosen()) + by
            self._viewpoint.stream = self._keys[min(max(0, number), len(self._keys) - 1)]
            self.post_message(self.Moved())

    def action_step(self, columns: int) -> None:
        """Move the cursor."""
        self._viewpoint.step(columns)
        self.post_message(self.Moved())

    def action_scroll_time(self, share: float) -> None:
        """Move the view by a share of its width."""
        self._viewpoint.scroll(share)
        self.post_message(self.Moved())

    def on_click(self, event: events.Click) -> None:
        """Set the cursor on what was clicked, and look at the stream of that lane."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        lane = self._plan.lane_at(offset.y)
        if lane is not None and lane < len(self._keys) > 1:
            self._viewpoint.stream = self._keys[lane]
        column = offset.x - self._margin(self.size.width)
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

    def _chosen(self) -> StreamKey:
        """Whose curves are shown where there is room for those of one stream alone."""
        chosen = self._viewpoint.stream
        return chosen if chosen in self._keys else self._keys[0]

    def _curves(self, key: StreamKey, plan: Arrangement, margin: int, view: View) -> list[Line]:
        """Arousal, valence and loudness of a stream; the margin says whose they are."""
        session, palette = self._session, self._display.palette
        lines: list[Line] = []
        if plan.plane:
            lines += curves(session.lanes[key], view, plan.plane, palette)
        if plan.loud:
            lines += loudness(session.levels[key], view, plan.loud, palette)
        return _margined(
            lines, margin, max(0, plan.plane - 1) // 2, self._head("  ", "", key, margin)
        )

    def _lane(self, key: StreamKey, plan: Arrangement, margin: int, view: View) -> list[Line]:
        """A stream's blocks and, where there is a line for them, their names."""
        session, palette = self._session, self._display.palette
        columns = session.lanes[key].columns(view.first, view.count, view.seconds)
        lines = blocks(columns, plan.high, view.reached, palette)
        if plan.named:
            lines.append(names(columns, palette))
        status = session.status(key)
        speaks = status is not None and status.speech and session.running
        dot = ("● ", palette.ink) if speaks else ("○ ", palette.rule)
        return _margined(lines, margin, (plan.high - 1) // 2, self._head(*dot, key, margin))

    def _head(self, dot: str, color: str, key: StreamKey, margin: int) -> Line:
        """A stream's name for the margin; that of the chosen one stands out."""
        palette = self._display.palette
        style = f"bold {palette.ink}" if key == self._viewpoint.stream else palette.muted
        label = set_cell_size(self._session.label(key), max(0, margin - 3))
        return [(dot, color), (label + " ", style)]

    def _with_cursor(self, line: Line, margin: int, view: View) -> Line:
        cursor = self._viewpoint.cursor
        if cursor is None or not view.start <= cursor < view.end:
            return line
        return with_cell(line, margin + int(cursor / view.seconds) - view.first, "reverse")

    def _caption(self, view: View, hidden: int, plane: bool) -> None:
        """What is read out, or how much is in sight."""
        cursor, own = self._viewpoint.cursor, self._session.own_time
        text = f"{clock_text(round(view.count * view.seconds))} in view"
        if cursor is not None:
            # The way back stands first: what does not fit is cut off at the end.
            text = f"esc: live  ·  {clock_tenths(own(cursor))}  {self._reading(cursor)}"
        elif not view.latest:
            text = f"{clock_text(own(view.start))} to {clock_text(own(view.end))}  ·  end: live"
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
        row = self._session.row_at(cursor, self._viewpoint.stream)
        if row is None:
            return "no speech"
        label = self._session.label((row.stream, row.channel))
        text = f"{row.emotion} {percent_text(row.confidence)}"
        if row.arousal is not None and row.valence is not None:
            text += f"  arousal {row.arousal:+.2f}  valence {row.valence:+.2f}"
        return f"{label} {text}" if label else text


def _margined(lines: list[Line], margin: int, at: int, head: Line) -> list[Line]:
    """``head`` to the left of one of the lines, and blanks of its width to the left of the rest."""
    if not margin:
        return lines
    blank = [(" " * margin, "")]
    return [[*(head if i == at else blank), *line] for i, line in enumerate(lines)]


def _title(plane: bool, palette: Palette) -> Content:
    """Also tells which curve is which, where there are any."""
    if not plane:
        return Content("timeline")
    return Content.assemble(
        "timeline   ", ("━ arousal", palette.arousal), "  ", ("┅ valence", palette.valence)
    )
