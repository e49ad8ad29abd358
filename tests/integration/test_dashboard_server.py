"""The dashboard and the server together: calls come in, are seen, opened, and end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from realtime_ser.client.load import make_load
from realtime_ser.client.recordings import read_recording
from realtime_ser.clock import SystemClock
from realtime_ser.dashboard.call_monitor import CallMonitor
from realtime_ser.dashboard.feed import Feed, listening
from realtime_ser.dashboard.fields import Record
from realtime_ser.dashboard.link import feed_of
from realtime_ser.dashboard.picture import FloorPicture
from realtime_ser.types import TimelineRow
from tests.models import save_untrained
from tests.waiting import until

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "realtime_ser" / "data" / "demo.ogg"


@pytest.mark.slow
async def test_a_dashboard_of_a_real_server(tmp_path: Path) -> None:
    model = save_untrained(tmp_path / "model", voice=8)
    process = subprocess.Popen(
        [sys.executable, "-m", "realtime_ser", "serve", "--port", "0", "--model", str(model)],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with process, contextlib.ExitStack() as leaving:
        leaving.callback(process.kill)
        assert process.stdout is not None
        said = await asyncio.to_thread(process.stdout.readline)
        found = re.search(r"ws://(127\.0\.0\.1:\d+)", said)
        assert found is not None
        address, clock = f"http://{found[1]}", SystemClock()
        picture = FloorPicture(clock)

        def take(message: Record) -> bool:
            picture.take(message)
            return False

        feed = Feed(feed_of(address, None), take, clock)
        recording = read_recording(DEMO, "mulaw", 8000, 2)
        load = asyncio.create_task(
            make_load(f"ws://{found[1]}", [recording], 3, roles=["customer", "agent"])
        )
        leaving.callback(load.cancel)
        async with listening(feed):
            await until(lambda: sum(bool(call.recent) for call in picture.calls.values()) == 3, 90)
            assert picture.left_out == ""
            assert {call.role for call in picture.calls.values()} == {"customer"}
            assert picture.floor is not None
            assert picture.floor.streams == 3

            call = next(iter(picture.calls.values()))
            monitor = CallMonitor(call, picture, clock, lambda: of_call.words)
            of_call = Feed(feed_of(address, None, call.key), monitor.take_message, clock)
            rows: list[TimelineRow] = []

            def more(count: int) -> bool:
                rows.extend(row for row in monitor.take() if isinstance(row, TimelineRow))
                return len(rows) >= count

            async with listening(of_call):
                await until(lambda: more(1), 60)
                before = len(rows)
                await until(lambda: more(before + 3), 60)
                assert [row.end for row in rows] == sorted(row.end for row in rows)
                assert {(row.stream, row.channel) for row in rows} == {call.key}
                health = monitor.health()
                assert (health.state, health.problem) == ("running", None)
                assert health.elapsed > rows[0].end

                process.send_signal(signal.SIGINT)
                await until(lambda: monitor.health().state == "ended", 60)
            await until(lambda: feed.words != "", 60)
            assert not feed.over
        await asyncio.to_thread(process.wait, 60)
