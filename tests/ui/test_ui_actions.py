"""Everything a user can do on the screen, driven by a pilot over a desk that notes it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from textual.events import MouseScrollUp
from textual.widgets import Input, OptionList

from realtime_ser.errors import SinkError, SourceError
from realtime_ser.stats import Turn
from realtime_ser.ui.app import LiveApp
from realtime_ser.ui.dialogs import AskScreen, PickScreen
from realtime_ser.ui.help import HelpScreen
from realtime_ser.ui.palette import DARK, LIGHT
from realtime_ser.ui.preferences import Preferences, load_preferences, save_preferences
from realtime_ser.ui.widgets.class_bars import ClassBars
from realtime_ser.ui.widgets.health_line import HealthLine
from realtime_ser.ui.widgets.notice import Notice
from realtime_ser.ui.widgets.timeline import Timeline
from realtime_ser.ui.widgets.title_line import TitleLine
from realtime_ser.ui.widgets.utterance_log import UtteranceLog
from tests.ui.scenes import (
    CALL,
    ScriptedMonitor,
    make_app,
    make_health,
    make_row,
    make_status,
    speech_rows,
)
from tests.ui.test_ui_app import look, speaking, text_of

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from realtime_ser.ui.shown import Excerpt


def told(app: LiveApp) -> str:
    """The lines that go away by themselves."""
    return "\n".join(note.message for note in app._notifications)


async def settled(pilot: Pilot[object]) -> None:
    """What was begun in a thread has ended, and is told."""
    app = pilot.app
    assert isinstance(app, LiveApp)
    await app.workers.wait_for_complete()
    await look(pilot)


async def type_in(pilot: Pilot[object], text: str) -> None:
    assert isinstance(pilot.app.screen, AskScreen)
    pilot.app.screen.query_one(Input).value = text
    await pilot.press("enter")
    await settled(pilot)


async def test_m_marks_the_moment_of_the_key() -> None:
    monitor = speaking(26.0)
    app = make_app(monitor)
    async with app.run_test() as pilot:
        await look(pilot)
        await pilot.press("m")
        monitor.current = replace(monitor.current, streams=(make_status(0, 31.0),))
        await type_in(pilot, "  he shouts ")
        assert monitor.calls == ["mark 26 he shouts"]
        assert "marked 0:26" in told(app)
        await pilot.press("m")
        await type_in(pilot, "")
        assert monitor.calls[-1] == "mark 31 "
        await pilot.press("m", "escape")
        assert len(monitor.calls) == 2


async def test_a_mark_that_no_file_has_says_so() -> None:
    monitor = speaking(26.0)
    monitor.logs = ()
    app = make_app(monitor)
    async with app.run_test() as pilot:
        await look(pilot)
        await pilot.press("m")
        await type_in(pilot, "he shouts")
        assert "marked 0:26  he shouts  (in no file: l writes one)" in told(app)


async def test_only_the_newest_line_is_told_and_errors_stay() -> None:
    monitor = speaking(26.0)
    app = make_app(monitor)
    async with app.run_test() as pilot:
        await pilot.press("right_square_bracket", "right_square_bracket")
        assert len(app._notifications) == 1
        monitor.refusal = SinkError("second.csv: already exists")
        monitor.logs = ()
        await pilot.press("l")
        await type_in(pilot, "second.csv")
        await pilot.press("right_square_bracket")
        assert "already exists" in told(app)
        assert len(app._notifications) == 2


async def test_the_legend_follows_the_theme() -> None:
    app = make_app(speaking(26.0))
    async with app.run_test(size=(120, 40)) as pilot:
        await look(pilot)
        timeline = app.query_one(Timeline)
        for palette in (DARK, LIGHT):
            spans = timeline._border_title.spans
            assert {palette.arousal, palette.valence} <= {str(span.style) for span in spans}
            await pilot.press("t")
            await look(pilot)


async def test_l_stops_what_is_written_and_writes_again() -> None:
    monitor = speaking()
    app = make_app(monitor)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("l")
        await settled(pilot)
        assert monitor.calls == ["stop_log timeline.csv"]
        assert "not written" in text_of(app, HealthLine)
        await pilot.press("l")
        assert app.screen.query_one(Input).value.startswith("timeline-")
        await type_in(pilot, "second.csv")
        assert monitor.calls[-1] == "start_log second.csv"
        assert "second.csv" in text_of(app, HealthLine)


async def test_a_refusal_is_told_and_nothing_else_happens() -> None:
    monitor = speaking()
    monitor.logs = ()
    monitor.refusal = SinkError("second.csv: already exists [red]")
    app = make_app(monitor)
    async with app.run_test() as pilot:
        await pilot.press("l")
        await type_in(pilot, "second.csv")
        assert "second.csv: already exists [red]" in told(app)
        assert monitor.logs == ()
        assert app.doing == ""


async def test_d_lists_devices_and_switches() -> None:
    monitor = speaking()
    app = make_app(monitor)
    async with app.run_test() as pilot:
        await pilot.press("d")
        await settled(pilot)
        assert isinstance(app.screen, PickScreen)
        assert app.screen.query_one(OptionList).highlighted == 0
        await pilot.press("down", "enter")
        await settled(pilot)
        assert monitor.calls == ["sources", "listen_to mic:3"]
        assert "listening to mic:3" in told(app)
        await pilot.press("d")
        await settled(pilot)
        await pilot.press("escape")
        assert monitor.calls[-1] == "sources"


async def test_no_audio_system_is_told() -> None:
    monitor = speaking()
    monitor.refusal = SourceError("devices: the PortAudio library was not found")
    app = make_app(monitor)
    async with app.run_test() as pilot:
        await pilot.press("d")
        await settled(pilot)
        assert "PortAudio" in told(app)


async def test_f_asks_for_a_recording() -> None:
    monitor = speaking()
    async with make_app(monitor).run_test() as pilot:
        await pilot.press("f")
        await type_in(pilot, "call.wav")
    assert monitor.calls[0] == "listen_to call.wav"


async def test_o_chooses_a_model() -> None:
    monitor = speaking()
    async with make_app(monitor).run_test() as pilot:
        await pilot.press("o", "enter")
        await settled(pilot)
        assert monitor.calls == [], "the present one is in use already"
        await pilot.press("o", "down", "enter")
        await settled(pilot)
        assert monitor.calls == ["use_model other"]


async def test_c_learns_a_voice() -> None:
    monitor = speaking()
    monitor.heard = (1.0, 7.0, 15.0)
    app = make_app(monitor)
    async with app.run_test() as pilot:
        await pilot.press("c")
        await type_in(pilot, "anna")
        assert monitor.calls == ["calibrate anna"]
        assert "anna's voice is known" in told(app)


async def test_what_takes_long_is_shown_and_one_at_a_time() -> None:
    monitor = speaking()
    app = make_app(monitor)
    async with app.run_test() as pilot:
        app.doing = "learning anna's voice"
        await look(pilot)
        assert "learning anna's voice" in text_of(app, Notice)
        await pilot.press("d")
        await settled(pilot)
        assert monitor.calls == []
        assert "still busy" in told(app)


async def test_brackets_move_the_threshold() -> None:
    monitor = speaking()
    app = make_app(monitor, speech_rows(CALL, 26.0, mono=True))
    async with app.run_test() as pilot:
        await pilot.press("right_square_bracket", "right_square_bracket", "left_square_bracket")
        assert monitor.uncertain_below == pytest.approx(0.42)
        assert "uncertain below 42 %" in told(app)


async def test_a_recording_is_moved_in_and_played_faster() -> None:
    monitor = speaking(26.0, seekable=True)
    app = make_app(monitor, speech_rows(CALL, 26.0, mono=True))
    async with app.run_test() as pilot:
        await look(pilot)
        await pilot.press("full_stop")
        await settled(pilot)
        await pilot.press("comma")
        await settled(pilot)
        assert monitor.calls == ["seek 36", "seek 16"]
        await pilot.press("greater_than_sign", "greater_than_sign")
        assert monitor.speed == 4.0
        for _ in range(9):
            await pilot.press("less_than_sign")
        assert monitor.speed == 0.25
        monitor.current = replace(monitor.current, speed=0.25)
        await look(pilot)
        assert "x0.25" in text_of(app, TitleLine)


async def test_j_plays_from_the_cursor() -> None:
    monitor = speaking(26.0, seekable=True)
    app = make_app(monitor, speech_rows(CALL, 26.0, mono=True))
    async with app.run_test(size=(120, 40)) as pilot:
        await look(pilot)
        await pilot.press("j")
        assert "set the cursor first" in told(app)
        await pilot.press("left", "left")
        await pilot.press("j")
        await settled(pilot)
    (call,) = [call for call in monitor.calls if call.startswith("seek")]
    assert 24.0 < float(call.split()[1]) < 26.0


async def test_a_microphone_cannot_be_moved_in() -> None:
    monitor = speaking()
    async with make_app(monitor).run_test() as pilot:
        await pilot.press("full_stop", "greater_than_sign", "j")
        await settled(pilot)
    assert monitor.calls == []


async def test_the_cursor_reads_out_a_moment() -> None:
    rows = [make_row("angry", 0.9, start=0.0, end=10.0), make_row("sad", 0.8, start=10.0, end=26.0)]
    app = make_app(speaking(26.0, duration=None), rows)
    async with app.run_test(size=(120, 40)) as pilot:
        await look(pilot)
        assert "sad" not in str(app.query_one(Timeline).border_subtitle)
        await pilot.press("left")
        await look(pilot)
        assert "sad 80 %" in str(app.query_one(Timeline).border_subtitle)
        assert "at 0:25.5" in str(app.query_one(ClassBars).border_title)
        await pilot.press("ctrl+left", "ctrl+left")
        await look(pilot)
        assert "angry 90 %" in str(app.query_one(Timeline).border_subtitle)
        assert "90 %" in text_of(app, ClassBars)
        await pilot.press("escape")
        await look(pilot)
        assert "in view" in str(app.query_one(Timeline).border_subtitle)
        assert app.query_one(ClassBars).border_title == "emotions"


async def test_a_click_sets_the_cursor() -> None:
    rows = [make_row("angry", 0.9, start=0.0, end=10.0), make_row("sad", 0.8, start=10.0, end=26.0)]
    app = make_app(speaking(26.0, duration=None), rows)
    async with app.run_test(size=(120, 40)) as pilot:
        await look(pilot)
        await pilot.click(Timeline, offset=(7, 3))
        await look(pilot)
        assert "0:05.5  angry" in str(app.query_one(Timeline).border_subtitle)


async def test_zoom_and_scroll_by_key_and_wheel() -> None:
    app = make_app(speaking(900.0, duration=None), [make_row(start=0.0, end=900.0)])
    async with app.run_test(size=(120, 40)) as pilot:
        await look(pilot)
        timeline = app.query_one(Timeline)
        await pilot.press("minus")
        assert "2:00 in view" in str(timeline.border_subtitle)
        await pilot.press("minus", "minus", "minus", "minus", "minus")
        await look(pilot)
        assert "1:00:00 in view" in str(timeline.border_subtitle)
        await pilot.press("0")
        await pilot.press("plus", "plus", "plus")
        await look(pilot)
        assert "0:10 in view" in str(timeline.border_subtitle)
        await pilot.press("shift+left")
        await look(pilot)
        assert "end: live" in str(timeline.border_subtitle)
        await pilot.press("end")
        await look(pilot)
        assert "0:10 in view" in str(timeline.border_subtitle)
        await pilot._post_mouse_events([MouseScrollUp], Timeline)
        await look(pilot)
        assert "end: live" in str(timeline.border_subtitle)


async def test_marks_and_alerts_stand_on_the_axis() -> None:
    rows = [
        make_row("angry", 0.9, start=0.0, end=10.0),
        replace(
            make_row("angry", 0.9, start=9.0, end=10.0, kind="alert"),
            flags=("derived", "mark:4.0:x"),
        ),
        replace(
            make_row("angry", 0.9, start=9.0, end=10.0, kind="alert"), flags=("derived", "rule-1")
        ),
    ]
    app = make_app(speaking(10.0, duration=None), rows)
    async with app.run_test(size=(120, 40)) as pilot:
        await look(pilot)
        axis = text_of(app, Timeline).splitlines()[-2]
        assert axis.index("▲") - axis.index("◆") == 6
        await pilot.click(Timeline, offset=(axis.index("◆"), 2))
        await look(pilot)
        assert "  ◆ x" in str(app.query_one(Timeline).border_subtitle)


async def test_an_alert_is_told_and_listed() -> None:
    alert = make_row("angry", 0.9, start=4.0, end=9.0, kind="alert")
    rows = [
        make_row("angry", 0.9, start=0.0, end=9.0),
        replace(alert, flags=("derived", "alert:older")),
        replace(alert, flags=("derived", "alert:angry-for-5-s")),
    ]
    app = make_app(speaking(10.0, duration=None), rows)
    async with app.run_test(size=(120, 40)) as pilot:
        await look(pilot)
        assert [note.message for note in app._notifications] == ["▲  0:09  angry-for-5-s"]
        log = app.query_one(UtteranceLog)
        assert "▲ older" in text_of(app, UtteranceLog)
        assert "0:09   5.0 s   ▲ angry-for-5-s" in text_of(app, UtteranceLog)
        assert log.border_title == "utterances  ▲ 2"
        # Something else that is told does not take its place.
        app.tell("something else")
        await pilot.pause()
        assert len(app._notifications) == 2


async def test_a_small_screen_reads_out_too() -> None:
    app = make_app(speaking(26.0, duration=None), speech_rows(CALL, 26.0, mono=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await look(pilot)
        await pilot.press("left")
        await look(pilot)
        assert "esc: live" in text_of(app, Timeline).splitlines()[0]
        assert "cold" in text_of(app, ClassBars).splitlines()[0]


async def test_a_second_source_stands_behind_the_first() -> None:
    monitor = speaking(10.0, duration=None)
    app = make_app(monitor, [make_row("angry", 0.9, start=0.0, end=10.0)])
    async with app.run_test(size=(120, 40)) as pilot:
        await look(pilot)
        status = replace(make_status(0, 3.0), stream="headset")
        app._session.turn(Turn(run=1, jumps=0))
        monitor.current = replace(monitor.current, run=1, source="headset", streams=(status,))
        await look(pilot)
        app._session.take(make_row("sad", 0.8, start=1.0, end=3.0, stream="headset"))
        await look(pilot)
        lines = text_of(app, Timeline).splitlines()
        assert any("headset" in line for line in lines)
        assert any("demo" in line for line in lines)
        row = app._session.row_at(12.0)
        assert row is not None
        assert (row.emotion, row.end) == ("sad", 3.0)


async def test_moving_back_forgets_what_came_later() -> None:
    monitor = speaking(26.0)
    app = make_app(monitor, speech_rows(CALL, 26.0, mono=True))
    async with app.run_test(size=(120, 40)) as pilot:
        await look(pilot)
        session = app._session
        before = monitor.current
        session.turn(Turn(run=0, jumps=1, position=8.0))
        await look(pilot)
        assert session.position <= 8.0, "a picture of before the turn moves nothing"
        monitor.current = replace(before, jumps=1, streams=(make_status(0, 8.0),))
        await look(pilot)
        assert session.position == 8.0
        assert all(placed.end <= 8.0 for placed in session.utterances)


async def test_x_exports_what_is_in_sight() -> None:
    taken: list[Excerpt] = []

    def export(excerpt: Excerpt) -> list[str]:
        taken.append(excerpt)
        return ["a.svg", "a.csv"]

    app = make_app(speaking(26.0), speech_rows(CALL, 26.0, mono=True), exporter=export)
    async with app.run_test(size=(120, 40)) as pilot:
        await look(pilot)
        await pilot.press("x")
        await settled(pilot)
        assert "written: a.svg, a.csv" in told(app)
    ends = [row.end for row in taken[0].rows]
    assert ends == sorted(ends)
    assert {row.kind for row in taken[0].rows} == {"window", "utterance"}


async def test_looks_change_and_are_remembered(tmp_path: Path) -> None:
    file = tmp_path / "screen.toml"
    app = make_app(speaking(), preferences=load_preferences(file))
    async with app.run_test(size=(120, 40)) as pilot:
        await look(pilot)
        assert "arousal" in str(app.query_one(Timeline).border_title)
        await pilot.press("e", "v", "t", "minus")
        await look(pilot)
        assert "arousal" not in str(app.query_one(Timeline).border_title)
        save_preferences(app.preferences, file)
    kept = load_preferences(file)
    assert kept == Preferences(light=True, emoji=False, curves=False, span=120.0)
    assert make_app(speaking(), preferences=kept).preferences == kept


@pytest.mark.parametrize(
    "content", ["", "emoji = 3\nspan = 17.0\nother = 1", "broken [", 'light = "yes"']
)
def test_preferences_that_make_no_sense_are_passed_over(tmp_path: Path, content: str) -> None:
    (tmp_path / "screen.toml").write_text(content)
    assert load_preferences(tmp_path / "screen.toml") == Preferences()


def test_preferences_that_cannot_be_kept_are_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    save_preferences(Preferences(), tmp_path / "file" / "screen.toml")


async def test_a_replay_offers_only_what_it_can() -> None:
    app = make_app(ScriptedMonitor(make_health(seekable=False)))
    async with app.run_test(size=(120, 60)) as pilot:
        await look(pilot)
        await pilot.press("m", "l", "d", "f", "o", "c", "full_stop")
        await look(pilot)
        assert len(app.screen_stack) == 1
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        text = str(app.screen.query_one("#help Static").render())
        assert "mark this moment" not in text
        assert "emoji on or off" in text


async def test_the_command_palette_has_every_action() -> None:
    app = make_app(speaking(seekable=True))
    async with app.run_test(size=(120, 40)) as pilot:
        await look(pilot)
        names = {command.title for command in app.get_system_commands(app.screen)}
        assert {"Mark", "Log", "Device", "Model", "Calibrate", "Export", "Faster"} <= names
        await pilot.press("ctrl+p")
        await pilot.pause()
        assert len(app.screen_stack) == 2


async def test_what_is_wrong_with_the_level_is_shown_and_that_it_is_over_is_told() -> None:
    monitor = speaking(26.0)
    app = make_app(monitor)
    async with app.run_test() as pilot:
        await look(pilot)
        quiet = replace(monitor.current.streams[0], trouble="muted: unmute it")
        well, monitor.current = monitor.current, replace(monitor.current, streams=(quiet,))
        await look(pilot)
        assert "▲ muted: unmute it" in text_of(app, Notice)
        monitor.current = well
        await look(pilot)
        assert not app.query_one(Notice).display
        assert "the level is fine again" in told(app)


async def test_that_the_microphone_is_back_is_told() -> None:
    monitor = speaking(26.0, problem="'USB Audio' is gone")
    app = make_app(monitor)
    async with app.run_test() as pilot:
        await look(pilot)
        assert told(app) == ""
        monitor.current = replace(monitor.current, problem=None)
        await look(pilot)
        assert "demo: audio is back" in told(app)


@pytest.mark.parametrize("key", ["m", "o", "l"])
async def test_enter_twice_answers_once(key: str) -> None:
    monitor = speaking()
    monitor.logs = ()
    app = make_app(monitor)
    async with app.run_test() as pilot:
        await look(pilot)
        await pilot.press(key)
        await pilot.pause()
        question = app.screen
        if isinstance(question, AskScreen):
            typed = question.query_one(Input)
            typed.value = "note.csv"
            typed.post_message(Input.Submitted(typed, "note.csv"))
            typed.post_message(Input.Submitted(typed, "note.csv"))
        else:
            listed = question.query_one(OptionList)
            listed.post_message(OptionList.OptionSelected(listed, listed.get_option_at_index(1), 1))
            listed.post_message(OptionList.OptionSelected(listed, listed.get_option_at_index(1), 1))
        await settled(pilot)
        assert len(app.screen_stack) == 1
    assert len(monitor.calls) == 1


async def test_another_model_may_know_other_emotions() -> None:
    monitor = speaking()
    app = make_app(monitor)
    async with app.run_test(size=(120, 40)) as pilot:
        await look(pilot)
        monitor.classes = ("angry", "neutral")
        await pilot.press("o", "down", "enter")
        await settled(pilot)
        bars = text_of(app, ClassBars)
        assert "neutral" in bars
        assert "disgust" not in bars


async def test_another_source_is_named() -> None:
    monitor = speaking()
    app = make_app(monitor)
    async with app.run_test() as pilot:
        await pilot.press("f")
        await type_in(pilot, "call.wav")
        assert "call.wav" in text_of(app, TitleLine)


async def test_a_file_that_is_written_no_more_stands_there_and_is_no_news_of_the_audio() -> None:
    monitor = speaking(26.0)
    app = make_app(monitor)
    async with app.run_test() as pilot:
        await look(pilot)
        well = monitor.current
        monitor.current = replace(well, broken=("calls.csv: disk full; make room",))
        await look(pilot)
        assert "calls.csv: disk full" in text_of(app, Notice)
        assert app.query_one(Notice).has_class("-problem")
        monitor.current = well
        await look(pilot)
        assert "disk full" not in text_of(app, Notice)
        assert told(app) == ""
