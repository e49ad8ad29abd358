"""The lines of the timeline."""

from __future__ import annotations

import numpy as np
import pytest

from realtime_ser.ui.curves import curve_dots
from realtime_ser.ui.lane import Lane
from realtime_ser.ui.palette import DARK
from realtime_ser.ui.shown import Moment
from realtime_ser.ui.timeline_drawing import axis, curves, marks, signs_of
from realtime_ser.ui.viewpoint import View
from tests.ui.scenes import make_row

VIEW = View(first=0, count=40, seconds=1.0, reached=40, latest=True)


def axis_with(*moments: Moment) -> str:
    line = axis(0, VIEW, signs_of(moments, VIEW, DARK), DARK)
    return "".join(text for text, _ in line)


def mark(seconds: float) -> Moment:
    return Moment(seconds, "", alert=False)


def test_the_axis_without_marks() -> None:
    assert axis_with().startswith("╵0:00     ╵0:10     ╵0:20")


@pytest.mark.parametrize(
    ("seconds", "part"),
    [
        ((10.0,), "◆0:10     ╵0:20"),
        ((11.0,), "╵◆0:10    ╵0:20"),
        ((12.0,), "╵ ◆0:10   ╵0:20"),
        ((13.0,), "╵  ◆      ╵0:20"),
        ((11.0, 12.0), "╵◆◆0:10   ╵0:20"),
        ((11.0, 14.0), "╵◆  ◆     ╵0:20"),
        ((15.0,), "╵0:10◆    ╵0:20"),
    ],
)
def test_a_mark_never_covers_a_part_of_a_label(seconds: tuple[float, ...], part: str) -> None:
    line = axis_with(*map(mark, seconds))
    assert line[10 : 10 + len(part)] == part
    assert len(line) == 40


def test_an_alert_goes_before_a_mark() -> None:
    assert "▲" in axis_with(Moment(7.2, "rule", alert=True), mark(7.8))


def test_marks_out_of_sight_are_not_drawn() -> None:
    signs = signs_of([mark(-1.0), mark(3.0), mark(40.0)], VIEW, DARK)
    assert list(signs) == [3]
    text = "".join(text for text, _ in marks(2, VIEW, signs))
    assert text == f"{'':5}◆".ljust(42)


def slow_dots(values: list[float], height: int) -> set[tuple[int, int]]:
    """(row, column) of each dot, a value after the other."""
    dots, before = set(), None
    for column, value in enumerate(values):
        if value != value:
            before = None
            continue
        row = round((1.0 - value) / 2.0 * (4 * height - 1))
        rows = {row}
        if before is not None and before != row:
            rows = set(range(before + 1, row + 1)) if row > before else set(range(row, before))
        dots |= {(each, column) for each in rows}
        before = row
    return dots


def test_curves_are_those_of_one_dot_after_the_other() -> None:
    rng = np.random.default_rng(3)
    values = rng.uniform(-1.0, 1.0, 60)
    values[rng.uniform(size=60) < 0.2] = np.nan
    cells = curve_dots(values, 3)
    order = ((0, 3), (1, 4), (2, 5), (6, 7))
    found = {
        (row, column)
        for row in range(12)
        for column in range(60)
        if cells[row // 4, column // 2] >> order[row % 4][column % 2] & 1
    }
    assert found == slow_dots(values.tolist(), 3)


def test_a_step_of_valence_is_drawn_as_a_line() -> None:
    lane = Lane()
    lane.add(make_row("neutral", 0.9, start=0.0, end=10.0))
    lane.add(make_row("angry", 0.9, start=10.0, end=20.0))
    lines = curves(lane, VIEW, 5, DARK)
    below = [text for line in lines[3:4] for text, style in line if style == DARK.valence]
    assert "".join(below).strip(), "between 0 and that of anger"
