"""Which part of the timeline is in sight, and what the cursor reads out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_ser.ui.viewpoint import ZOOMS, Viewpoint


def test_it_follows_the_newest_column() -> None:
    look = Viewpoint()
    assert look.look(100, 30.0, None).first == 0
    view = look.look(100, 500.0, None)
    assert (view.first, view.end, view.latest) == (400, 500.0, True)


def test_a_short_recording_is_seen_whole() -> None:
    view = Viewpoint().look(100, 10.0, 60.0)
    assert (view.start, view.end) == (0.0, 60.0)


def test_zoom_goes_through_all_steps_and_stays_at_the_ends() -> None:
    look = Viewpoint()
    look.look(100, 5000.0, None)
    seen = []
    for _ in range(10):
        look.zoom(-1)
        view = look.look(100, 5000.0, None)
        seen.append(round(view.count * view.seconds))
    assert seen == [60, 30, 10, *[10] * 7]
    for _ in range(10):
        look.zoom(1)
        view = look.look(100, 5000.0, None)
    assert view.count * view.seconds == pytest.approx(ZOOMS[-1])
    look.automatic()
    assert look.look(100, 5000.0, None).seconds == 1.0


def test_scrolled_back_it_rests_while_time_goes_on() -> None:
    look = Viewpoint()
    look.look(100, 500.0, None)
    look.scroll(-0.5)
    view = look.look(100, 500.0, None)
    assert (view.start, view.latest) == (350.0, False)
    assert look.look(100, 700.0, None).start == 350.0
    look.scroll(9.0)
    assert look.look(100, 700.0, None).latest
    assert look.look(100, 800.0, None).end == 800.0, "at the end it follows again"


def test_it_does_not_scroll_before_the_beginning() -> None:
    look = Viewpoint()
    look.look(100, 500.0, None)
    look.scroll(-50.0)
    assert look.look(100, 500.0, None).start == 0.0


def test_the_cursor_begins_at_the_newest_column_and_is_lifted_past_it() -> None:
    look = Viewpoint()
    look.look(100, 500.0, None)
    look.step(-1)
    assert look.cursor == 499.5
    look.look(100, 500.0, None)
    look.step(-3)
    assert look.cursor == 496.5
    look.look(100, 500.0, None)
    look.step(10)
    assert look.cursor is None
    assert look.look(100, 600.0, None).end == 600.0


def test_the_view_goes_with_the_cursor() -> None:
    look = Viewpoint()
    look.look(100, 500.0, None)
    look.point(410.5)
    look.look(100, 520.0, None)
    look.step(-20)
    view = look.look(100, 520.0, None)
    assert view.start <= 390.5 < view.end
    look.point(505.5)
    view = look.look(100, 520.0, None)
    assert view.start <= 505.5 < view.end


def test_zooming_keeps_the_cursor_where_it_is_on_the_screen() -> None:
    look = Viewpoint()
    look.span = 300.0
    look.look(100, 5000.0, None)
    look.point(4850.0)
    before = look.look(100, 5000.0, None)
    look.zoom(-1)
    after = look.look(100, 5000.0, None)
    share = [(4850.0 - view.start) / (view.end - view.start) for view in (before, after)]
    assert share[0] == pytest.approx(share[1], abs=0.05)


@settings(max_examples=100, deadline=None)
@given(
    moves=st.lists(
        st.one_of(
            st.tuples(st.just("zoom"), st.integers(-2, 2)),
            st.tuples(st.just("scroll"), st.floats(-2, 2)),
            st.tuples(st.just("step"), st.integers(-30, 30)),
            st.tuples(st.just("point"), st.floats(0, 5000)),
            st.tuples(st.just("look"), st.floats(0, 100)),
            st.tuples(st.just("width"), st.integers(1, 200)),
        ),
        max_size=30,
    )
)
def test_whatever_is_done_the_view_is_one(moves: list[tuple[str, float]]) -> None:
    look, position, count = Viewpoint(), 0.0, 80
    for name, amount in moves:
        if name == "look":
            position += amount
        elif name == "width":
            count = int(amount)
        else:
            getattr(look, name)(amount)
        view = look.look(count, position, None)
        assert view.first >= 0
        assert 0 <= view.reached <= view.count == count
        assert view.seconds > 0.0
        assert view.start <= max(0.0, position)
