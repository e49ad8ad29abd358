"""How lanes, curves and marks share the lines of the timeline, and of the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.ui.arrangement import MOST_LANES, arrange, wanted_height


@given(
    height=st.integers(1, 90), lanes=st.integers(0, 40), curves=st.booleans(), marked=st.booleans()
)
def test_every_line_is_given_away_once(height: int, lanes: int, curves: bool, marked: bool) -> None:
    plan = arrange(height, lanes, curves=curves, marked=marked)
    assert 1 <= plan.lanes <= MOST_LANES
    assert plan.high >= 1
    assert min(plan.plane, plan.loud, plan.gap, plan.spare) >= 0
    below = 0 if plan.each else plan.plane + plan.loud
    assert plan.lanes * plan.group + plan.spare + below + plan.marks + 1 == max(2, height)
    assert curves or plan.plane == plan.loud == 0
    assert [plan.lane_at(line) for line in (-1, plan.lanes * plan.group)] == [None, None]
    assert plan.lane_at(plan.lanes * plan.group - 1) == plan.lanes - 1


def test_two_lanes_have_their_own_curves_where_the_height_allows() -> None:
    low = arrange(11, 2, curves=True, marked=False)
    assert (low.each, low.plane, low.loud) == (False, 3, 1)
    high = arrange(15, 2, curves=True, marked=False)
    assert (high.each, high.plane, high.loud) == (True, 3, 1)
    large = arrange(40, 2, curves=True, marked=False)
    assert large.plane >= 6
    assert large.loud >= 3


@given(height=st.integers(2, 90), lanes=st.integers(1, 12))
def test_a_first_mark_does_not_take_the_curves_away(height: int, lanes: int) -> None:
    before, after = (arrange(height, lanes, curves=True, marked=marked) for marked in (False, True))
    assert (before.each, before.plane > 0) == (after.each, after.plane > 0)
    assert after.marks or before == after


def test_marks_have_a_line_of_their_own_on_a_large_screen() -> None:
    assert arrange(40, 2, curves=True, marked=True).marks
    assert not arrange(40, 2, curves=True, marked=False).marks
    assert not arrange(10, 1, curves=True, marked=True).marks


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("terminal", range(31, 60))
def test_arousal_and_valence_are_there_before_the_log_is_large(terminal: int, lanes: int) -> None:
    height = wanted_height(terminal, lanes, curves=True)
    assert arrange(height, lanes, curves=True, marked=False).plane >= 3


@given(terminal=st.integers(24, 60), lanes=st.integers(1, 12), curves=st.booleans())
def test_utterances_stay_in_sight_below_few_lanes(terminal: int, lanes: int, curves: bool) -> None:
    others = 14 + min(2, lanes) if terminal < 36 else 20 + min(4, lanes)
    left = terminal - others - wanted_height(terminal, lanes, curves=curves)
    assert left >= 3 or (terminal < 36 and lanes > 2)
