"""A timeline played again, in virtual time."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from realtime_ser.errors import DataError
from realtime_ser.replay import Replay, on_one_axis, open_replay
from realtime_ser.sinks.csv import HEADER, CsvSink
from realtime_ser.stats import Latency, Turn
from realtime_ser.testing import ManualClock
from realtime_ser.types import TimelineRow
from tests.rows import SIX_CLASSES, make_row

MORNING = datetime(2025, 3, 1, 10, tzinfo=UTC)


def row(
    end: float, start: float = 0.0, *, began: datetime = MORNING, **changes: Any
) -> TimelineRow:
    """A row of a session that began then."""
    moment = (began + timedelta(seconds=end)).replace(tzinfo=None)
    utc = moment.isoformat(timespec="milliseconds") + "Z"
    return make_row(**{"channel": 0, "start": start, "end": end, "utc": utc, **changes})


def utterance(end: float, start: float = 0.0, **changes: Any) -> TimelineRow:
    return row(end, start, kind="utterance", **changes)


CALL = [
    row(1.5, 1.0, level_dbfs=-30.0, latency_ms=10.0),
    row(2.0, 1.0, level_dbfs=-25.0, latency_ms=20.0),
    utterance(2.2, 1.0, level_dbfs=-27.0, latency_ms=None),
    row(4.5, 4.0, level_dbfs=-22.0, latency_ms=30.0),
    utterance(5.0, 4.0, level_dbfs=-21.0, latency_ms=40.0),
]


def rows_of(replay: Replay) -> list[TimelineRow]:
    """What has become due, without the turns."""
    return [item for item in replay.take() if not isinstance(item, Turn)]


def playing(*rows: TimelineRow) -> tuple[Replay, ManualClock]:
    clock = ManualClock(100.0)
    return Replay(rows or CALL, "call", clock), clock


def ends(rows: list[TimelineRow]) -> list[float]:
    return [row.end for row in rows]


def test_rows_come_when_the_playhead_reaches_their_end_each_once() -> None:
    replay, clock = playing()
    assert rows_of(replay) == []
    clock.advance(1.49)
    assert rows_of(replay) == []
    clock.advance(0.02)
    assert rows_of(replay) == CALL[:1]
    assert rows_of(replay) == []
    clock.advance(0.7)
    assert rows_of(replay) == CALL[1:3]
    clock.advance(60)
    assert rows_of(replay) == CALL[3:]
    clock.advance(60)
    assert rows_of(replay) == []


def test_health_is_that_of_an_engine_which_plays() -> None:
    replay, clock = playing()
    clock.advance(1.75)
    health = replay.health()
    assert (health.state, health.source, health.device, health.model) == (
        "running", "call", "replay", "",
    )  # fmt: skip
    assert (health.sample_rate, health.realtime_factor, health.problem) == (0, 0.0, None)
    assert (health.elapsed, health.duration, health.rows) == (1.75, 6.0, 1)
    assert (health.seekable, health.speed, health.jumps, health.run) == (True, 1.0, 0, 0)
    (stream,) = health.streams
    assert (stream.stream, stream.channel, stream.position) == ("call-17", 0, 1.75)


@pytest.mark.parametrize(
    ("at", "speech", "level"),
    [
        (0.5, False, -120.0),
        (1.2, True, -120.0),  # no row has told of a level yet
        (1.7, True, -30.0),
        (2.1, True, -25.0),
        (2.2, False, -120.0),
        (3.9, False, -120.0),
        (4.2, True, -27.0),
        (4.7, True, -22.0),
        (5.5, False, -120.0),
    ],
)
def test_speech_and_level_at_the_playhead(at: float, speech: bool, level: float) -> None:
    replay, _ = playing()
    replay.seek(at)
    (stream,) = replay.health().streams
    assert stream.speech is speech
    assert stream.speech_probability == float(speech)
    assert stream.level_dbfs == stream.peak_dbfs == level


def test_an_utterance_is_speech_to_its_end() -> None:
    replay, _ = playing(row(2.0, 1.0), row(2.5, 1.5), row(3.0, 2.0), utterance(3.4, 1.0))
    replay.seek(3.3)
    assert replay.health().streams[0].speech
    replay.seek(3.4)
    assert not replay.health().streams[0].speech


def test_each_stream_and_channel_has_a_status_of_its_own() -> None:
    replay, _ = playing(
        row(2.0, 1.0, channel=1, level_dbfs=-30.0),
        row(2.5, 2.0, channel=0, level_dbfs=-20.0),
        row(3.0, 1.0, channel=1, level_dbfs=-31.0),
        row(3.0, 2.0, stream="another", level_dbfs=-10.0),
    )
    replay.seek(2.7)
    assert [
        (s.stream, s.channel, s.position, s.speech, s.level_dbfs) for s in replay.health().streams
    ] == [
        ("another", 0, 2.7, True, -120.0),
        ("call-17", 0, 2.7, False, -120.0),
        ("call-17", 1, 2.7, True, -30.0),
    ]


def test_latency_is_that_of_the_rows_so_far() -> None:
    replay, _ = playing()
    assert replay.health().latency == Latency()
    replay.seek(2.2)
    assert replay.health().latency.p50 == pytest.approx(15.0)
    replay.seek(5.0)
    assert replay.health().latency.p50 == pytest.approx(25.0)
    replay.seek(1.5)
    assert replay.health().latency.p50 == pytest.approx(10.0)


def test_latency_is_that_of_the_newest_rows() -> None:
    late = [row(float(i + 1), float(i), latency_ms=900.0) for i in range(100)]
    quick = [row(float(i + 1), float(i), latency_ms=50.0) for i in range(100, 700)]
    replay, _ = playing(*late, *quick)
    replay.seek(100.0)
    assert replay.health().latency.p50 == pytest.approx(900.0)
    replay.seek(701.0)
    assert replay.health().latency == Latency(*[pytest.approx(50.0)] * 3)


def test_a_timeline_without_latency_has_none() -> None:
    replay, _ = playing(row(1.0, latency_ms=None))
    replay.seek(2.0)
    assert replay.health().latency == Latency()


def test_a_pause_holds_the_playhead() -> None:
    replay, clock = playing()
    clock.advance(1.0)
    replay.pause()
    replay.pause()
    clock.advance(60)
    health = replay.health()
    assert (health.state, health.streams[0].position, health.elapsed) == ("paused", 1.0, 61.0)
    assert rows_of(replay) == []
    replay.resume()
    replay.resume()
    clock.advance(0.6)
    assert replay.health().state == "running"
    assert replay.health().streams[0].position == pytest.approx(1.6)
    assert rows_of(replay) == CALL[:1]


def test_it_ends_a_second_behind_the_last_row_and_stays_there() -> None:
    replay, clock = playing()
    clock.advance(5.9)
    assert replay.health().state == "running"
    clock.advance(0.2)
    for _ in range(2):
        health = replay.health()
        assert (health.state, health.streams[0].position) == ("ended", 6.0)
        clock.advance(1000)
    replay.pause()
    assert replay.health().state == "ended"
    replay.seek(4.6)
    assert rows_of(replay) == CALL[:4]
    assert (replay.health().state, replay.health().jumps) == ("running", 1)
    clock.advance(0.5)
    assert rows_of(replay) == CALL[4:]


def test_seeking_forward_makes_the_rows_between_due_at_once() -> None:
    replay, clock = playing()
    clock.advance(1.6)
    assert rows_of(replay) == CALL[:1]
    replay.seek(4.5)
    assert rows_of(replay) == CALL[1:4]
    assert replay.health().jumps == 0
    clock.advance(0.5)
    assert rows_of(replay) == CALL[4:]


def test_seeking_back_makes_later_rows_come_again() -> None:
    replay, clock = playing()
    clock.advance(4.7)
    assert rows_of(replay) == CALL[:4]
    replay.seek(2.0)
    health = replay.health()
    assert (health.jumps, health.rows, health.streams[0].position) == (1, 2, 2.0)
    assert rows_of(replay) == []
    clock.advance(0.3)
    assert rows_of(replay) == CALL[2:3]
    replay.seek(0.0)
    assert replay.health().jumps == 2
    clock.advance(1.6)
    assert rows_of(replay) == CALL[:1]


def test_rows_that_were_due_and_not_taken_come_once() -> None:
    replay, clock = playing()
    clock.advance(4.7)
    replay.seek(2.1)
    assert rows_of(replay) == CALL[:2]
    clock.advance(10)
    assert rows_of(replay) == CALL[2:]


def test_seeking_in_a_pause_stays_paused() -> None:
    replay, clock = playing()
    replay.pause()
    replay.seek(2.1)
    clock.advance(10)
    assert rows_of(replay) == CALL[:2]
    assert (replay.health().state, replay.health().streams[0].position) == ("paused", 2.1)
    replay.seek(1.6)
    clock.advance(10)
    assert (replay.health().state, replay.health().jumps) == ("paused", 1)
    replay.seek(60.0)
    assert replay.health().state == "ended"
    replay.seek(4.0)
    assert replay.health().state == "paused"


@pytest.mark.parametrize(
    ("to", "position"), [(-5.0, 0.0), (float("-inf"), 0.0), (60.0, 6.0), (float("inf"), 6.0)]
)
def test_seeking_beyond_either_end_means_that_end(to: float, position: float) -> None:
    replay, clock = playing()
    clock.advance(3.0)
    replay.seek(to)
    assert replay.health().streams[0].position == position


@pytest.mark.parametrize("speed", [0.25, 4.0, 64.0])
def test_speed(speed: float) -> None:
    replay, clock = playing()
    replay.speed = speed
    clock.advance(1.5 / speed - 0.001)
    assert rows_of(replay) == []
    clock.advance(0.002)
    assert rows_of(replay) == CALL[:1]
    assert replay.speed == replay.health().speed == speed


def test_a_change_of_speed_goes_on_from_the_playhead() -> None:
    replay, clock = playing()

    def position() -> float:
        return replay.health().streams[0].position

    clock.advance(1.0)
    replay.speed = 4.0
    assert position() == pytest.approx(1.0)
    clock.advance(0.5)
    assert position() == pytest.approx(3.0)
    replay.pause()
    replay.speed = 0.5
    clock.advance(9.0)
    assert position() == pytest.approx(3.0)
    replay.resume()
    clock.advance(1.0)
    assert position() == pytest.approx(3.5)
    replay.speed = 64.0
    clock.advance(9.0)
    replay.speed = 1.0
    assert position() == 6.0


@pytest.mark.parametrize("speed", [0.0, 0.2, 64.5, -1.0, float("nan"), float("inf")])
def test_other_speeds_are_refused_and_change_nothing(speed: float) -> None:
    replay, _ = playing()
    with pytest.raises(ValueError, match=r"not within 0\.25 to 64"):
        replay.speed = speed
    assert replay.speed == 1.0


def test_stop_ends_it_for_good_and_what_was_due_can_be_taken() -> None:
    replay, clock = playing()
    clock.advance(1.6)
    replay.stop()
    clock.advance(60)
    replay.seek(5.0)
    replay.seek(0.0)
    replay.resume()
    health = replay.health()
    assert (health.state, health.streams[0].position, health.jumps) == (
        "ended", pytest.approx(1.6), 0,
    )  # fmt: skip
    assert rows_of(replay) == CALL[:1]


def test_the_classes_are_those_of_the_rows_in_the_order_of_the_columns() -> None:
    assert playing()[0].classes == tuple(SIX_CLASSES)
    replay, _ = playing(
        row(1.0, probabilities={"surprise": 0.5, "sad": 0.5}),
        row(2.0, probabilities={}, kind="alert"),
        row(3.0, probabilities={"angry": 1.0}),
    )
    assert replay.classes == ("angry", "sad", "surprise")


def test_a_replay_without_rows_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="needs rows"):
        Replay([], "call", ManualClock())


def test_one_session_stays_as_it_is_in_the_order_of_ends() -> None:
    window, whole = row(2.0, 1.0), utterance(2.0, 1.0)
    other = row(1.5, 1.0, channel=1)
    assert on_one_axis([window, whole, other])[0] == [other, window, whole]
    first = [utterance(2.0, 1.0, channel=1), window, whole]
    assert on_one_axis(first)[0] == [window, first[0], whole]
    assert on_one_axis([]) == ([], (0.0,))


def test_a_session_begins_where_the_times_of_a_stream_go_back() -> None:
    """Even where UTC does not say so."""
    rows = [
        row(9.0, 8.0, channel=1),
        row(2.0, 1.0),
        row(1.5, 1.0, utc="yesterday"),
        row(3.0, 1.0, utc=""),
        row(3.5, 1.0, channel=1, utc=""),
        row(2.5, 2.0, utc=""),
    ]
    found, starts = on_one_axis(rows)
    assert starts == (0.0, 10.0, 14.5)
    assert [(r.start, r.end) for r in found] == [
        (1.0, 2.0), (8.0, 9.0), (11.0, 11.5), (11.0, 13.0), (11.0, 13.5), (16.5, 17.0),
    ]  # fmt: skip
    assert [r.utc for r in found[2:]] == [r.utc for r in rows[2:]]


def test_a_session_begins_where_utc_at_time_0_moves() -> None:
    """A later session's first row may be later in its session, or of another stream."""
    noon = MORNING + timedelta(hours=2)
    evening = MORNING + timedelta(hours=8)
    found, starts = on_one_axis(
        [
            row(2.0, 1.0),
            row(5.0, 4.0, began=noon),
            row(6.0, 5.0, began=noon + timedelta(seconds=1.9)),
            row(1.0, 0.5, began=evening, stream="another"),
        ]
    )
    assert [(r.start, r.end) for r in found] == [(1.0, 2.0), (7.0, 8.0), (8.0, 9.0), (10.5, 11.0)]
    assert starts == (0.0, 3.0, 10.0)


def test_a_short_pause_between_sessions_is_as_long_as_it_was() -> None:
    """As after a calibration, so that a replay has the times of the live screen."""
    later = (0, 60, 65, 65 + 10 + 121)
    rows = [row(10.0, 9.0, began=MORNING + timedelta(seconds=seconds)) for seconds in later]
    found, starts = on_one_axis(rows)
    # The second begins before the first has ended, the third is too late: one second for each.
    assert [one.end for one in found] == [10.0, 70.0, 81.0, 92.0]
    assert starts == (0.0, 60.0, 71.0, 82.0)


def test_channels_that_take_turns_are_one_session() -> None:
    rows = [row(2.0, 1.0), row(1.5, 1.0, channel=1), row(2.5, 1.0), row(2.0, 1.0, channel=1)]
    assert ends(on_one_axis(rows)[0]) == [1.5, 2.0, 2.0, 2.5]


def test_sessions_play_one_after_the_other() -> None:
    replay, _ = playing(*CALL, *CALL)
    assert replay.health().duration == pytest.approx(12.0)
    replay.seek(7.8)
    assert ends(rows_of(replay)) == pytest.approx([1.5, 2.0, 2.2, 4.5, 5.0, 7.5])
    (stream,) = replay.health().streams
    assert (stream.speech, stream.level_dbfs) == (True, -30.0)


def test_a_file_is_replayed_under_its_name(tmp_path: Path) -> None:
    sink = CsvSink(tmp_path / "a call.csv")
    sink.open()
    for one in CALL:
        sink.write(one)
    sink.close()
    replay = open_replay(tmp_path / "a call.csv", ManualClock())
    assert replay.health().source == "a call"
    replay.seek(6.0)
    assert rows_of(replay) == CALL


@pytest.mark.parametrize("content", ["", f"{HEADER}\n"])
def test_a_file_without_rows_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "empty.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=r"empty\.csv: has no rows to show$"):
        open_replay(path, ManualClock())


def test_what_is_no_timeline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        open_replay(tmp_path / "nowhere.csv", ManualClock())


def test_replaying_loads_no_model_no_audio_system_and_no_screen() -> None:
    code = (
        "import sys, realtime_ser.replay;"
        "heavy = ('torch', 'textual', 'sounddevice', 'soundfile');"
        "print([m for m in heavy if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_eight_hours_of_two_streams_open_at_once_and_are_looked_at_in_no_time() -> None:
    hours = 8
    rows = [
        row(0.5 * (i + 1), 0.5 * i, channel=channel)
        for i in range(hours * 3600 * 2)
        for channel in (0, 1)
    ]
    clock = ManualClock()
    began = time.perf_counter()
    replay = Replay(rows, "day", clock)
    assert time.perf_counter() - began < 3.0

    looks = []
    for i in range(200):
        replay.seek(hours * 3600 * (i * 0.37 % 1.0))
        clock.advance(0.1)
        rows_of(replay)
        clock.advance(0.1)
        began = time.perf_counter()
        replay.health()
        rows_of(replay)
        looks.append(time.perf_counter() - began)
    assert float(np.median(looks)) < 1e-3


def test_seeking_back_is_told_before_the_rows_that_come_again() -> None:
    replay, clock = playing()
    clock.advance(4.7)
    replay.take()
    replay.seek(1.2)
    replay.seek(4.0)
    replay.seek(3.0)
    turn, *rows = replay.take()
    assert turn == Turn(run=0, jumps=2, position=1.2)
    assert rows == CALL[:3]
    replay.seek(5.0)
    assert not any(isinstance(item, Turn) for item in replay.take())
