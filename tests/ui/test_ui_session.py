"""What the screen would say, without a screen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from realtime_ser.stats import Turn
from realtime_ser.types import UNCERTAIN, TimelineRow
from realtime_ser.ui.session import LOG_LENGTH, Session
from realtime_ser.ui.shown import Learning, Now
from tests.ui.scenes import CLASSES, make_health, make_row, make_status


def session_at(position: float, *, channels: int = 1, **changes: object) -> Session:
    session = Session(CLASSES)
    move(session, position, channels=channels, **changes)
    return session


def move(session: Session, position: float, *, channels: int = 1, **changes: object) -> None:
    streams = tuple(make_status(channel, position, **changes) for channel in range(channels))
    session.update(make_health(elapsed=position, streams=streams))


def test_before_anything_it_is_starting() -> None:
    assert Session(CLASSES).now() == Now("starting")


def test_it_listens_until_somebody_speaks() -> None:
    session = session_at(3.0)
    assert session.now().mood == "listening"
    assert session.scores().values == (None,) * len(CLASSES)


def test_the_newest_window_is_the_current_emotion() -> None:
    session = session_at(2.5, speech=True)
    session.take(make_row("angry", 0.71, start=0.0, end=2.0))
    session.take(make_row("angry", 0.75, start=0.0, end=2.5))
    now = session.now()
    assert (now.mood, now.emotion, now.confidence, now.voice) == ("emotion", "angry", 0.75, "")
    assert now.seconds == pytest.approx(2.5)
    scores = session.scores()
    assert scores.current
    assert scores.leading == CLASSES.index("angry")
    assert scores.values[0] == 0.75


def test_uncertain_still_tells_what_leads() -> None:
    session = session_at(2.0, speech=True)
    session.take(make_row("sad", 0.33, end=2.0))
    now = session.now()
    assert (now.emotion, now.leading) == (UNCERTAIN, "sad")
    assert session.scores().leading == CLASSES.index("sad")


def test_the_utterance_does_not_replace_its_last_window() -> None:
    session = session_at(2.0)
    session.take(make_row("angry", 0.9, start=0.0, end=2.0))
    session.take(make_row("neutral", 0.6, start=0.0, end=2.2, kind="utterance"))
    assert session.now().emotion == "angry"
    assert [placed.row.emotion for placed in session.utterances] == ["neutral"]


def test_a_word_too_short_for_a_window_is_shown_by_its_utterance() -> None:
    session = session_at(1.0)
    session.take(make_row("happy", 0.8, start=0.5, end=0.9, kind="utterance"))
    assert session.now().emotion == "happy"


def test_after_two_quiet_seconds_it_says_silence_and_fades_the_bars() -> None:
    session = session_at(3.0)
    session.take(make_row("angry", 0.9, end=2.0))
    assert session.now().mood == "emotion"
    move(session, 4.5)
    assert session.now() == Now("silence", seconds=2.0)
    assert not session.scores().current
    assert session.scores().values[0] == 0.9


def test_new_speech_is_heard_before_its_first_row() -> None:
    session = session_at(3.0, speech=True)
    assert session.now().mood == "hearing"
    session.take(make_row("angry", 0.9, end=2.0))
    assert session.now().mood == "emotion"
    move(session, 9.0, speech=True)
    assert session.now().mood == "hearing"


def test_a_microphone_that_is_muted_is_no_silence() -> None:
    session = session_at(3.0)
    status = replace(make_status(0, 9.0), trouble="muted: unmute it")
    session.update(make_health(elapsed=9.0, streams=(status,)))
    assert session.now().mood == "muted"
    well = make_status(1, 9.0)
    session.update(make_health(elapsed=9.0, streams=(status, well)))
    assert session.now().mood == "listening"


def test_a_voice_that_is_learned_is_shown_with_how_far_it_is() -> None:
    session = session_at(3.0)
    session.learning = Learning("anna", 3.7, 15.0)
    session.update(make_health(state="starting"))
    now = session.now()
    assert (now.mood, now.voice, now.seconds) == ("learning", "anna", 3.0)
    assert now.confidence == pytest.approx(3.7 / 15.0)


def test_times_are_those_of_the_run_that_they_belong_to() -> None:
    session = session_at(9.0)
    session.take(make_row("angry", 0.9, end=8.0))
    mic = {"duration": None}
    session.update(make_health(elapsed=30.0, streams=(make_status(0, 9.0),), **mic))
    session.turn(Turn(1, 0))
    session.update(make_health(elapsed=33.0, run=1, streams=(make_status(0, 2.5),), **mic))
    assert session.starts[-1] == session.offset >= 9.0
    assert session.own_time(8.0) == 8.0
    assert session.own_time(session.offset + 2.0) == pytest.approx(2.0)
    assert session.elapsed == pytest.approx(3.0)


def test_audio_that_stops_coming_is_no_silence() -> None:
    session = session_at(3.0)
    session.take(make_row("angry", 0.9, end=3.0))
    streams = (make_status(0, 3.0, speech=True),)
    session.update(make_health(elapsed=5.0, streams=streams))
    assert session.now().mood == "emotion"
    session.update(make_health(elapsed=8.5, streams=streams))
    assert session.now() == Now("no sound", seconds=5.0)
    session.update(make_health(elapsed=8.6, streams=(make_status(0, 3.1),)))
    assert session.now().mood == "emotion"


def test_a_pause_does_not_count_as_missing_audio() -> None:
    session = session_at(3.0)
    paused = make_health(state="paused", elapsed=60.0, streams=(make_status(0, 3.0),))
    session.update(paused)
    assert session.now().mood == "paused"
    session.update(make_health(elapsed=60.1, streams=(make_status(0, 3.0),)))
    assert session.now().mood == "listening"


def test_one_voice_is_shown_until_it_has_been_quiet_for_a_second() -> None:
    session = session_at(5.0, channels=2, speech=True)
    session.take(make_row("angry", 0.9, end=4.0, channel=0))
    session.take(make_row("happy", 0.9, end=4.2, channel=1))
    assert (session.now().emotion, session.now().voice) == ("angry", "ch 0")
    session.take(make_row("happy", 0.9, end=5.2, channel=1))
    assert (session.now().emotion, session.now().voice) == ("happy", "ch 1")


def test_streams_are_named_by_what_tells_them_apart() -> None:
    session = Session(CLASSES)
    session.take(make_row(stream="desk"))
    assert session.label(("desk", 0)) == ""
    session.take(make_row(stream="phone"))
    assert session.label(("desk", 0)) == "desk"
    session.take(make_row(stream="phone", channel=1))
    assert session.label(("phone", 1)) == "ch 1"


def test_the_clock_follows_a_recording_but_counts_for_a_microphone() -> None:
    session = Session(CLASSES)
    session.update(make_health(elapsed=90.0, duration=60.0, streams=(make_status(0, 30.0),)))
    assert session.elapsed == 30.0
    session.update(make_health(elapsed=90.0, duration=None, streams=(make_status(0, 30.0),)))
    assert session.elapsed == 90.0


def test_the_log_is_bounded() -> None:
    session = Session(CLASSES)
    for i in range(LOG_LENGTH + 5):
        session.take(make_row(start=i, end=i + 0.5, kind="utterance"))
    assert len(session.utterances) == LOG_LENGTH
    assert session.utterance_count == LOG_LENGTH + 5
    assert session.utterances[-1].start == LOG_LENGTH + 4


def alert_row(end: float, *flags: str, **place: object) -> TimelineRow:
    row = make_row("angry", 0.9, start=end - 5.0, end=end, kind="alert", **place)  # type: ignore[arg-type]
    return replace(row, flags=("derived", *flags))


def test_alerts_of_rules_stand_on_the_axis_and_among_the_utterances() -> None:
    session = session_at(20.0)
    session.take(make_row("angry", 0.9, start=0.0, end=10.0))
    session.take(alert_row(10.0, "alert:loud"))
    session.take(alert_row(10.0, "alert:any-negative"))
    session.take(make_row("angry", 0.8, start=0.0, end=10.0, kind="utterance"))
    session.take(alert_row(10.0, "mark:3.0:mine"))
    listed = [(placed.row.kind, placed.row.flags[1:]) for placed in session.utterances]
    assert listed == [
        ("alert", ("alert:loud",)), ("alert", ("alert:any-negative",)), ("utterance", ()),
    ]  # fmt: skip
    assert (session.utterance_count, session.alert_count) == (1, 2)
    moments = [(moment.seconds, moment.note, moment.alert) for moment in session.moments]
    assert moments == [(10.0, "loud", True), (10.0, "any-negative", True), (3.0, "mine", False)]


def test_an_excerpt_has_the_alerts_that_stand_in_it() -> None:
    session = session_at(20.0)
    session.take(make_row("angry", 0.9, start=0.0, end=10.0))
    session.take(alert_row(10.0, "alert:loud"))
    session.take(alert_row(10.0, "alert:other"))
    session.take(make_row("angry", 0.8, start=0.0, end=10.0, kind="utterance"))
    kinds = [row.kind for row in session.excerpt(0.0, 20.0, "").rows]
    assert kinds == ["window", "alert", "alert", "utterance"]
    assert [row.kind for row in session.excerpt(0.0, 9.0, "").rows] == ["window", "utterance"]


def test_moving_back_forgets_later_alerts() -> None:
    session = session_at(30.0)
    for end in (10.0, 20.0):
        session.take(make_row("angry", 0.9, start=end - 10.0, end=end))
        session.take(alert_row(end, "alert:loud"))
        session.take(make_row("angry", 0.9, start=end - 10.0, end=end, kind="utterance"))
    session.turn(Turn(0, 1, 12.0))
    assert (session.utterance_count, session.alert_count) == (1, 1)
    assert [placed.end for placed in session.utterances] == [10.0, 10.0]
