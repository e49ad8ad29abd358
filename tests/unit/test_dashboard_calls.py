"""What a server's feed says: read where it is right, refused in words where it is not."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.dashboard.calls import Call, parse_call, parse_floor, parse_key
from realtime_ser.dashboard.fields import LONGEST_SHOWN, shown
from realtime_ser.dashboard.picture import ALERT_WINDOW, DROPPED_FOR, LINGER, FloorPicture
from realtime_ser.dashboard.totals import floor_items
from realtime_ser.errors import DataError
from realtime_ser.testing import ManualClock
from tests.floors import make_alert, make_floor, make_stream, said, snapshot, update

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
KEY = ("call-42", 0)


def refusal(read: Callable[[], object]) -> str:
    """What is said of something that cannot be read; empty where it can."""
    try:
        read()
    except (ValueError, DataError) as error:
        return str(error)
    return ""


def test_a_call_is_read_whole() -> None:
    call = parse_call(
        make_stream(
            metadata={"queue": "billing", "try": 2},
            recent=said("na"),
            alert=make_alert(91.0),
            alerts=3,
            emotion="angry",
            dropped=1.5,
        )
    )
    assert call.key == KEY
    assert call.metadata == (("queue", "billing"), ("try", "2"))
    assert call.recent == ((95.0, "neutral", 0.7), (100.0, "angry", 0.7))
    assert call.alert is not None
    assert (call.alert.name, call.alert.end, call.alerts) == ("long-anger", 91.0, 3)
    assert (call.live, call.emotion, call.confidence, call.dropped) == (True, "angry", 0.71, 1.5)
    assert call.words == "call-42 customer billing 2"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"confidence": "high"}, "confidence is 'high', not a number"),
        ({"confidence": 1.01}, "confidence is '1.01', not within 0 to 1"),
        ({"confidence": math.nan}, "confidence is nan"),
        ({"duration": -1}, "duration is '-1', not within 0"),
        ({"duration": True}, "duration is 'True', not a number"),
        ({"duration": 10**400}, "duration is a huge number"),
        ({"channel": 1.5}, "channel is '1.5', not a count"),
        ({"emotion": "bored"}, "emotion is 'bored', not one of angry"),
        ({"state": "gone"}, "state is 'gone', not one of live, ended"),
        ({"started": "yesterday"}, "started is 'yesterday', not a time"),
        ({"started": "2026-11-23T10:00:00"}, "not a time with its zone"),
        ({"speaking": 1}, "speaking is '1', not true or false"),
        ({"recent": {}}, "recent is an object, not a list"),
        ({"recent": [[1.0, "sad"]]}, "has not three parts"),
        ({"recent": [[1.0, "sad", 2.0]]}, "confidence is '2.0'"),
        ({"alert": {"name": "x"}}, "'end' is missing"),
        ({"metadata": [1]}, "metadata is a list"),
        ({"stream": None}, "stream is 'None', not text"),
        ({"stream": ["x"] * 1000}, "stream is a list, not text"),
    ],
)
def test_what_is_wrong_with_a_call_is_said_in_one_line(changes: dict[str, Any], words: str) -> None:
    said = refusal(lambda: parse_call(make_stream(**changes)))
    assert words in said
    assert said.isprintable()
    assert len(said) < 200


@given(st.sampled_from(sorted(make_stream())), JSON)
def test_no_field_breaks_the_parser(name: str, value: Any) -> None:
    before = parse_call(make_stream(recent=said("na")))
    calls: list[Call] = []
    told = refusal(lambda: calls.append(parse_call(make_stream(**{name: value}), before)))
    assert told.isprintable()
    for call in calls:
        assert call.name.isprintable()
        assert call.name
        assert all(0.0 <= confidence <= 1.0 for _, _, confidence in call.recent)
    assert bool(told) != bool(calls)


@given(JSON)
def test_no_message_breaks_the_picture(value: Any) -> None:
    picture = FloorPicture(ManualClock())
    messages = [{"type": "snapshot", "floor": value, "streams": []}, update(ended=[value])]
    messages.append(snapshot() | {"streams": value})
    messages += [value] if isinstance(value, dict) else []
    for message in messages:
        assert refusal(partial(picture.take, message)).isprintable()
    assert picture.left_out.isprintable()


def test_a_missing_field_is_named() -> None:
    stream = make_stream()
    del stream["duration"]
    with pytest.raises(ValueError, match="field 'duration' is missing"):
        parse_call(stream)


@given(st.text())
def test_names_of_strangers_are_harmless(name: str) -> None:
    assert shown(name).isprintable()
    assert "\u202e" not in shown(name)
    assert len(shown(name)) <= LONGEST_SHOWN


def test_a_name_of_nothing_visible_has_a_name() -> None:
    assert parse_call(make_stream("\x1b\u202e\n")).name == "(no name)"
    assert parse_call(make_stream("[red]x[/]\x1b[2J")).name == "[red]x[/] [2J"


def test_a_floor_is_read() -> None:
    floor = parse_floor(make_floor(shares={"sad": 0.25, "angry": 0.5, "bored": 0.1}))
    assert floor.shares == (("angry", 0.5), ("sad", 0.25))
    assert floor.latency.p95 == 88.0
    with pytest.raises(ValueError, match="floor is 'None', not an object"):
        parse_floor(None)


def test_keys_come_as_lists_and_as_objects() -> None:
    assert parse_key(["call-42", 0]) == KEY
    assert parse_key({"stream": "call-42", "channel": 0}) == KEY
    with pytest.raises(ValueError, match="a key is 'call-42', not an object"):
        parse_key("call-42")


def test_a_call_that_cannot_be_read_is_left_out_and_the_others_are_shown() -> None:
    picture = FloorPicture(ManualClock())
    picture.take(snapshot(make_stream(), make_stream("bad\x07", duration="long")))
    assert set(picture.calls) == {KEY}
    assert picture.left_out == "bad: cannot be shown (duration is 'long', not a number)"
    picture.take(snapshot(make_stream()))
    assert picture.left_out == ""


def test_updates_change_what_they_name() -> None:
    picture = FloorPicture(ManualClock())
    picture.take(snapshot(make_stream(), make_stream("other")))
    picture.take(update(make_stream(duration=101.0)))
    assert picture.calls[KEY].duration == 101.0
    assert picture.calls["other", 0].duration == 100.0
    picture.take({"type": "something newer"})
    assert len(picture.calls) == 2


def test_an_ended_call_stays_for_a_while() -> None:
    clock = ManualClock()
    picture = FloorPicture(clock)
    picture.take(snapshot(make_stream(), make_stream("other")))
    picture.take(update(ended=[["call-42", 0]]))
    assert not picture.calls[KEY].live
    clock.advance(LINGER - 1)
    picture.tidy()
    assert KEY in picture.calls
    clock.advance(1)
    version = picture.version
    picture.tidy()
    assert set(picture.calls) == {("other", 0)}
    assert picture.version > version


def test_what_a_snapshot_does_not_name_has_ended() -> None:
    """After a lost connection; it stays in sight as long as any call that ends."""
    picture = FloorPicture(ManualClock())
    picture.take(snapshot(make_stream(), make_stream("over"), make_stream("gone")))
    picture.take(update(ended=[["over", 0]]))
    picture.take(snapshot(make_stream()))
    assert {key: call.live for key, call in picture.calls.items()} == {
        KEY: True, ("over", 0): False, ("gone", 0): False,
    }  # fmt: skip


def test_alerts_of_the_last_minutes_are_counted() -> None:
    clock = ManualClock(1000.0)
    picture = FloorPicture(clock)
    old, new = make_alert(10.0), make_alert(590.0)
    picture.take(
        snapshot(
            make_stream("a", duration=600.0, alert=old, alerts=4),
            make_stream("b", duration=600.0, alert=new, alerts=2),
        )
    )
    assert picture.alerts_lately() == 1  # when the others were nobody says
    picture.take(update(make_stream("a", duration=601.0, alert=make_alert(601.0), alerts=6)))
    assert picture.alerts_lately() == 3
    clock.advance(ALERT_WINDOW - 5)
    assert picture.alerts_lately() == 2
    clock.advance(10)
    assert picture.alerts_lately() == 0


def test_dropped_audio_is_news_for_a_while() -> None:
    clock = ManualClock()
    picture = FloorPicture(clock)
    picture.take(snapshot(dropped=4.0))
    assert not picture.dropping
    picture.take(update(dropped=4.5))
    assert picture.dropping
    clock.advance(DROPPED_FOR)
    assert not picture.dropping


@pytest.mark.parametrize(("hop", "shown"), [(0.5, "0.5 s"), (1.0, "1 s for 0.5 s")])
def test_a_stretched_hop_is_bad(hop: float, shown: str) -> None:
    picture = FloorPicture(ManualClock())
    picture.take(update(hop=hop))
    assert picture.floor is not None
    (item,) = [one for one in floor_items(picture.floor, picture)[1] if one.label == "hop"]
    assert (item.value, item.bad) == (shown, hop > 0.5)


def test_an_emotion_is_that_of_the_moment_while_somebody_speaks_and_shortly_after() -> None:
    quiet: dict[str, Any] = {"speaking": False, "emotion": "angry", "recent": said("a")}
    assert parse_call(make_stream(**quiet, duration=103.0)).now == "angry"
    assert parse_call(make_stream(**quiet, duration=103.5)).now is None
    assert parse_call(make_stream(**(quiet | {"speaking": True}), duration=200.0)).now == "angry"
    assert parse_call(make_stream(**quiet, state="ended")).now is None


def test_what_has_not_changed_is_the_same_object() -> None:
    stream = json.loads(json.dumps(make_stream(recent=said("naas"))))
    before = parse_call(stream)
    again = parse_call(json.loads(json.dumps(stream | {"duration": 101.0})), before)
    assert again.recent is before.recent
    newer = parse_call(stream | {"recent": said("naan")}, before)
    assert newer.recent[:-1] == before.recent[:-1]
    assert newer.recent[-1][1] == "neutral"
    longer = parse_call(stream | {"recent": said("naass")}, before)
    assert len(longer.recent) == 5
