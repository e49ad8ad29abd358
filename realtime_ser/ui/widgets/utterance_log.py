"""What was said and how: a line an utterance, alerts between them, the newest at the bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from realtime_ser.alerts.flags import alerts_of
from realtime_ser.types import UNCERTAIN
from realtime_ser.ui.display import Display
from realtime_ser.ui.shown import leading_class
from realtime_ser.ui.times import clock_text, percent_text

if TYPE_CHECKING:
    from realtime_ser.ui.session import Session
    from realtime_ser.ui.shown import Placed

_GAUGE_WIDTH = 20


class UtteranceLog(ScrollView, can_focus=True):
    """Follows the newest line until it is scrolled back, and again from the end on."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.border_title = "utterances"
        self._session = session
        self._drawn = 0
        self._labels = 0
        self._display = Display()

    def show(self, display: Display) -> None:
        """Draw again if anything has changed."""
        session = self._session
        count = session.utterance_count + session.alert_count
        if (count, len(session.lanes), display) == (self._drawn, self._labels, self._display):
            return
        reading_back = not self.is_vertical_scroll_end
        full = len(session.utterances) == session.utterances.maxlen
        added = count - self._drawn
        self._drawn, self._labels, self._display = count, len(session.lanes), display
        said, alerts = session.utterance_count, session.alert_count
        title = f"utterances  {said}" if said else "utterances"
        self.border_title = f"{title}  ▲ {alerts}" if alerts else title
        self.virtual_size = Size(1, len(session.utterances))
        if reading_back and full:
            # The oldest lines have left: keep what is being read in its place.
            self.scroll_to(y=max(0, self.scroll_offset.y - added), animate=False)
        self.refresh()

    def on_mount(self) -> None:
        """Stay at the newest line until the user scrolls, and again once he is back there."""
        self.virtual_size = Size(1, 0)
        self.anchor()

    def render_line(self, y: int) -> Strip:
        """Line ``y`` of what is in sight."""
        width = self.scrollable_content_region.width
        number = self.scroll_offset.y + y
        palette = self._display.palette
        style = Style.parse(f"{palette.muted} on {palette.background}")
        if number >= len(self._session.utterances):
            text = "nothing said yet" if y == 0 and not self._drawn else ""
            return Strip([Segment(text, style)]).adjust_cell_length(width, style)
        pieces = self._pieces(self._session.utterances[number], width)
        strip = Strip([Segment(text, style + Style.parse(look)) for text, look in pieces])
        return strip.adjust_cell_length(width, style)

    def _pieces(self, placed: Placed, width: int) -> list[tuple[str, str]]:
        """Text and style of a line, left to right; what does not fit is cut on the right."""
        row, display, palette = placed.row, self._display, self._display.palette
        look = display.look(row.emotion)
        sure = row.emotion != UNCERTAIN
        key = (row.stream, row.channel)
        labels = [self._session.label(each) for each in self._session.lanes]
        margin = max((cell_len(label) for label in labels), default=0)
        strong = palette.ink if sure else palette.muted
        names = alerts_of(row)
        at = placed.end if names else placed.start
        pieces = [
            (f"{clock_text(self._session.own_time(at)):>7}", palette.ink),
            (f"{row.end - row.start:6.1f} s   ", palette.muted),
            (f"{self._session.label(key):<{margin}}   " if margin else "", palette.muted),
        ]
        if names:
            return [*pieces, (f"▲ {', '.join(names)}", f"bold {palette.alarm}")]
        pieces += [
            (f"{display.mark(row.emotion)} ", f"bold {look.color}"),
            (f"{row.emotion:<9}", look.color if sure else palette.muted),
            (f" {percent_text(row.confidence):>5}  ", strong),
        ]
        used = sum(cell_len(text) for text, _ in pieces)
        if not sure:
            leading = leading_class(row)
            words = (f"perhaps {leading}", f"{leading}?", f"{display.look(leading).letter}?")
            fits = (text for text in words if cell_len(text) <= width - used)
            pieces.append((next(fits, words[-1]), palette.muted))
        else:
            gauge = max(0, min(_GAUGE_WIDTH, width - used - 1))
            filled = round(row.confidence * gauge)
            pieces.append(("━" * filled, look.color))
            pieces.append(("━" * (gauge - filled), palette.track))
        return pieces
