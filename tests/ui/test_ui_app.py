"""The screen, driven by a pilot: keys, states, sizes, and what it costs the engine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from realtime_ser.ui.app import LiveApp
from realtime_ser.ui.help import HelpScreen
from realtime_ser.ui.line_widget import LineWidget
from realtime_ser.ui.messages import RowArrived
from realtime_ser.ui.widgets.class_bars import ClassBars
from realtime_ser.ui.widgets.health_line import HealthLine
from realtime_ser.ui.widgets.level_meter import LevelMeter
from realtime_ser.ui.widgets.notice import Notice
from realtime_ser.ui.widgets.now_panel import NowPanel
from realtime_ser.ui.widgets.timeline import Timeline
from realtime_ser.ui.widgets.title_line import TitleLine
from realtime_ser.ui.widgets.utterance_log import UtteranceLog
from tests.ui.scenes import (
    CALL,
    CLASSES,
    ScriptedDesk,
    make_app,
    make_health,
    make_row,
    make_status,
    speech_rows,
)

if TYPE_CHECKING:
    from textual.pilot import Pilot
    from textual.widget import Widget

SIZES = [(80, 24), (120, 40), (200, 60)]


async def look(pilot: Pilot[object]) -> None:
    """Let the screen ask the engine once more, and draw."""
    await pilot.pause()
    assert isinstance(pilot.app, LiveApp)
    pilot.app.poll()
    await pilot.pause()
    await pilot.pause()


def text_of(app: LiveApp, kind: type[Widget]) -> str:
    """What a part of the screen shows."""
    widget = app.screen_stack[0].query_one(kind)
    return "\n".join(strip.text for strip in widget.render_lines(widget.outer_size.region))


def speaking(position: float = 26.0, channels: int = 1, **changes: object) -> ScriptedDesk:
    streams = tuple(
        make_status(
            channel,
            position,
            speech=channel == 0,
            speech_probability=0.97,
            level_dbfs=-18.0,
            peak_dbfs=-9.0,
        )
        for channel in range(channels)
    )
    return ScriptedDesk(make_health(elapsed=position, streams=streams, **changes))


async def test_space_pauses_and_resumes() -> None:
    monitor = speaking()
    app = make_app(monitor)
    async with app.run_test() as pilot:
        await pilot.press("space")
        await look(pilot)
        assert monitor.calls == ["pause"]
        assert "paused" in text_of(app, TitleLine)
        assert "space resumes" in text_of(app, NowPanel)
        assert "idle" in text_of(app, LevelMeter)
        await pilot.press("space")
        await look(pilot)
        assert monitor.calls == ["pause", "resume"]
        assert "running" in text_of(app, TitleLine)


async def test_q_stops_the_engine_and_leaves() -> None:
    monitor = speaking()
    app = make_app(monitor)
    async with app.run_test() as pilot:
        await pilot.press("q")
    assert set(monitor.calls) == {"stop"}
    assert (app.return_value, app.return_code) == ("quit", 0)


@pytest.mark.parametrize("in_help", [False, True])
async def test_ctrl_c_stops_the_engine_and_says_so(in_help: bool) -> None:
    monitor = speaking()
    app = make_app(monitor)
    async with app.run_test() as pilot:
        if in_help:
            await pilot.press("question_mark")
        await pilot.press("ctrl+c")
    assert set(monitor.calls) == {"stop"}
    assert (app.return_value, app.return_code) == ("interrupted", 130)


@pytest.mark.parametrize("key", ["escape", "question_mark", "q"])
async def test_help_opens_and_closes_while_the_screen_goes_on(key: str) -> None:
    monitor = speaking()
    app = make_app(monitor)
    async with app.run_test() as pilot:
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        monitor.current = replace(monitor.current, rows=4711)
        await look(pilot)
        assert "4711" in text_of(app, HealthLine)
        await pilot.press(key)
        assert not isinstance(app.screen, HelpScreen)
    assert monitor.calls == []


async def test_rows_fill_every_part() -> None:
    app = make_app(speaking(), speech_rows(CALL, 26.0, mono=True))
    async with app.run_test() as pilot:
        await look(pilot)
        assert "😠" in text_of(app, NowPanel)
        assert "87 %" in text_of(app, NowPanel)
        assert "😠 A angry" in text_of(app, ClassBars)
        assert "87 %" in text_of(app, ClassBars)
        assert "█" in text_of(app, Timeline)
        assert "neutral" in text_of(app, Timeline)
        assert "0:20" in text_of(app, Timeline)
        assert "speech" in text_of(app, LevelMeter)
        assert "-18 dBFS" in text_of(app, LevelMeter)
        assert "0:16" in text_of(app, UtteranceLog)
        assert "0:26 / 1:00" in text_of(app, TitleLine)
        assert "timeline.csv" in text_of(app, HealthLine)


async def test_rows_may_come_as_messages() -> None:
    app = make_app(speaking(2.0))
    async with app.run_test() as pilot:
        app.post_message(RowArrived(make_row("sad", 0.66, end=2.0)))
        await look(pilot)
        assert "66 %" in text_of(app, NowPanel)


async def test_rows_that_come_after_the_end_do_no_harm() -> None:
    monitor = speaking()
    app = make_app(monitor)
    async with app.run_test() as pilot:
        await pilot.press("q")
    app.post_message(RowArrived(make_row()))


async def test_emoji_can_be_switched_off() -> None:
    app = make_app(speaking(), speech_rows(CALL, 26.0, mono=True))
    async with app.run_test() as pilot:
        await pilot.press("e")
        await look(pilot)
        for part in (NowPanel, ClassBars, UtteranceLog, Timeline):
            shown = text_of(app, part)
            assert not any(ord(character) > 0x1F000 for character in shown), part
        assert "A angry" in text_of(app, ClassBars)
        await pilot.press("e")
        await look(pilot)
        assert "😠" in text_of(app, NowPanel)


async def test_a_problem_is_shown_in_words_and_goes_away() -> None:
    monitor = speaking(problem="'USB Audio' is gone; opening it again", overflows=3)
    app = make_app(monitor)
    async with app.run_test() as pilot:
        await look(pilot)
        notice = app.screen.query_one(Notice)
        assert notice.display
        assert notice.has_class("-problem")
        assert "'USB Audio' is gone; opening it again" in text_of(app, Notice)
        assert "overflows 3" in text_of(app, HealthLine)
        monitor.current = replace(monitor.current, problem=None)
        await look(pilot)
        assert not notice.display


async def test_the_end_keeps_the_screen_and_names_the_file() -> None:
    monitor = speaking(60.0)
    monitor.logs = ("out/timeline.csv", "rows.jsonl")
    app = make_app(monitor, speech_rows(CALL, 59.0))
    async with app.run_test() as pilot:
        monitor.current = replace(monitor.current, state="ended")
        await look(pilot)
        where = "ended · timeline in out/timeline.csv and rows.jsonl · press q to leave"
        assert where in text_of(app, Notice)
        assert not app.screen.query_one(Notice).has_class("-problem")
        assert "→ timeline.csv + rows.jsonl" in text_of(app, HealthLine)
        assert "0:37" in text_of(app, UtteranceLog)
        await pilot.press("space")
        assert monitor.calls == []
        await pilot.press("q")
    assert app.return_value == "quit"


async def test_a_failed_engine_closes_the_screen() -> None:
    monitor = speaking(state="failed")
    app = make_app(monitor)
    async with app.run_test() as pilot:
        await look(pilot)
    assert app.return_value == "failed"


@pytest.mark.parametrize("size", SIZES)
async def test_everything_is_in_sight(size: tuple[int, int]) -> None:
    app = make_app(speaking(41.0, channels=2), speech_rows(CALL, 41.0))
    async with app.run_test(size=size) as pilot:
        await look(pilot)
        for kind in (NowPanel, ClassBars, Timeline, LevelMeter, UtteranceLog, HealthLine):
            widget = app.screen.query_one(kind)
            assert app.screen.region.contains_region(widget.region), kind
        bars = text_of(app, ClassBars)
        assert all(name in bars for name in CLASSES)
        timeline = text_of(app, Timeline)
        assert "ch 0" in timeline
        assert "ch 1" in timeline
        log = text_of(app, UtteranceLog)
        assert all(start in log for start in ("0:27", "0:30", "0:34"))
        assert "queue 0.0 s" in text_of(app, HealthLine)


@pytest.mark.parametrize(
    ("size", "words"), [((80, 24), "perhaps disgust"), ((160, 50), "disgust?"), ((53, 24), "D?")]
)
async def test_an_uncertain_utterance_says_what_it_may_be(
    size: tuple[int, int], words: str
) -> None:
    row = make_row("disgust", 0.3, end=2.0, kind="utterance")
    app = make_app(speaking(41.0, channels=2), [row])
    async with app.run_test(size=size) as pilot:
        await look(pilot)
        log = text_of(app, UtteranceLog).splitlines()[1]
        assert words in log.split("uncertain")[1]


async def test_curves_are_those_of_a_stream_that_does_not_change_by_itself() -> None:
    monitor = speaking(20.0, channels=2)
    rows = [make_row("angry", 0.9, start=2.0, end=5.0)]
    app = make_app(monitor, rows)
    async with app.run_test(size=(142, 31)) as pilot:
        await look(pilot)

        def below() -> list[str]:
            return text_of(app, Timeline).splitlines()[7:11]

        before = below()
        assert "ch 0" in before[1]
        app.post_message(RowArrived(make_row("sad", 0.9, start=8.0, end=19.5, channel=1)))
        await look(pilot)
        assert "ch 1" in text_of(app, NowPanel)
        assert below() == before, "of the first channel, whoever speaks"
        await pilot.press("shift+down")
        await look(pilot)
        assert "ch 1" in below()[1]
        await pilot.press("shift+down", "left", "escape")
        await look(pilot)
        assert "ch 1" in below()[1], "it stays chosen"
        await pilot.press("shift+up")
        await look(pilot)
        assert below() == before


async def test_a_click_on_a_lane_chooses_its_stream() -> None:
    rows = [make_row("angry", 0.9, end=9.0), make_row("sad", 0.9, end=9.0, channel=1)]
    app = make_app(speaking(20.0, channels=2), rows)
    async with app.run_test(size=(142, 31)) as pilot:
        await look(pilot)
        for line, label, emotion in ((4, "ch 1", "sad"), (1, "ch 0", "angry")):
            await pilot.click(Timeline, offset=(14, line))
            await look(pilot)
            assert label in text_of(app, Timeline).splitlines()[8]
            assert f"{label} {emotion} 90 %" in text_of(app, Timeline).splitlines()[0]
            bars = text_of(app, ClassBars).splitlines()
            assert any(emotion in line and "90 %" in line for line in bars)


async def test_two_streams_have_curves_of_their_own_where_there_is_room() -> None:
    app = make_app(speaking(41.0, channels=2), speech_rows(CALL, 41.0))
    async with app.run_test(size=(120, 40)) as pilot:
        await look(pilot)
        labels = [line[2:8] for line in text_of(app, Timeline).splitlines()[1:-1]]
        assert "".join(labels).split() == ["●", "ch", "0", "ch", "0", "○", "ch", "1", "ch", "1"]


@pytest.mark.parametrize("size", SIZES)
async def test_uncertain_fits_in_large_letters(size: tuple[int, int]) -> None:
    app = make_app(speaking(2.0), [make_row("fear", 0.33, end=2.0)])
    async with app.run_test(size=size) as pilot:
        for _ in range(2):
            await look(pilot)
            assert "▄" in text_of(app, NowPanel)
            assert "perhaps fear" in text_of(app, NowPanel)
            await pilot.press("e")


@pytest.mark.parametrize("size", [(1, 1), (5, 2), (20, 5), (30, 8), (40, 12), (60, 18), (300, 9)])
async def test_tiny_sizes_do_not_crash(size: tuple[int, int]) -> None:
    app = make_app(speaking(41.0, channels=3, problem="it is gone"), speech_rows(CALL, 41.0))
    async with app.run_test(size=size) as pilot:
        await look(pilot)
        await pilot.press("question_mark")
        await look(pilot)
        await pilot.resize_terminal(80, 24)
        await look(pilot)
        await pilot.press("escape")
        await look(pilot)
        assert "happy" in text_of(app, ClassBars)


async def test_lines_are_as_wide_as_the_screen_with_and_without_emoji() -> None:
    app = make_app(speaking(41.0, channels=2), speech_rows(CALL, 41.0))
    async with app.run_test(size=(80, 24)) as pilot:
        for _ in range(2):
            await look(pilot)
            for part in (NowPanel, ClassBars, Timeline, LevelMeter, UtteranceLog):
                widget = app.screen.query_one(part)
                strips = widget.render_lines(widget.outer_size.region)
                assert {strip.cell_length for strip in strips} == {widget.outer_size.width}
            await pilot.press("e")


async def test_the_log_follows_until_it_is_scrolled_back() -> None:
    monitor = speaking(5.0)
    app = make_app(monitor)
    async with app.run_test(size=(80, 24)) as pilot:
        for i in range(30):
            app.post_message(
                RowArrived(make_row(start=i * 60.0, end=i * 60.0 + 3.0, kind="utterance"))
            )
        await look(pilot)
        assert " 29:00 " in text_of(app, UtteranceLog)
        await pilot.press("home")
        await look(pilot)
        app.post_message(RowArrived(make_row(start=1800.0, end=1803.0, kind="utterance")))
        await look(pilot)
        assert " 0:00 " in text_of(app, UtteranceLog)
        await pilot.press("end")
        await look(pilot)
        app.post_message(RowArrived(make_row(start=1860.0, end=1863.0, kind="utterance")))
        await look(pilot)
        assert " 31:00 " in text_of(app, UtteranceLog)


async def test_nothing_new_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monitor = speaking(41.0, channels=2)
    app = make_app(monitor, speech_rows(CALL, 41.0))
    drawn: list[str] = []
    async with app.run_test() as pilot:
        await look(pilot)
        for kind in (TitleLine, NowPanel, ClassBars, Timeline, LevelMeter, HealthLine):
            name = "lines" if issubclass(kind, LineWidget) else "render"
            original = getattr(kind, name)

            def draw(self: Widget, original: object = original) -> object:
                drawn.append(type(self).__name__)
                return original(self)  # type: ignore[operator]

            monkeypatch.setattr(kind, name, draw)
        for _ in range(5):
            await look(pilot)
        assert drawn == []
        louder = replace(monitor.current.streams[0], level_dbfs=-12.0)
        monitor.current = replace(monitor.current, streams=(louder, *monitor.current.streams[1:]))
        await look(pilot)
        assert set(drawn) == {"LevelMeter"}


async def test_hundreds_of_channels_and_hours_of_rows() -> None:
    streams = tuple(make_status(channel, 7200.0) for channel in range(200))
    monitor = ScriptedDesk(make_health(elapsed=7200.0, duration=None, streams=streams))
    rows = [
        make_row("happy", 0.8, start=i * 60.0, end=i * 60.0 + 2.0, channel=i % 200)
        for i in range(119)
    ]
    app = make_app(monitor, rows)
    async with app.run_test(size=(80, 24)) as pilot:
        await look(pilot)
        assert "ch 0" in text_of(app, Timeline)
        assert "2:00:00" in text_of(app, TitleLine)
