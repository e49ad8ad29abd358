"""Floods, storms and long days: the screen draws the newest picture and keeps its memory."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.drivers._writer_thread import WriterThread

from realtime_ser.ui.messages import HealthChanged
from realtime_ser.ui.session import Session
from realtime_ser.ui.widgets.timeline import Timeline
from realtime_ser.ui.widgets.title_line import TitleLine
from tests.ui.scenes import CALL, CLASSES, make_app, make_health, make_row, make_status, speech_rows
from tests.ui.test_ui_app import look, speaking, text_of

if TYPE_CHECKING:
    import pytest

HOURS = 8


async def test_of_a_flood_of_pictures_only_the_newest_is_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hundred a millisecond for a tenth of a second."""
    monitor = speaking(1.0)
    app = make_app(monitor)
    drawn: list[float] = []
    draw = Session.update
    monkeypatch.setattr(
        Session, "update", lambda self, health: (drawn.append(health.elapsed), draw(self, health))
    )
    async with app.run_test() as pilot:
        await look(pilot)
        drawn.clear()
        for number in range(10_000):
            monitor.current = replace(monitor.current, elapsed=float(number))
            app.post_message(HealthChanged(monitor.current))
        await pilot.pause()
        assert drawn[-1] == 9999.0
        assert len(drawn) < 100
        assert app._message_queue.qsize() < 100


async def test_a_storm_of_sizes() -> None:
    app = make_app(speaking(41.0, channels=2), speech_rows(CALL, 41.0))
    async with app.run_test(size=(120, 40)) as pilot:
        await look(pilot)
        for number in range(60):
            await pilot.resize_terminal(1 + 37 * number % 211, 1 + 13 * number % 61)
            if number % 7 == 0:
                await pilot.press("left")
        await pilot.resize_terminal(120, 40)
        await look(pilot)
        assert "0:41 / 1:00" in text_of(app, TitleLine)
        assert "ch 1" in text_of(app, Timeline)


async def test_a_day_of_timeline_can_be_scrolled_and_zoomed() -> None:
    length = HOURS * 3600.0
    status = make_status(0, length)
    app = make_app(speaking(length, duration=None))
    async with app.run_test(size=(120, 40)) as pilot:
        await look(pilot)
        session = app._session
        for second in range(0, int(length), 3):
            emotion = CLASSES[second // 600 % len(CLASSES)]
            session.take(make_row(emotion, 0.8, start=float(second), end=second + 2.5))
        session.update(make_health(elapsed=length, duration=None, streams=(status,)))
        for key in ("minus",) * 6 + ("shift+left",) * 20:
            await pilot.press(key)
        await look(pilot)
        assert "0:00 to 1:00:00" in str(app.query_one(Timeline).border_subtitle)
        text = text_of(app, Timeline)
        assert all(name in text for name in CLASSES[:6])
        await pilot.press("end")
        await look(pilot)
        assert "8:00:00" not in text
        assert "7:50:00" in text_of(app, Timeline)


def test_weeks_of_rows_stay_bounded() -> None:
    session = Session(CLASSES)
    session.update(make_health(streams=(make_status(0, 0.0),)))
    for number in range(150_000):
        start = number * 0.5
        session.take(make_row(CLASSES[number % 6], 0.8, start=start, end=start + 0.5))
    (lane,) = session.lanes.values()
    assert len(lane) <= 2 * 65_536
    assert lane._spans.nbytes < 20_000_000
    assert session.position == 75_000.0


async def test_a_terminal_that_is_behind_gets_no_more_pictures() -> None:
    monitor = speaking(26.0)
    app = make_app(monitor)
    async with app.run_test(size=(120, 40)) as pilot:
        await look(pilot)
        writer = WriterThread(io.StringIO())  # never started: nothing is taken
        app._driver._writer_thread = writer  # type: ignore[union-attr]
        for _ in range(3):
            writer.write("a picture")
        monitor.current = replace(monitor.current, state="paused")
        await look(pilot)
        assert "running" in text_of(app, TitleLine)
        writer._queue.get()
        writer._queue.get()
        await look(pilot)
        assert "paused" in text_of(app, TitleLine)
