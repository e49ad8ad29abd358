"""Lines of the table: every cell in its place, whatever the names and the width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from realtime_ser.dashboard.calls import parse_call
from realtime_ser.dashboard.columns import call_line, columns_for, fit_middle, heading
from realtime_ser.dashboard.ranking import level_now
from realtime_ser.dashboard.strip import Strips, strip_cells, strip_line
from realtime_ser.dashboard.totals import proportional
from realtime_ser.ui.display import Display
from realtime_ser.ui.palette import DARK, LIGHT
from tests.floors import make_alert, make_stream, said

if TYPE_CHECKING:
    from realtime_ser.dashboard.calls import Call
    from realtime_ser.ui.line_widget import Line

WORDS = st.text(st.characters(codec="utf-8"), max_size=60)


def call(**changes: Any) -> Call:
    return parse_call(make_stream(**changes))


def text(line: Line) -> str:
    return "".join(piece for piece, _ in line)


def drawn(call: Call, width: int, *, chosen: bool = False, emoji: bool = True) -> Line:
    display, columns = Display(emoji=emoji), columns_for(width)
    strip = Strips().line(call, columns.strip, display, letters=False) if columns.strip else []
    return call_line(call, level_now(call), columns, display, strip, chosen=chosen)


@given(WORDS, WORDS, WORDS, st.integers(40, 260), st.booleans())
def test_every_line_has_the_width_of_the_table(
    stream: str, role: str, alert: str, width: int, emoji: bool
) -> None:
    shown = call(
        stream=stream, role=role, alert=make_alert(40.0, alert), alerts=12, recent=said("naa?s"),
        duration=1e6, negative=123456.0,
    )  # fmt: skip
    assert cell_len(text(drawn(shown, width, emoji=emoji))) == width
    assert text(drawn(shown, width)).isprintable()


@pytest.mark.parametrize("width", range(40, 260, 7))
def test_the_heading_stands_over_its_columns(width: int) -> None:
    line = text(heading(columns_for(width), Display()))
    assert cell_len(line) == width
    row = text(drawn(call(negative=75.0), width))
    for word, value in (("time", "1:40"), ("sure", "71 %")):
        assert line.index(word) + len(word) == cell_len(row[: row.index(value)]) + len(value)
    if width >= 77:
        assert {"call", "role", "now", "alert"} <= set(line.split())


def test_a_line_says_what_is_known() -> None:
    loud = call(emotion="angry", negative=75.0, alert=make_alert(70.0), alerts=2)
    words = text(drawn(loud, 120)).split()
    assert words[:7] == ["▲call-42", "customer", "1:40", "😠", "angry", "71", "%"]
    assert words[-5:] == ["1:15", "long-a…", "x2", "0:30", "ago"]
    assert "silent" in text(drawn(call(emotion=None, confidence=None, speaking=False), 120))
    assert "speaking" in text(drawn(call(emotion=None, confidence=None), 120))
    assert "■ ended" in text(drawn(call(state="ended"), 120))
    assert text(drawn(loud, 120, chosen=True)).startswith("▸▲call-42")
    assert "A angry" in text(drawn(loud, 120, emoji=False))


def test_long_names_lose_their_middle() -> None:
    assert fit_middle("call-2026-11-23-000042", 14) == "call-20…000042"
    assert fit_middle("short", 8) == "short   "
    assert fit_middle("abcdef", 3) == "ab…"
    assert fit_middle("abcdef", 0) == ""


@given(WORDS, st.integers(0, 80))
def test_names_are_cut_to_cells(name: str, width: int) -> None:
    from realtime_ser.dashboard.fields import shown

    assert cell_len(fit_middle(shown(name), width)) == width


def test_the_strip_shows_the_newest_at_the_right() -> None:
    cells = strip_cells(call(recent=said("aa  ss")).recent, 100.0, 60)
    names = [cell[0] if cell else None for cell in cells[-6:]]
    assert names == ["angry", "angry", None, None, "sad", "sad"]
    assert cells[:-6] == [None] * 54
    confidences = {round(cell[1], 6) for cell in cells if cell is not None}
    assert confidences == {0.7}


def test_a_cell_of_the_strip_shows_what_it_had_the_longest() -> None:
    recent = call(recent=said("nnaaan")).recent
    assert strip_cells(recent, 100.0, 10)[-1] == ("angry", pytest.approx(0.7))


def test_what_is_past_keeps_its_look() -> None:
    """Cells lie on a fixed grid of the call's time: half a second later nothing has moved."""
    recent = call(recent=said("nasfnasfnasf", until=98.0)).recent
    assert strip_cells(recent, 98.5, 20) == strip_cells(recent, 99.9, 20)


def test_without_colours_letters_tell() -> None:
    cells = [None, ("angry", 0.8), ("angry", 0.5), ("uncertain", 0.3), ("surprise", 0.7)]
    display = Display()
    assert text(strip_line(cells, display, letters=True)) == "·Aa?P"
    assert text(strip_line(cells, display, letters=False)) == " ▆▄▂▆"


def test_a_strip_is_made_anew_only_when_it_has_changed() -> None:
    strips, display = Strips(), Display()
    before = call(recent=said("na"))
    line = strips.line(before, 10, display, letters=False)
    later = parse_call(make_stream(recent=said("na"), speaking=False), before)
    assert strips.line(later, 10, display, letters=False) is line
    for changed in (
        strips.line(parse_call(make_stream(recent=said("nsss"))), 10, display, letters=False),
        strips.line(later, 12, display, letters=False),
        strips.line(later, 10, Display(LIGHT), letters=False),
    ):
        assert changed != line
    strips.keep(())
    assert strips.line(later, 10, Display(DARK), letters=False) == line


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8), st.integers(0, 200))
def test_shares_fill_the_bar(shares: list[float], width: int) -> None:
    cells = proportional(shares, width)
    assert sum(cells) == (width if sum(shares) > 0.0 else 0)
    for share, count in zip(shares, cells, strict=True):
        assert abs(count - share / (sum(shares) or 1.0) * width) < 1.0 or sum(shares) == 0.0
