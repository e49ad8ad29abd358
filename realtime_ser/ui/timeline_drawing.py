"""The lines of the timeline, from columns to styled text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from realtime_ser.ui.bars import RISING, joined, vertical
from realtime_ser.ui.curves import braille, curve_dots
from realtime_ser.ui.lane import NAMES, SILENCE
from realtime_ser.ui.timeline_model import runs, ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.ui.lane import Columns, Lane
    from realtime_ser.ui.level_history import LevelHistory
    from realtime_ser.ui.line_widget import Line
    from realtime_ser.ui.palette import Palette
    from realtime_ser.ui.shown import Moment
    from realtime_ser.ui.viewpoint import View

_FULL: Final = RISING[8]
_CUT: Final = {_FULL: "▐", **dict.fromkeys(RISING[4:8], "▗")}
"""What stands to the right of another emotion leaves half a cell free: colours that touch are hard
to tell apart (WCAG 2.2, 1.4.11 asks for 3:1)."""
CLIPPED: Final = 0.99
"""Loudness, 0 to 1, from which it is full scale."""


def blocks(columns: Columns, rows: int, reached: int, palette: Palette) -> list[Line]:
    """A lane ``rows`` high, from the top: height is confidence, colour the emotion."""
    colors = [palette.looks[name].color for name in NAMES]
    lines: list[list[tuple[str, str]]] = [[] for _ in range(rows)]
    before = SILENCE
    for column, (code, confidence) in enumerate(
        zip(columns.codes.tolist(), columns.confidence.tolist(), strict=True)
    ):
        if code == SILENCE:
            for line in lines[:-1]:
                line.append((" ", palette.track))
            lines[-1].append((RISING[1] if column < reached else " ", palette.track))
        else:
            touches = before not in (SILENCE, code)
            for line, cell in zip(lines, reversed(vertical(confidence, rows)), strict=True):
                line.append((_CUT.get(cell, " ") if touches else cell, colors[code]))
        before = code
    return [joined(line) for line in lines]


def names(columns: Columns, palette: Palette) -> Line:
    """The name of each stretch where it fits, else its letter."""
    pieces: list[tuple[str, str]] = []
    for run in runs(columns.codes):
        pieces.append((" " * (run.start - sum(len(text) for text, _ in pieces)), ""))
        name = NAMES[run.code]
        room = run.stop - run.start
        look = palette.looks[name]
        text = name if len(name) < room else look.letter
        pieces.append((f"{text:<{room}}", look.color))
    return pieces


def curves(lane: Lane, view: View, rows: int, palette: Palette) -> list[Line]:
    """Arousal and valence from -1 (bottom) to 1 (top); a dotted line is 0."""
    plane = lane.plane(2 * view.first, 2 * view.count, view.seconds / 2)
    plane[1, 1::2] = np.nan  # dotted: which is which must be seen without colours, too
    arousal, valence = (curve_dots(values, rows) for values in plane)
    lines: list[Line] = []
    for row in range(rows):
        cells: list[tuple[str, str]] = []
        for column in range(view.count):
            one, other = int(arousal[row, column]), int(valence[row, column])
            if one or other:
                cells.append((braille(one | other), palette.valence if other else palette.arousal))
            else:
                middle = row == rows // 2 and column < view.reached
                cells.append(("·" if middle else " ", palette.track))
        lines.append(joined(cells))
    return lines


def loudness(levels: LevelHistory, view: View, rows: int, palette: Palette) -> list[Line]:
    """The envelope of the waveform in decibels."""
    shares = levels.columns(view.first, view.count, view.seconds).tolist()
    lines: list[list[tuple[str, str]]] = [[] for _ in range(rows)]
    for share in shares:
        color = palette.alarm if share >= CLIPPED else palette.level
        for line, cell in zip(lines, reversed(vertical(share, rows)), strict=True):
            line.append((cell, color))
    return [joined(line) for line in lines]


def axis(margin: int, view: View, moments: Sequence[Moment], palette: Palette) -> Line:
    """The time, and what was marked."""
    line = ""
    for column, text in ticks(view.first, view.count, view.seconds):
        line = line.ljust(column) + "╵" + text
    cells = [(cell, palette.muted) for cell in line.ljust(view.count)]
    for moment in moments:
        column = int(moment.seconds / view.seconds) - view.first
        if 0 <= column < len(cells):
            sign = ("▲", f"bold {palette.alarm}") if moment.alert else ("◆", f"bold {palette.ink}")
            cells[column] = sign
    return [(" " * margin, ""), *joined(cells)]
