"""The last minutes: a coloured lane a stream, a name under each stretch, the time below."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from realtime_ser.ui.bars import RISING, joined, vertical
from realtime_ser.ui.layout import TALL
from realtime_ser.ui.palette import INK, LOOKS, MUTED, RULE, TRACK
from realtime_ser.ui.timeline_model import NAMES, SILENCE, runs, ticks
from realtime_ser.ui.times import clock_text

if TYPE_CHECKING:
    from textual.geometry import Size

    from realtime_ser.ui.session import Session, StreamKey
    from realtime_ser.ui.timeline_model import Columns

FINEST: Final = 0.5
"""Seconds a column where a recording is so short that all of it can be seen."""
COARSEST: Final = 1.0
"""Seconds a column otherwise."""
_COLORS: Final = [LOOKS[name].color for name in NAMES]


@dataclass(frozen=True, slots=True)
class View:
    """Which columns are in sight."""

    first: int
    count: int
    seconds: float
    """Each column's width in time."""
    reached: int
    """Columns in sight that have begun."""


class Timeline(Widget):
    """Newest to the right. Height of a block: confidence; grey: uncertain; a thin line: silence."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.border_title = "timeline"
        self._session = session
        self._drawn: object = None
        self._lanes = 0
        self._emoji = True

    def show(self, *, emoji: bool) -> None:
        """Draw again if anything has changed."""
        session = self._session
        speech = tuple(s.speech for s in session.health.streams) if session.health else ()
        reached = math.ceil(session.position / FINEST)
        drawn = (reached, session.row_count, speech, session.running, emoji)
        if drawn != self._drawn:
            self._drawn, self._emoji = drawn, emoji
            self.refresh(layout=len(session.lanes) != self._lanes)
            self._lanes = len(session.lanes)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As high as the lanes want to be where the style says ``auto``."""
        lanes = max(1, len(self._session.lanes))
        if viewport.height < TALL:
            return 1 + (4 if lanes == 1 else 2 * lanes if lanes < 4 else min(lanes, 6))
        return 1 + (7 if lanes == 1 else 4 * lanes if lanes < 4 else 2 * min(lanes, 8))

    def render(self) -> Content:
        """Lanes and axis."""
        session = self._session
        width, height = self.size
        keys = list(session.lanes)
        shown = keys[: max(1, height - 1)]
        margin = max((cell_len(session.label(key)) for key in shown), default=0)
        margin = min(margin + 3, width // 3) if margin else 0
        count = max(1, width - margin)
        view = self._view(count)
        self.border_subtitle = _subtitle(view, len(keys) - len(shown))
        lines = []
        rows = (height - 1) // max(1, len(shown))
        for key in shown:
            lines += self._lane(key, rows, margin, view)
        lines += [Content("")] * (height - 1 - len(lines))
        return Content("\n").join([*lines, _axis(margin, view)][-max(1, height) :])

    def _view(self, count: int) -> View:
        """The newest columns; before they fill the width, all from the start."""
        health = self._session.health
        duration = None if health is None else health.duration
        fitting = COARSEST if duration is None else duration / count
        seconds = min(COARSEST, max(FINEST, fitting))
        reached = math.ceil(self._session.position / seconds - 1e-9)
        first = max(0, reached - count)
        return View(first, count, seconds, min(count, reached - first))

    def _lane(self, key: StreamKey, rows: int, margin: int, view: View) -> list[Content]:
        """``rows`` lines, the last with the names where there is more than one."""
        columns = self._session.lanes[key].columns(view.first, view.count, view.seconds)
        blocks = max(1, rows - 1)
        lines = [_blocks(columns, row, blocks, view.reached) for row in reversed(range(blocks))]
        if rows > 1:
            lines.append(_names(columns))
        if not margin:
            return lines
        status, running = self._session.status(key), self._session.running
        dot = ("● ", INK) if status is not None and status.speech and running else ("○ ", RULE)
        label = self._session.label(key)
        head = Content.assemble(dot, (label, MUTED)).truncate(margin - 1, ellipsis=True, pad=True)
        blank = Content(" " * margin)
        middle = (blocks - 1) // 2
        return [(head + " " if i == middle else blank) + line for i, line in enumerate(lines)]


def _blocks(columns: Columns, row: int, rows: int, reached: int) -> Content:
    """One line of a lane; row 0 is the lowest."""
    pieces: list[tuple[str, str]] = []
    for column, (code, confidence) in enumerate(
        zip(columns.codes.tolist(), columns.confidence.tolist(), strict=True)
    ):
        if code == SILENCE:
            pieces.append((RISING[1] if row == 0 and column < reached else " ", TRACK))
        else:
            pieces.append((vertical(confidence, rows)[row], _COLORS[code]))
    return Content.assemble(*joined(pieces))


def _names(columns: Columns) -> Content:
    """The name of each stretch where it fits, else its letter."""
    pieces: list[tuple[str, str]] = []
    for run in runs(columns.codes):
        pieces.append((" " * (run.start - sum(len(text) for text, _ in pieces)), ""))
        name = NAMES[run.code]
        room = run.stop - run.start
        text = name if len(name) < room else LOOKS[name].letter
        pieces.append((f"{text:<{room}}", _COLORS[run.code]))
    return Content.assemble(*pieces)


def _axis(margin: int, view: View) -> Content:
    line = ""
    for column, text in ticks(view.first, view.count, view.seconds):
        line = line.ljust(column) + "╵" + text
    return Content.styled(" " * margin + line, MUTED)


def _subtitle(view: View, hidden: int) -> str:
    text = f"{clock_text(view.count * view.seconds)} in view"
    return f"+{hidden} more channels · {text}" if hidden > 0 else text
