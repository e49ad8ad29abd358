"""The lines of the timeline, from columns to styled text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from realtime_ser.ui.bars import RISING, joined, styled, verticals
from realtime_ser.ui.curves import LEFT_DOTS, curve_dots
from realtime_ser.ui.lane import NAMES, SILENCE
from realtime_ser.ui.timeline_model import runs, ticks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
_AWAY: Final = 2
"""Cells that the label of a tick may move on; the next tick is always further away."""
Signs: TypeAlias = "Mapping[int, tuple[str, str]]"
"""Column in sight -> a character and its style."""


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
    plane[1] = np.repeat(plane[1, ::2], 2)
    arousal, valence = (curve_dots(values, rows) for values in plane)
    valence &= LEFT_DOTS  # dotted: which is which must be seen without colours, too
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


def axis(
    margin: int, view: View, signs: Signs, palette: Palette, starts: Sequence[float] = (0.0,)
) -> Line:
    """The time, and ``signs``; a label that one of them covers moves on, or is left out."""
    line = ""
    for column, text in ticks(view.first, view.count, view.seconds, starts):
        line = line.ljust(column) + "╵"
        for first in range(column + 1, column + 2 + _AWAY):
            past = first + len(text)
            if past <= view.count and signs.keys().isdisjoint(range(first, past)):
                line = line.ljust(first) + text
                break
    cells = [(cell, palette.muted) for cell in line.ljust(view.count)]
    for column, sign in signs.items():
        cells[column] = sign
    return [(" " * margin, ""), *joined(cells)]


def marks(margin: int, view: View, signs: Signs) -> Line:
    """A line of ``signs`` alone."""
    return [(" " * margin, ""), *joined(signs.get(i, (" ", "")) for i in range(view.count))]


def signs_of(moments: Sequence[Moment], view: View, palette: Palette) -> Signs:
    """What was marked in sight; an alert goes before a mark in the same column."""
    signs = {}
    for moment in sorted(moments, key=lambda moment: moment.alert):
        column = int(moment.seconds / view.seconds) - view.first
        if 0 <= column < view.count:
            alert = ("▲", f"bold {palette.alarm}")
            signs[column] = alert if moment.alert else ("◆", f"bold {palette.ink}")
    return signs
