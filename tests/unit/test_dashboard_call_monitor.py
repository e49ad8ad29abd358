"""One call as the live screen sees it: rows and times of the call, whatever the connection does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from realtime_ser.dashboard.call_monitor import STALLED_AFTER, CallMonitor
from realtime_ser.dashboard.calls import parse_call
from realtime_ser.dashboard.picture import FloorPicture
from realtime_ser.errors import DataError
from realtime_ser.stats import Turn
from realtime_ser.testing import ManualClock
from realtime_ser.types import EMOTIONS
from tests.floors import history, make_stream, row_message, snapshot, update
from tests.rows import make_row


class Scene:
    """A floor with one call that is looked at."""

    def __init__(self, **changes: Any) -> None:
        self.clock = ManualClock()
        self.picture = FloorPicture(self.clock)
        self.trouble = ""
        stream = make_stream("call-17", channel=1, **changes)
        self.picture.take(snapshot(stream))
        self.monitor = CallMonitor(
            parse_call(stream), self.picture, self.clock, lambda: self.trouble
        )

    def goes_on(self, duration: float, **changes: Any) -> None:
        self.picture.take(update(make_stream("call-17", channel=1, duration=duration, **changes)))


def rows(*ends: float) -> list[Any]:
    return [make_row(start=end - 1.0, end=end) for end in ends]


def test_it_starts_with_the_history() -> None:
    scene = Scene()
    assert scene.monitor.health().state == "starting"
    message = history(make_stream("call-17", channel=1), rows(4.0, 5.0))
    assert scene.monitor.take_message(message) is False
    assert [row.end for row in scene.monitor.take() if not isinstance(row, Turn)] == [4.0, 5.0]
    assert scene.monitor.take() == []
    health = scene.monitor.health()
    assert (health.state, health.rows, health.elapsed) == ("running", 2, 100.0)
    assert health.latency.p50 == 41.2


def test_rows_come_whole() -> None:
    scene, row = Scene(), make_row(kind="alert", flags=("derived", "alert:long-anger"))
    scene.monitor.take_message(row_message(row))
    assert scene.monitor.take() == [row]


def test_classes_are_those_of_the_rows() -> None:
    scene = Scene()
    assert scene.monitor.classes == EMOTIONS
    scene.monitor.take_message(row_message(make_row()))
    assert scene.monitor.classes == EMOTIONS[:6]


def test_times_are_those_of_the_call() -> None:
    scene = Scene(duration=600.0)
    assert scene.monitor.health().elapsed == 600.0
    scene.goes_on(601.5, level_dbfs=-31.0, speaking=True)
    health = scene.monitor.health()
    (status,) = health.streams
    assert health.elapsed == 601.5
    assert (status.position, status.speech, status.level_dbfs) == (601.5, True, -31.0)
    scene.monitor.take_message(row_message(rows(602.0)[0]))
    assert scene.monitor.health().elapsed == 602.0


def test_a_call_that_stalls_is_told_of() -> None:
    scene = Scene()
    scene.clock.advance(STALLED_AFTER - 0.1)
    assert scene.monitor.health().problem is None
    scene.clock.advance(0.2)
    assert scene.monitor.health().problem == "no audio from the call for 3 s"
    scene.goes_on(100.5)
    assert scene.monitor.health().problem is None


def test_a_lost_connection_is_told_of() -> None:
    scene = Scene()
    scene.trouble = "connection lost, trying again in 4 s"
    assert scene.monitor.health().problem == scene.trouble


def test_the_end_is_the_last_word() -> None:
    scene = Scene()
    scene.monitor.take_message(history(make_stream("call-17", channel=1), rows(4.0)))
    assert scene.monitor.take_message({"type": "end"}) is True
    scene.clock.advance(60.0)
    health = scene.monitor.health()
    assert (health.state, health.problem, health.streams[0].speech) == ("ended", None, False)


def test_a_call_that_has_left_the_floor_stays_as_it_was() -> None:
    scene = Scene()
    scene.goes_on(200.0)
    scene.monitor.health()
    scene.picture.calls.clear()
    assert scene.monitor.health().elapsed == 200.0


def test_the_history_of_an_ended_call_is_all() -> None:
    scene = Scene(state="ended")
    assert scene.monitor.health().state == "ended"
    ended = make_stream("call-17", channel=1, state="ended")
    assert scene.monitor.take_message(history(ended, rows(4.0))) is True
    assert len(scene.monitor.take()) == 1


def test_a_new_connection_brings_only_what_is_new() -> None:
    scene, stream = Scene(), make_stream("call-17", channel=1)
    first = rows(4.0, 5.0, 6.0)
    utterance = replace(first[-1], kind="utterance")
    alert = replace(first[-1], kind="alert", flags=("alert:x",))
    scene.monitor.take_message(history(stream, first))
    scene.monitor.take_message(row_message(utterance))
    scene.monitor.take()
    again = [*first, utterance, alert, *rows(7.0)]
    scene.monitor.take_message(history(stream, again))
    assert scene.monitor.take() == again[4:]


def test_a_new_call_of_the_same_name_is_another_run() -> None:
    scene = Scene()
    scene.monitor.take_message(history(make_stream("call-17", channel=1), rows(50.0)))
    scene.monitor.take()
    new = make_stream("call-17", channel=1, started="2026-11-23T11:00:00Z", duration=3.0)
    scene.picture.take(snapshot(new))
    scene.monitor.take_message(history(new, rows(2.0)))
    turn, row = scene.monitor.take()
    assert turn == Turn(1, 0)
    assert row.end == 2.0
    health = scene.monitor.health()
    assert (health.run, health.elapsed) == (1, 3.0)


def test_a_pause_holds_the_picture_and_loses_nothing() -> None:
    scene = Scene()
    scene.monitor.take_message(history(make_stream("call-17", channel=1)))
    scene.monitor.pause()
    scene.monitor.take_message(row_message(rows(4.0)[0]))
    assert scene.monitor.health().state == "paused"
    assert scene.monitor.take() == []
    scene.monitor.resume()
    assert len(scene.monitor.take()) == 1


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"type": "history", "rows": []}, "a stream is 'None', not an object"),
        (history(make_stream("other")), "the history is that of another call"),
        (history(make_stream("call-17", channel=1)) | {"rows": [7]}, "a row is '7', not an object"),
        (row_message(make_row()) | {"end": "soon"}, "end is 'soon', not a number"),
        ({"type": "window"}, "field 'schema' is missing"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(message: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError) as raised:
        Scene().monitor.take_message(message)
    assert words in str(raised.value)


def test_speech_starts_and_newer_messages_change_nothing() -> None:
    scene = Scene()
    scene.monitor.take_message({"type": "speech_start", "start": 1.0})
    scene.monitor.take_message({"type": "something newer"})
    assert scene.monitor.take() == []
