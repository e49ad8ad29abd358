"""A bar for every class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from textual.content import Content

from realtime_ser.ui.bars import horizontal
from realtime_ser.ui.line_widget import LineWidget
from realtime_ser.ui.times import clock_tenths, percent_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.ui.display import Display
    from realtime_ser.ui.line_widget import Line
    from realtime_ser.ui.session import Session
    from realtime_ser.ui.shown import Scores
    from realtime_ser.ui.viewpoint import Viewpoint

_NAME_WIDTH: Final = 8
_VALUE_WIDTH: Final = 5


class ClassBars(LineWidget):
    """Label, bar and value of each class; a tick marks where certainty begins."""

    def __init__(self, classes: Sequence[str]) -> None:
        super().__init__()
        self.border_title = "emotions"
        self._names = tuple(classes)
        self._threshold = 0.0
        self._scores: Scores | None = None

    def show(self, session: Session, display: Display, threshold: float, look: Viewpoint) -> None:
        """Draw again if anything has changed.

        Args:
            session: what is known.
            display: how to draw.
            threshold: confidence under which rows say ``uncertain``.
            look: where its cursor stands is the moment to show; now where there is none.
        """
        self._names = session.classes
        at = look.cursor
        scores = session.scores(at, look.stream)
        if (scores, display, threshold) != (self._scores, self._display, self._threshold):
            self._scores, self._display, self._threshold = scores, display, threshold
            title = (
                "emotions" if at is None else f"emotions at {clock_tenths(session.own_time(at))}"
            )
            self.caption(Content(title), _adaptation(scores))
            self.redraw()

    def lines(self) -> list[Line]:
        """One line a class, with blank lines between them where there is room."""
        height = self.size.height
        count = len(self._names)
        spaced = height >= 2 * count - 1
        used = 2 * count - 1 if spaced else count
        lines: list[Line] = [[] for _ in range(max(0, (height - used) // 2))]
        for number in range(count):
            if number and spaced:
                lines.append([])
            lines.append(self._line(number))
        return lines

    def _line(self, number: int) -> Line:
        name = self._names[number]
        look, palette = self._display.look(name), self._display.palette
        scores = self._scores
        value = scores.values[number] if scores else None
        current = scores is not None and scores.current
        leads = current and scores is not None and scores.leading == number
        mark = self._display.mark(name) + " "
        strong = f"bold {palette.ink}"
        label = [
            (mark, f"bold {look.color}" if current else palette.muted),
            (f"{name:<{_NAME_WIDTH}} ", strong if leads else palette.muted),
        ]
        room = self.size.width - cell_len(mark) - _NAME_WIDTH - 1 - _VALUE_WIDTH
        text = "" if value is None else f"{percent_text(value):>5}"
        return [
            *label,
            *self._bar(value or 0.0, room, look.color if current else palette.muted),
            (f"{text:>{_VALUE_WIDTH}}", strong if leads else palette.muted),
        ]

    def _bar(self, value: float, width: int, color: str) -> Line:
        if width < 3:
            return []
        palette = self._display.palette
        filled = horizontal(value, width)
        tick = min(width - 1, round(self._threshold * width))
        rest = " " * (width - len(filled))
        if len(filled) <= tick:
            at = tick - len(filled)
            rest = rest[:at] + "┊" + rest[at + 1 :]
        return [
            (filled, f"{color} on {palette.track}"),
            (rest, f"{palette.muted} on {palette.track}"),
        ]


def _adaptation(scores: Scores) -> str:
    """How well the model knows who speaks."""
    if scores.leading is None:
        return ""
    if scores.adapted < 1.0:
        return "cold, a new voice"
    return f"adapted to {scores.adapted:.0f} s"
