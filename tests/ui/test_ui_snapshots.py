"""Pictures of the states that matter. ``pytest --snapshot-update`` accepts new ones: look first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from realtime_ser.stats import Latency
from realtime_ser.ui.app import LiveApp
from realtime_ser.ui.preferences import Preferences
from realtime_ser.ui.widgets.timeline import Timeline
from tests.ui.scenes import (
    CALL,
    ScriptedDesk,
    ScriptedMonitor,
    make_app,
    make_health,
    make_status,
    speech_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

    from realtime_ser.types import TimelineRow

SIZES = [(80, 24), (120, 40)]


def starting() -> tuple[ScriptedMonitor, list[TimelineRow]]:
    health = make_health(
        state="starting", source="", sample_rate=0, duration=None, latency=Latency(), streams=()
    )
    return ScriptedDesk(health), []


def quiet() -> tuple[ScriptedMonitor, list[TimelineRow]]:
    return ScriptedDesk(make_health(elapsed=3.0, streams=(make_status(0, 3.0),))), []


def speech() -> tuple[ScriptedMonitor, list[TimelineRow]]:
    streams = (
        make_status(
            0, 41.0, speech=True, speech_probability=0.97, level_dbfs=-18.0, peak_dbfs=-9.5
        ),
        make_status(1, 41.0),
    )
    return ScriptedDesk(make_health(elapsed=41.0, rows=78, streams=streams)), speech_rows(
        CALL, 41.0
    )


def uncertain() -> tuple[ScriptedMonitor, list[TimelineRow]]:
    streams = (
        make_status(
            0, 8.0, speech=True, speech_probability=0.88, level_dbfs=-28.0, peak_dbfs=-20.0
        ),
    )
    rows = speech_rows(((0, 1.0, "nNNNn"), (0, 5.5, "nss?")), 8.0)
    return ScriptedDesk(make_health(elapsed=8.0, rows=9, streams=streams)), rows


def lost_microphone() -> tuple[ScriptedMonitor, list[TimelineRow]]:
    health = make_health(
        source="USB Audio",
        sample_rate=48_000,
        duration=None,
        elapsed=48.0,
        rows=86,
        overflows=2,
        dropped=0.4,
        streams=(make_status(0, 48.0, level_dbfs=-120.0, peak_dbfs=-120.0),),
    )
    return ScriptedDesk(health), speech_rows(CALL, 46.0, mono=True)


def paused() -> tuple[ScriptedMonitor, list[TimelineRow]]:
    health = make_health(state="paused", elapsed=26.0, rows=48, streams=(make_status(0, 26.0),))
    return ScriptedDesk(health), speech_rows(CALL, 26.0, mono=True)


def alert() -> tuple[ScriptedDesk, list[TimelineRow]]:
    """An alert, a mark, and the cursor on an angry moment."""
    monitor, rows = speech()
    newest = rows[-1]
    flags = ("derived", "alert:any-negative-for-5-s")
    rows += [
        replace(newest, kind="alert", start=23.8, end=32.3, flags=flags),
        replace(newest, kind="alert", flags=("derived", "mark:31.0:asks for a refund")),
    ]
    return monitor, sorted(rows, key=lambda row: row.end)


def replay() -> tuple[ScriptedMonitor, list[TimelineRow]]:
    """What was logged: no device, no model, nothing to control but the playing."""
    health = make_health(
        device="replay", model="", sample_rate=0, elapsed=20.0, rows=60, speed=4.0, seekable=True,
        streams=(make_status(0, 34.0), make_status(1, 34.0, speech=True, level_dbfs=-21.0)),
    )  # fmt: skip
    return ScriptedMonitor(health), speech_rows(CALL, 34.0)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize(
    "scene", [starting, quiet, speech, uncertain, alert, lost_microphone, paused, replay]
)
def test_picture(
    scene: Callable[[], tuple[ScriptedMonitor, list[TimelineRow]]],
    size: tuple[int, int],
    snap_compare: Callable[..., bool],
) -> None:
    monitor, rows = scene()

    async def settle(pilot: Pilot[object]) -> None:
        assert isinstance(pilot.app, LiveApp)
        await pilot.pause()
        if scene is lost_microphone:
            monitor.current = replace(
                monitor.current, elapsed=53.0, problem="'USB Audio' is gone; opening it again"
            )
        pilot.app.poll()
        await pilot.pause()
        if scene is alert:
            pilot.app.query_one(Timeline).focus()
            await pilot.press("ctrl+left", "ctrl+left", "left", "left")
        await pilot.pause()
        await pilot.pause()

    assert snap_compare(make_app(monitor, rows), terminal_size=size, run_before=settle)


async def _settle(pilot: Pilot[object]) -> None:
    assert isinstance(pilot.app, LiveApp)
    await pilot.pause()
    pilot.app.poll()
    await pilot.pause()
    await pilot.pause()


def test_picture_in_light_colours(snap_compare: Callable[..., bool]) -> None:
    monitor, rows = speech()
    app = make_app(monitor, rows, preferences=Preferences(light=True, emoji=False))
    assert snap_compare(app, terminal_size=(120, 40), run_before=_settle)


def test_picture_without_colours(
    snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monitor, rows = speech()
    assert snap_compare(make_app(monitor, rows), terminal_size=(120, 40), run_before=_settle)


@pytest.mark.parametrize(("key", "name"), [("m", "mark"), ("o", "model")])
def test_picture_of_a_question(key: str, name: str, snap_compare: Callable[..., bool]) -> None:
    async def ask(pilot: Pilot[object]) -> None:
        await _settle(pilot)
        await pilot.press(key)
        await pilot.pause()

    monitor, rows = speech()
    assert snap_compare(make_app(monitor, rows), terminal_size=(80, 24), run_before=ask), name


def test_picture_of_a_wide_screen(snap_compare: Callable[..., bool]) -> None:
    monitor, rows = speech()
    assert snap_compare(make_app(monitor, rows), terminal_size=(200, 60), run_before=_settle)
