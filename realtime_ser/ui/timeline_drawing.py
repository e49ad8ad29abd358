"""The lines of the timeline, from columns to styled text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from realtime_ser.ui.bars import RISING, joined, styled, verticals
from realtime_ser.ui.curves import curve_dots
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

_CELLS: Final = RISING + "    ▗▗▗▗▐"
"""By filled eighths, whole and then without the left half: what stands to the right of another
emotion leaves half a cell free, because colours that touch are hard to tell apart (WCAG 2.2, 1.4.11
asks for 3:1)."""
_BRAILLE: Final = " " + "".join(chr(0x2800 + bits) for bits in range(1, 256)) + "·"
CLIPPED: Final = 0.99
"""Loudness, 0 to 1, from which it is full scale."""


def blocks(columns: Columns, rows: int, reached: int, palette: Palette) -> list[Line]:
    """A lane ``rows`` high, from the top: height is confidence, colour the emotion."""
    codes = columns.codes
    silent = codes == SILENCE
    before = np.concatenate(([SILENCE], codes[:-1]))
    touches = ~silent & (before != SILENCE) & (before != codes)
    cells = verticals(columns.confidence, rows)
    cells[:, silent] = 0
    cells[-1, silent & (np.arange(len(codes)) < reached)] = 1
    colors = [*(palette.looks[name].color for name in NAMES), palette.track]
    return [*styled(cells + 9 * touches, _CELLS, np.where(silent, -1, codes), colors)]


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
    cells = (arousal | valence).astype(np.int64)
    kinds = np.where(valence > 0, 1, np.where(arousal > 0, 0, 2))
    zero = cells[rows // 2, : view.reached]
    zero[zero == 0] = len(_BRAILLE) - 1
    return [*styled(cells, _BRAILLE, kinds, [palette.arousal, palette.valence, palette.track])]


def loudness(levels: LevelHistory, view: View, rows: int, palette: Palette) -> list[Line]:
    """The envelope of the waveform in decibels."""
    shares = levels.columns(view.first, view.count, view.seconds)
    kinds = (shares >= CLIPPED).astype(np.int64)
    return [*styled(verticals(shares, rows), RISING, kinds, [palette.level, palette.alarm])]


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
