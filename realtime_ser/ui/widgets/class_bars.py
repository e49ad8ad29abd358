"""A bar for every class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.widget import Widget

from realtime_ser.ui.bars import horizontal
from realtime_ser.ui.palette import INK, LOOKS, MUTED, RULE, TRACK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.ui.session import Scores, Session

_NAME_WIDTH: Final = 8
_VALUE_WIDTH: Final = 5


class ClassBars(Widget):
    """Label, bar and value of each class; a tick marks where certainty begins."""

    def __init__(self, classes: Sequence[str], uncertain_below: float) -> None:
        super().__init__()
        self.border_title = "emotions"
        self._names = tuple(classes)
        self._threshold = uncertain_below
        self._scores: Scores | None = None
        self._emoji = True

    def show(self, session: Session, *, emoji: bool) -> None:
        """Draw again if anything has changed."""
        scores = session.scores()
        if (scores, emoji) != (self._scores, self._emoji):
            self._scores, self._emoji = scores, emoji
            self.refresh()

    def render(self) -> Content:
        """One line a class, with blank lines between them where there is room."""
        height = self.size.height
        count = len(self._names)
        spaced = height >= 2 * count - 1
        lines = [self._line(number) for number in range(count)]
        used = 2 * count - 1 if spaced else count
        top = "\n" * max(0, (height - used) // 2)
        return Content(top) + Content("\n\n" if spaced else "\n").join(lines)

    def _line(self, number: int) -> Content:
        name = self._names[number]
        look = LOOKS[name]
        scores = self._scores
        value = scores.values[number] if scores else None
        current = scores is not None and scores.current
        leads = current and scores is not None and scores.leading == number
        mark = f"{look.emoji} {look.letter} " if self._emoji else f"{look.letter} "
        label = Content.assemble(
            (mark, f"bold {look.color}" if current else MUTED),
            (f"{name:<{_NAME_WIDTH}} ", f"bold {INK}" if leads else MUTED),
        )
        room = self.size.width - label.cell_length - _VALUE_WIDTH
        text = "" if value is None else f"{value:4.0%}".replace("%", " %")
        return (
            label
            + self._bar(value or 0.0, room, look.color if current else RULE)
            + Content.styled(f"{text:>{_VALUE_WIDTH}}", f"bold {INK}" if leads else MUTED)
        )

    def _bar(self, value: float, width: int, color: str) -> Content:
        if width < 3:
            return Content("")
        filled = horizontal(value, width)
        tick = min(width - 1, round(self._threshold * width))
        rest = " " * (width - len(filled))
        if len(filled) <= tick:
            at = tick - len(filled)
            rest = rest[:at] + "┊" + rest[at + 1 :]
        return Content.assemble((filled, f"{color} on {TRACK}"), (rest, f"{RULE} on {TRACK}"))
