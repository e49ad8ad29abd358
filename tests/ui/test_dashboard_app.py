"""The dashboard as a user meets it: keys, mouse, what comes in, and the way to a call and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from textual.widgets import Input

from realtime_ser.dashboard.app import DashboardApp
from realtime_ser.dashboard.call_app import CallApp
from realtime_ser.dashboard.feed import Feed, FeedRefusedError, LinkError
from realtime_ser.dashboard.picture import FloorPicture
from realtime_ser.dashboard.table import CallTable
from realtime_ser.dashboard.view import FloorView
from realtime_ser.dashboard.visit import Visit
from realtime_ser.testing import ManualClock
from realtime_ser.ui.preferences import Preferences
from realtime_ser.ui.widgets.notice import Notice
from tests.floors import (
    ScriptedFeed,
    busy_floor,
    history,
    make_alert,
    make_stream,
    row_message,
    snapshot,
    update,
)
from tests.rows import make_row
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.pilot import Pilot

    from realtime_ser.dashboard.calls import Key
    from realtime_ser.dashboard.feed import Connect
    from realtime_ser.ui.adjustable import AdjustableApp
    from tests.floors import Message

THREE = (make_stream("a"), make_stream("b", emotion="sad"), make_stream("c", role="agent"))


class Floor:
    """An app over a picture that the test changes."""

    def __init__(self, *streams: Message, **floor: Any) -> None:
        self.clock = ManualClock()
        self.picture = FloorPicture(self.clock)
        self.picture.take(snapshot(*streams, **floor))
        self.view = FloorView()
        self.feed = Feed(ScriptedFeed().connect(), lambda _: False, self.clock)
        self.feed.connected = True
        self.app = self.make()

    def make(self, **preferences: Any) -> DashboardApp:
        return DashboardApp(
            self.picture, self.view, self.feed, clock=self.clock,
            address="http://127.0.0.1:8765", preferences=Preferences(**preferences),
        )  # fmt: skip

    async def take(self, pilot: Pilot[object], message: Message) -> None:
        self.picture.take(message)
        self.app.poll()
        await pilot.pause()


def rows(app: DashboardApp) -> list[str]:
    """The table's lines below the heading."""
    table = app.query_one(CallTable)
    lines = ["".join(text for text, _ in line) for line in table.lines()]
    return [line.strip() for line in lines[1:]]


def names(app: DashboardApp) -> list[str]:
    return [row.lstrip("▸▲● ").split()[0] for row in rows(app)]


def selected(app: DashboardApp) -> str:
    row = next(row for row in rows(app) if row.startswith("▸"))
    return row.lstrip("▸▲● ").split()[0]


async def test_calls_are_shown_and_change() -> None:
    floor = Floor(*THREE)
    async with floor.app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert names(floor.app) == ["b", "a", "c"]
        alerted = make_stream("c", role="agent", alert=make_alert(99.0), alerts=1)
        await floor.take(pilot, update(alerted))
        assert names(floor.app) == ["c", "b", "a"]
        assert rows(floor.app)[0].startswith("▸▲c")


async def test_keys_move_the_selection_and_it_follows_its_call() -> None:
    floor = Floor(*THREE)
    async with floor.app.run_test(size=(120, 40)) as pilot:
        await pilot.press("j", "down", "k", "down")
        assert selected(floor.app) == "c"
        await pilot.press("down")
        assert selected(floor.app) == "c"
        await floor.take(pilot, update(make_stream("c", alert=make_alert(99.0))))
        assert selected(floor.app) == "c"
        await pilot.press("end")
        assert selected(floor.app) == "a"
        await pilot.press("escape")
        assert selected(floor.app) == "c"


async def test_a_long_table_scrolls_with_the_selection() -> None:
    floor = Floor(*busy_floor(200))
    async with floor.app.run_test(size=(80, 24)) as pilot:
        page = len(rows(floor.app))
        assert 10 < page < 20
        await pilot.press("pagedown", "pagedown")
        assert floor.view.selected == 2 * page
        assert selected(floor.app)
        await pilot.press("end")
        assert floor.view.selected == 199
        assert rows(floor.app)[-1].startswith("▸")
        await pilot.press("home")
        assert rows(floor.app)[0].startswith("▸")


async def test_the_wheel_leaves_the_selection_behind() -> None:
    floor = Floor(*busy_floor(200))
    async with floor.app.run_test(size=(80, 24)) as pilot:
        table = floor.app.query_one(CallTable)
        before = rows(floor.app)
        table.scroll(30)
        await pilot.pause()
        assert not any(row.startswith("▸") for row in rows(floor.app))
        await floor.take(pilot, update())
        assert not any(row.startswith("▸") for row in rows(floor.app))
        assert "31-" in str(table.border_title)
        table.scroll(-1000)
        assert rows(floor.app) == before
        table.scroll(30)
        await pilot.press("down")
        assert selected(floor.app)


async def test_search_filters_while_it_is_typed() -> None:
    floor = Floor(*busy_floor(50), make_stream("Nürnberg-7"))
    async with floor.app.run_test(size=(120, 40)) as pilot:
        await pilot.press("slash")
        await pilot.press(*"berg")
        assert len(floor.view.rows) == 1
        await pilot.press("enter")
        assert not floor.app.query_one(Input).display
        await pilot.press("f", "f")
        assert floor.view.filter == "negative"
        await pilot.press("escape")
        assert floor.view.search == ""
        await pilot.press("f", "f")
        assert len(floor.view.rows) == 51


async def test_an_order_that_is_held_says_so() -> None:
    floor = Floor(*THREE)
    async with floor.app.run_test(size=(120, 40)) as pilot:
        await pilot.press("p")
        await floor.take(pilot, update(make_stream("c", alert=make_alert(99.0))))
        assert names(floor.app) == ["b", "a", "c"]
        assert "order held" in str(floor.app.query_one(CallTable).border_title)
        await pilot.press("p")
        assert names(floor.app) == ["c", "b", "a"]


async def test_clicks_select_and_open() -> None:
    floor = Floor(*THREE)
    async with floor.app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.click(CallTable, offset=(10, 3))
        assert selected(floor.app) == "a"
        assert floor.app.opened is None
        await pilot.click(CallTable, offset=(10, 4), times=2)
        await pilot.pause()
        assert floor.app.opened is not None
        assert floor.app.opened.name == "c"


async def test_a_double_click_opens_what_was_clicked_at_and_nothing_else() -> None:
    floor = Floor(*THREE)
    async with floor.app.run_test(size=(120, 40)) as pilot:
        await pilot.click(CallTable, offset=(10, 3))
        await floor.take(pilot, update(make_stream("c", alert=make_alert(99.0))))
        assert names(floor.app) == ["c", "b", "a"]
        await pilot.click(CallTable, offset=(10, 3))  # counted as the second of two
        await pilot.pause()
        assert floor.app.opened is None
        assert selected(floor.app) == "b"


async def test_enter_opens_no_call_that_nobody_can_have_read() -> None:
    floor = Floor(*THREE)
    async with floor.app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert selected(floor.app) == "b"
        await floor.take(pilot, update(make_stream("c", alert=make_alert(99.0))))
        await pilot.press("enter")
        assert (selected(floor.app), floor.app.opened) == ("c", None)
        await pilot.press("enter")
    assert floor.app.opened is not None
    assert floor.app.opened.name == "c"


async def test_enter_opens_the_first_call_once_it_has_stood_there() -> None:
    floor = Floor(*THREE)
    async with floor.app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await floor.take(pilot, update(make_stream("c", alert=make_alert(99.0))))
        floor.clock.advance(1.0)
        await pilot.press("enter")
    assert floor.app.opened is not None
    assert floor.app.opened.name == "c"


async def test_looks_and_help() -> None:
    floor = Floor(*THREE)
    async with floor.app.run_test(size=(120, 40)) as pilot:
        await pilot.press("e", "t")
        assert floor.app.preferences == Preferences(light=True, emoji=False)
        await pilot.press("question_mark")
        await pilot.pause()
        assert len(floor.app.screen_stack) == 2
        await pilot.press("escape")
        await pilot.press("q")
    assert floor.app.return_value == "quit"


async def test_warnings_stand_in_words() -> None:
    floor = Floor(*THREE)
    async with floor.app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        notice = floor.app.query_one(Notice)
        assert not notice.has_class("-shown")
        await floor.take(pilot, update(make_stream("x[b]", duration=None), dropped=3.0))
        assert notice.has_class("-problem")
        assert "x[b]: cannot be shown (duration is 'None', not a number)" in str(notice.content)
        assert "audio is dropped" in str(notice.content)
        floor.feed.connected, floor.feed.trouble = False, "connection lost"
        floor.app.poll()
        await pilot.pause()
        assert "▲ connection lost, trying again" in str(notice.content)


async def test_it_ends_with_its_feed() -> None:
    floor = Floor(*THREE)
    async with floor.app.run_test(size=(120, 40)) as pilot:
        floor.feed.over = True
        floor.app.poll()
        await pilot.pause()
    assert floor.app.return_value == "failed"


@pytest.mark.parametrize("size", [(1, 1), (20, 5), (40, 10), (72, 14), (300, 90)])
async def test_any_size_can_be_drawn(size: tuple[int, int]) -> None:
    floor = Floor(*busy_floor(60))
    async with floor.app.run_test(size=size) as pilot:
        await pilot.press("end")
        await floor.take(pilot, update(*busy_floor(60)))
        await pilot.resize_terminal(81, 25)
        await pilot.pause()
        assert selected(floor.app)


class Stage:
    """Runs screens with a pilot each: what the test does on one screen after the other."""

    def __init__(self, *acts: Callable[[Pilot[object], Any], Awaitable[None]]) -> None:
        self._acts = list(acts)
        self.shown: list[AdjustableApp] = []

    async def __call__(self, app: AdjustableApp) -> object:
        self.shown.append(app)
        async with app.run_test(size=(120, 40)) as pilot:
            await self._acts.pop(0)(pilot, app)
        return app.return_value


def visit(stage: Stage, floor: ScriptedFeed, **calls: ScriptedFeed) -> Visit:
    def connect_to(key: Key | None) -> Connect:
        return (floor if key is None else calls[key[0]]).connect()

    return Visit(
        connect_to, stage, ManualClock(), address="http://127.0.0.1:8765", uncertain_below=0.4,
        exporter=None, preferences=Preferences(),
    )  # fmt: skip


async def test_a_call_is_opened_and_left_with_everything_as_it_was() -> None:
    window = make_row(stream="b", channel=0, start=90.0, end=91.0, confidence=0.61)
    said = make_row(stream="b", channel=0, start=90.0, end=91.0, kind="utterance")
    call = ScriptedFeed([history(make_stream("b"), [window])])
    floor = ScriptedFeed([snapshot(*THREE)])

    async def open_b(pilot: Pilot[object], app: DashboardApp) -> None:
        await until(lambda: app.query_one(CallTable).lines()[1:][0:1] and len(rows(app)) == 3)
        await pilot.press("s", "s", "s", "slash", "b", "enter", "enter")

    async def look(pilot: Pilot[object], app: CallApp) -> None:
        await until(lambda: app._session.row_count == 1)
        call.say(row_message(said))
        await until(lambda: app._session.utterance_count == 1)
        floor.say(update(make_stream("b", duration=123.0)))
        await until(lambda: app._session.elapsed == 123.0)
        assert app._session.classes == tuple(window.probabilities)
        assert app.title == "b · customer"
        await pilot.press("left", "escape")  # away from the cursor first
        assert app.is_running
        await pilot.press("end", "escape")

    async def look_again(pilot: Pilot[object], app: DashboardApp) -> None:
        await pilot.pause()
        assert (app._view.sort, app._view.search, selected(app)) == ("name", "b", "b")
        await pilot.press("q")

    stage = Stage(open_b, look, look_again)
    app, outcome = await visit(stage, floor, b=call).run()
    assert outcome == "quit"
    assert [type(each) for each in stage.shown] == [DashboardApp, CallApp, DashboardApp]
    assert app is stage.shown[-1]
    assert (floor.opened, floor.closed, call.opened, call.closed) == (1, 1, 1, 1)


async def test_a_call_that_ends_stays_readable() -> None:
    row = make_row(stream="a", channel=0, start=90.0, end=91.0)
    call = ScriptedFeed([history(make_stream("a"), [row]), {"type": "end", "stream": "a"}])
    floor = ScriptedFeed([snapshot(THREE[0])])

    async def open_a(pilot: Pilot[object], app: DashboardApp) -> None:
        await until(lambda: len(rows(app)) == 1 and rows(app)[0])
        await pilot.press("enter")

    async def read(pilot: Pilot[object], app: CallApp) -> None:
        await until(lambda: app._session.now().mood == "ended")
        assert app._session.row_count == 1
        assert "ended" in str(app.query_one(Notice).content)
        await pilot.press("ctrl+c")

    _, outcome = await visit(Stage(open_a, read), floor, a=call).run()
    assert outcome == "interrupted"


async def test_a_call_that_is_gone_is_told_of() -> None:
    floor = ScriptedFeed([snapshot(THREE[0])])

    async def open_a(pilot: Pilot[object], app: DashboardApp) -> None:
        await until(lambda: rows(app)[0].startswith("▸"))
        await pilot.press("enter")

    async def read(pilot: Pilot[object], app: CallApp) -> None:
        await until(lambda: "knows nothing" in str(app.query_one(Notice).content))
        await pilot.press("q")

    async def leave(pilot: Pilot[object], app: DashboardApp) -> None:
        await pilot.press("q")

    call = ScriptedFeed(FeedRefusedError("the server knows nothing of this call"))
    _, outcome = await visit(Stage(open_a, read, leave), floor, a=call).run()
    assert outcome == "quit"


async def test_a_server_that_refuses_ends_the_visit() -> None:
    async def wait(pilot: Pilot[object], app: DashboardApp) -> None:
        await until(lambda: not app.is_running or app.return_value)

    with pytest.raises(FeedRefusedError, match="wants a token"):
        await visit(Stage(wait), ScriptedFeed(FeedRefusedError("wants a token"))).run()


async def test_without_colours_the_next_screen_has_none_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    floor = ScriptedFeed([snapshot(THREE[0])], LinkError("gone"))

    async def open_a(pilot: Pilot[object], app: DashboardApp) -> None:
        await until(lambda: rows(app)[0].startswith("▸"))
        await pilot.press("enter")

    async def leave(pilot: Pilot[object], app: AdjustableApp) -> None:
        await pilot.press("q")

    stage = Stage(open_a, leave, leave)
    await visit(stage, floor, a=ScriptedFeed([history(THREE[0])])).run()
    assert [app.no_color for app in stage.shown] == [True, True, True]
