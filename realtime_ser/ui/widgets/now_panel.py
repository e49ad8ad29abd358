"""The current emotion, large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from realtime_ser.types import UNCERTAIN
from realtime_ser.ui.big_text import big_text
from realtime_ser.ui.line_widget import LineWidget
from realtime_ser.ui.shown import Now
from realtime_ser.ui.times import clock_text, percent_text

if TYPE_CHECKING:
    from realtime_ser.ui.display import Display
    from realtime_ser.ui.line_widget import Line
    from realtime_ser.ui.session import Session

_MARKS: Final = {
    "starting": "◌",
    "listening": "◉",
    "hearing": "◉",
    "silence": "—",
    "muted": "!",
    "no sound": "!",
    "learning": "◉",
    "paused": "‖",
    "ended": "■",
    "failed": "▲",
}
_BADGE_WIDTHS: Final = {1: 6, 2: 10}
"""Cells, by the scale of the letters."""
_GAP: Final = 2


class NowPanel(LineWidget):
    """A badge with the emoji, the emotion's name in big letters, and how sure that is."""

    def __init__(self) -> None:
        super().__init__()
        self.border_title = "now"
        self._now = Now("starting")

    def show(self, session: Session, display: Display) -> None:
        """Draw again if anything has changed."""
        now = session.now()
        if (now, display) != (self._now, self._display):
            self._now, self._display = now, display
            self.redraw()

    def lines(self) -> list[Line]:
        """Centred from top to bottom; one line of plain text where there is no room for more."""
        width, height = self.size
        lines = self._headline(width, height)
        details = self._details(width)
        if len(lines) + 1 + len(details) <= height:
            lines = [*lines, []]
        lines = (lines + details)[: max(1, height)]
        return [[]] * ((height - len(lines)) // 2) + lines

    def _headline(self, width: int, height: int) -> list[Line]:
        now, palette = self._now, self._display.palette
        word = now.emotion or now.mood
        color = palette.looks[now.emotion].color if now.emotion else palette.muted
        color = palette.alarm if now.mood in ("no sound", "muted") else color
        color = palette.ink if now.mood == "learning" else color
        style = palette.muted if now.emotion == UNCERTAIN else color
        for scale in (2, 1):
            rows = big_text(word, scale)
            wide = _BADGE_WIDTHS[scale] + cell_len(self._mark()) % 2  # keeps the mark centred
            if wide + _GAP + len(rows[0]) <= width and len(rows) + 3 <= height:
                badge = self._badge(wide, len(rows), color)
                return [
                    [*piece, (" " * _GAP, ""), (row, style)]
                    for piece, row in zip(badge, rows, strict=True)
                ]
        mark = self._mark()
        badge_style = f"bold {palette.ink_on(color)} on {color}"
        return [[(f" {mark} ", badge_style), ("  " + word, f"bold {style}")]]

    def _badge(self, width: int, height: int, color: str) -> list[Line]:
        """A frame in the emotion's colour; hatched where there is none to be sure of."""
        sure = self._now.emotion is not None and self._now.emotion != UNCERTAIN
        fill, style = ("█", color) if sure else ("░", f"{color} on {self._display.palette.track}")
        mark = self._mark()
        left = (width - 2 - cell_len(mark)) // 2
        right = width - 2 - cell_len(mark) - left
        middle = [(fill * left, style), (f" {mark} ", f"bold {color}"), (fill * right, style)]
        blank = [(fill * width, style)]
        return [middle if row == height // 2 else blank for row in range(height)]

    def _mark(self) -> str:
        if self._now.emotion is None:
            return _MARKS[self._now.mood]
        look = self._display.look(self._now.emotion)
        return look.emoji if self._display.emoji else look.letter

    def _details(self, width: int) -> list[Line]:
        now, palette = self._now, self._display.palette
        if now.mood == "learning":
            filled = round(width * min(1.0, now.confidence))
            gauge = [("━" * filled, palette.level), ("━" * (width - filled), palette.track)]
            return [gauge, [(_explain(now), palette.ink)]]
        if now.emotion is None or now.leading is None:
            return [[(_explain(now), palette.muted)]]
        sure = now.emotion != UNCERTAIN
        percent = f"{percent_text(now.confidence):>5}"
        room = max(0, width - len(percent) - 1)
        filled = round(room * min(1.0, now.confidence))
        color = palette.looks[now.leading].color
        gauge = [
            (percent, f"bold {palette.ink if sure else palette.muted}"),
            (" " + ("━" if sure else "╍") * filled, color),
            ("━" * (room - filled), palette.track),
        ]
        words = [f"for {now.seconds:.1f} s"] if sure else [f"perhaps {now.leading}"]
        if now.voice:
            words.insert(0, now.voice)
        return [gauge, [("  ·  ".join(words), palette.muted)]]


def _explain(now: Now) -> str:
    match now.mood:
        case "starting":
            return "waiting for audio"
        case "silence":
            return f"no speech for {clock_text(now.seconds)}"
        case "no sound":
            return f"nothing has arrived for {clock_text(now.seconds)}"
        case "listening":
            return "waiting for a voice"
        case "hearing":
            return "a voice: a moment, please"
        case "muted":
            return "the microphone delivers silence"
        case "learning":
            return f"speak calmly, {now.voice} · {now.seconds:.0f} s heard · esc gives up"
        case "paused":
            return "space resumes"
        case _:
            return "q leaves"
