"""Who needs attention, what is looked at, and that rows do not jump about."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.dashboard.calls import Call, parse_call
from realtime_ser.dashboard.ranking import (
    ALERTED,
    CALM,
    CLEAR,
    ENDED,
    FRESH,
    SINK_AFTER,
    SLIGHT,
    STRONG,
    Ranking,
    concern,
    level_now,
)
from realtime_ser.dashboard.view import FILTERS, SORTS, FloorView
from tests.floors import busy_floor, make_alert, make_stream, said


def call(name: str = "call", **changes: Any) -> Call:
    return parse_call(make_stream(name, **changes))


def names(view: FloorView) -> str:
    return " ".join(row.name for row in view.rows)


def test_concern_is_how_long_and_how_sure() -> None:
    assert concern(call(recent=said("aaaa"))) == pytest.approx(20 * 0.7)
    assert concern(call(recent=said("nhp?"))) == 0.0
    assert concern(call(recent=said("aa" + "n" * 11))) == pytest.approx(5 * 0.7)  # a minute
    assert concern(call(recent=said("a a"))) == pytest.approx(10 * 0.7)
    assert concern(call(recent=said("sadf", confidence=0.5))) == pytest.approx(20 * 0.5)


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, CALM),
        ({"emotion": "sad"}, SLIGHT),
        ({"recent": said("a")}, SLIGHT),
        ({"recent": said("aa")}, CLEAR),
        ({"recent": said("aaaaaa")}, STRONG),
        ({"alert": make_alert(100.0 - FRESH + 1)}, ALERTED),
        ({"alert": make_alert(100.0 - FRESH)}, CALM),
        ({"state": "ended", "alert": make_alert(99.0)}, ENDED),
    ],
)
def test_levels(changes: dict[str, Any], level: int) -> None:
    assert level_now(call(**changes)) == level


def test_who_needs_attention_is_first() -> None:
    view = FloorView()
    view.update(
        [
            call("over", state="ended"),
            call("calm"),
            call("older", started="2026-11-23T09:00:00Z"),
            call("sad", emotion="sad"),
            call("strong", recent=said("aaaaaaaa")),
            call("alerted", alert=make_alert(60.0)),
            call("just-alerted", alert=make_alert(99.0)),
        ]
    )
    assert names(view) == "just-alerted alerted strong sad older calm over"


def test_a_call_rises_at_once_and_sinks_slowly() -> None:
    ranking = Ranking()
    ranking.update([call(duration=100.0)])
    ranking.update([call(duration=100.5, emotion="angry")])
    assert ranking.level(call()) == SLIGHT
    ranking.update([call(duration=101.0)])
    ranking.update([call(duration=100.5 + SINK_AFTER - 0.5)])
    assert ranking.level(call()) == SLIGHT
    ranking.update([call(duration=100.5 + SINK_AFTER)])
    assert ranking.level(call()) == CALM


def test_a_word_now_and_then_moves_no_row() -> None:
    view = FloorView()
    orders = set()
    for step in range(40):
        now = 100.0 + step / 2
        moody = "angry" if step % 3 == 0 else "neutral"
        view.update([call("a", duration=now), call("b", duration=now, emotion=moody), call("c")])
        orders.add(names(view))
    assert orders == {"b a c"}


def test_a_new_call_of_an_old_name_begins_anew() -> None:
    ranking = Ranking()
    ranking.update([call(duration=500.0, emotion="angry")])
    ranking.update([call(duration=1.0)])
    assert ranking.level(call()) == CALM


def test_an_ended_call_goes_down_at_once() -> None:
    ranking = Ranking()
    ranking.update([call(alert=make_alert(99.0))])
    ranking.update([call(alert=make_alert(99.0), state="ended")])
    assert ranking.level(call()) == ENDED


@given(st.permutations(busy_floor(12)))
def test_the_order_in_which_calls_come_is_of_no_matter(streams: list[dict[str, Any]]) -> None:
    expected, view = FloorView(), FloorView()
    expected.update(map(parse_call, busy_floor(12)))
    view.update(map(parse_call, streams))
    assert names(view) == names(expected)


def test_filters() -> None:
    calls = [
        call("a", alert=make_alert(5.0)), call("b", recent=said("a")),
        call("c", role="agent", emotion="sad"), call("d", role="Caller"),
    ]  # fmt: skip
    view = FloorView()
    found = {}
    for name in FILTERS:
        view.update(calls)
        found[name] = set(names(view).split())
        view.next_filter()
    assert found == {
        "all": set("abcd"), "alerts": {"a"}, "negative": set("bc"), "customers": set("abd"),
    }  # fmt: skip
    assert view.filter == FILTERS[0]


def test_the_chosen_call_stays_in_sight_until_something_else_is_chosen() -> None:
    view = FloorView()
    view.filter = "negative"
    view.update([call("a", emotion="sad"), call("b", emotion="angry")])
    view.choose(("a", 0))
    view.update([call("a"), call("b", emotion="angry")])
    assert set(names(view).split()) == {"a", "b"}
    assert view.rows[view.selected or 0].name == "a"
    view.choose(("b", 0))
    view.update([call("a"), call("b", emotion="angry")])
    assert names(view) == "b"
    view.search = "a"
    view.update([call("a"), call("b", emotion="angry")])
    assert names(view) == ""


def test_search_looks_for_all_words_in_all_that_is_said_of_a_call() -> None:
    calls = [call("Call-7", metadata={"queue": "Billing"}), call("call-8"), call("x-7")]
    view = FloorView()
    for search, found in (
        ("7", "Call-7 x-7"),
        ("billing CALL", "Call-7"),
        ("none", ""),
        (" ", "Call-7 call-8 x-7"),
    ):
        view.search = search
        view.update(calls)
        assert names(view) == found


def test_sorts() -> None:
    calls = [
        call("b", negative=95.0, started="2026-11-23T10:00:00Z"),
        call("c", negative=5.0, started="2026-11-23T09:00:00Z"),
        call("a", negative=99.0, started="2026-11-23T11:00:00Z", emotion="sad"),
    ]
    view = FloorView()
    found = {}
    for name in SORTS:
        view.update(calls)
        found[name] = names(view)
        view.next_sort()
    # 95 and 99 s are as good as the same: whom needs attention decides.
    assert found == {
        "attention": "a c b", "time negative": "a b c", "length": "c b a", "name": "a b c",
    }  # fmt: skip


def test_a_held_order_stays_and_new_calls_stand_below() -> None:
    view = FloorView()
    view.update([call("a"), call("b")])
    view.freeze()
    view.update([call("a"), call("b", alert=make_alert(99.0)), call("new", emotion="angry")])
    assert names(view) == "a b new"
    view.update([call("a"), call("newer", alert=make_alert(99.0)), call("b"), call("new")])
    assert names(view) == "a b new newer"
    view.freeze()
    view.update([call("a"), call("b"), call("newer", alert=make_alert(99.0))])
    assert names(view) == "newer b a"  # b has not sunk yet


def test_the_selection_follows_its_call() -> None:
    view = FloorView()
    assert view.selected is None
    view.update([call("a"), call("b"), call("c")])
    assert view.selected == 0
    view.update([call("b", emotion="sad"), call("a")])
    assert view.selected == 0  # nobody has chosen: the first one, whichever it is
    view.select(1)
    view.update([call("a", alert=make_alert(99.0)), call("b", emotion="sad")])
    assert view.rows[view.selected or 0].name == "a"
    view.select(1000)
    assert view.selected == 1
    view.release()
    assert view.selected == 0


def test_when_the_selected_call_goes_its_neighbour_is_selected() -> None:
    view = FloorView()
    view.update([call("a"), call("b"), call("c")])
    view.select(1)
    view.update([call("a"), call("c")])
    assert view.rows[view.selected or 0].name == "c"
    view.update([])
    assert view.selected is None
    view.update([call("z")])
    assert view.selected == 0
