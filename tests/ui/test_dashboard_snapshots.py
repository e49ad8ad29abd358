"""Pictures of the dashboard. ``pytest --snapshot-update`` accepts new ones: look first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from realtime_ser.dashboard.app import DashboardApp
from realtime_ser.dashboard.feed import Feed
from realtime_ser.dashboard.picture import FloorPicture
from realtime_ser.dashboard.view import FloorView
from realtime_ser.testing import ManualClock
from realtime_ser.ui.preferences import Preferences
from tests.floors import ScriptedFeed, busy_floor, make_alert, make_stream, said, snapshot, update

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = [(80, 24), (120, 40)]
STRANGE = (
    make_stream(
        "kunde \x1b[31m[red]漢字漢字漢字漢字漢字漢字[/red]\u202e-0042", role="customer[b]",
        recent=said("naaasss  ??hh"), alert=make_alert(80.0, "long-anger"), alerts=2,
        emotion="angry", duration=100.0, negative=25.0, metadata={"queue": "[blink]billing"},
    ),
    make_stream("short", role="agent", recent=said("nnnnhhhhpppp"), emotion="uncertain",
                confidence=0.31),
    make_stream("quiet", emotion=None, confidence=None, speaking=False),
    make_stream("over", state="ended", recent=said("dddfff"), alert=make_alert(50.0)),
)  # fmt: skip


def dashboard(*streams: Any, preferences: Preferences | None = None, **floor: Any) -> DashboardApp:
    clock = ManualClock()
    picture = FloorPicture(clock)
    picture.take(snapshot(*streams))
    picture.take(update(streams=len(streams), **floor))
    feed = Feed(ScriptedFeed().connect(), lambda _: False, clock)
    feed.connected = True
    return DashboardApp(
        picture, FloorView(), feed, clock=clock,
        address="http://127.0.0.1:8765", preferences=preferences or Preferences(),
    )  # fmt: skip


@pytest.mark.parametrize("size", [*SIZES, (200, 60)], ids=lambda size: "x".join(map(str, size)))
def test_picture_of_200_calls(size: tuple[int, int], snap_compare: Callable[..., bool]) -> None:
    app = dashboard(*busy_floor(200), speaking=96, load=0.62)
    assert snap_compare(app, terminal_size=size, press=["down", "down"])


@pytest.mark.parametrize("size", [*SIZES, (50, 16)], ids=lambda size: "x".join(map(str, size)))
def test_picture_of_strange_names(size: tuple[int, int], snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(dashboard(*STRANGE), terminal_size=size)


def test_picture_of_a_server_in_need(snap_compare: Callable[..., bool]) -> None:
    app = dashboard(*busy_floor(30), load=1.2, hop=1.0, dropped=12.5, refused=3, capacity=30)
    app._feed.connected, app._feed.trouble = False, "connection lost"
    assert snap_compare(app, terminal_size=(120, 40))


def test_picture_of_an_empty_floor(snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(dashboard(shares={}), terminal_size=(80, 24))


def test_picture_in_light_colours(snap_compare: Callable[..., bool]) -> None:
    app = dashboard(*busy_floor(20), preferences=Preferences(light=True, emoji=False))
    assert snap_compare(app, terminal_size=(120, 40), press=["down"])


def test_picture_without_colours(
    snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(dashboard(*busy_floor(20)), terminal_size=(120, 40))


def test_picture_of_a_search(snap_compare: Callable[..., bool]) -> None:
    app = dashboard(*busy_floor(60))
    press = ["slash", *"billing", "enter", "f", "f", "p", "slash"]
    assert snap_compare(app, terminal_size=(80, 24), press=press)


def test_picture_of_the_help(snap_compare: Callable[..., bool]) -> None:
    app = dashboard(*busy_floor(10))
    assert snap_compare(app, terminal_size=(120, 40), press=["question_mark"])
