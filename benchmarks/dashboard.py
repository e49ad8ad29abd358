"""What the dashboard costs: processor time of `dashboard` on a busy floor, and how soon keys count.

    python benchmarks/dashboard.py [--seconds 60] [--calls 200]

A made-up server in another process sends every call anew each half second, as `/v1/feed` does. The
dashboard runs in a terminal of its own (a pseudo-terminal that takes all that is written). A key
that moves the selection is pressed every 0.37 s; its delay ends when the selected row is drawn.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import multiprocessing
import os
import pty
import random
import select
import struct
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from websockets.asyncio.server import ServerConnection

SIZES = ((80, 24), (120, 40), (200, 60))
WARM_UP = 6.0
"""Seconds until the screen is there."""
KEY_EVERY = 0.37
FROM_THE_MIDDLE = b"sss" + b"\x1b[6~"
"""Keys: by name, so that no row moves by itself; a page down, so that every key moves."""
TICKS = os.sysconf("SC_CLK_TCK")
SELECTED = "▸".encode()
"""Drawn with the selected row alone."""
EMOTIONS = ("neutral", "neutral", "neutral", "happy", "angry", "sad")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--calls", type=int, default=200, help="at least 100")
    options = parser.parse_args()
    print("| terminal | share of a core | written a second | key to picture, p50 / worst |")
    print("|---|---|---|---|")
    with _Server(options.calls) as address:
        for size in SIZES:
            share, written, delays = _measure(address, options.seconds, size)
            worst, usual = 1000 * max(delays), 1000 * sorted(delays)[len(delays) // 2]
            print(
                f"| {size[0]}x{size[1]} | {share:.1%} | {written / 1000:.0f} kB "
                f"| {usual:.0f} / {worst:.0f} ms |"
            )


class _Server:
    """A floor in a process of its own."""

    def __init__(self, calls: int) -> None:
        ours, theirs = multiprocessing.Pipe()
        self._port = ours
        self._process = multiprocessing.Process(target=_run_server, args=(calls, theirs))

    def __enter__(self) -> str:
        self._process.start()
        return f"http://127.0.0.1:{self._port.recv()}"

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()


def _run_server(calls: int, told: Connection) -> None:
    asyncio.run(_serve(calls, told))


async def _serve(calls: int, told: Connection) -> None:
    floor = _Floor(calls)

    async def watch(connection: ServerConnection) -> None:
        kind = "snapshot"
        with contextlib.suppress(ConnectionClosed):
            while True:
                message = {"type": kind, "floor": floor.totals(), "streams": floor.streams}
                await connection.send(json.dumps(message | {"ended": []}))
                kind = "update"
                await asyncio.sleep(0.5)
                floor.go_on(0.5)

    async with serve(watch, "127.0.0.1", 0, compression=None) as server:
        told.send(next(iter(server.sockets)).getsockname()[1])
        await asyncio.Event().wait()


class _Floor:
    """Calls that go on; all of them change with every update."""

    def __init__(self, calls: int) -> None:
        self._draw = random.Random(1)
        self.streams = [self._call(number) for number in range(calls)]

    def totals(self) -> dict[str, Any]:
        count = len(self.streams)
        return {
            "streams": count, "capacity": 2 * count, "speaking": count // 2, "load": 0.4,
            "hop": 0.5, "usual_hop": 0.5, "dropped": 0.0,
            "latency_ms": {"p50": 40.0, "p95": 90.0, "p99": 150.0},
            "refused": 0, "uptime": self.streams[0]["duration"], "model": "default",
            "shares": {"angry": 0.1, "neutral": 0.5, "sad": 0.1},
        }  # fmt: skip

    def go_on(self, seconds: float) -> None:
        for call in self.streams:
            call["duration"] = round(call["duration"] + seconds, 2)
            call["speaking"] = self._draw.random() < 0.6
            call["level_dbfs"] = round(self._draw.uniform(-40.0, -15.0), 1)
            call["confidence"] = round(self._draw.uniform(0.4, 0.95), 4)
            recent = call["recent"]
            if call["duration"] // 5.0 > recent[-1][0] // 5.0:
                call["emotion"] = self._draw.choice(EMOTIONS)
                recent = recent[-59:]
            elif call["speaking"]:
                recent = recent[:-1]
            else:
                continue
            call["recent"] = [*recent, [call["duration"], call["emotion"], call["confidence"]]]

    def _call(self, number: int) -> dict[str, Any]:
        duration = 400.0 + number
        return {
            "stream": f"call-{number:05}", "channel": number % 2,
            "role": ("customer", "agent")[number % 2], "metadata": {"queue": "billing"},
            "started": "2026-11-23T10:00:00.000Z", "state": "live", "duration": duration,
            "speaking": True, "level_dbfs": -20.0, "emotion": "neutral", "confidence": 0.7,
            "valence": 0.1, "speech": 60.0, "negative": 12.5, "alert": None, "alerts": 0,
            "dropped": 0.0,
            "recent": [
                [duration - 5.0 * back, self._draw.choice(EMOTIONS), 0.7]
                for back in range(60, 0, -1)
            ],
        }  # fmt: skip


def _measure(
    address: str, seconds: float, size: tuple[int, int]
) -> tuple[float, float, list[float]]:
    """Share of a core, bytes written a second, and the delay of each key in seconds."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    command = [sys.executable, "-m", "realtime_ser", "dashboard", "--connect", address]
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    try:
        _read(ours, time.monotonic() + WARM_UP)
        os.write(ours, FROM_THE_MIDDLE)
        _read(ours, time.monotonic() + 1.0)
        began, before = time.monotonic(), _cpu(process.pid)
        written = 0
        delays: list[float] = []
        while time.monotonic() < began + seconds:
            pressed = time.monotonic()
            os.write(ours, b"j" if len(delays) % 40 < 20 else b"k")
            size_of, seen = _read(ours, pressed + KEY_EVERY)
            written += size_of
            delays.append(seen - pressed)
        wall = time.monotonic() - began
        return (_cpu(process.pid) - before) / wall, written / wall, delays
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _read(descriptor: int, until: float) -> tuple[int, float]:
    """Bytes that came, and when the selected row was drawn first; until a key is due again."""
    count, seen, tail = 0, float("inf"), b""
    while seen == float("inf") or time.monotonic() < until:
        left = max(0.0, until - time.monotonic()) if seen < float("inf") else 5.0
        if not select.select([descriptor], [], [], left)[0]:
            break
        data = os.read(descriptor, 65_536)
        count += len(data)
        if seen == float("inf") and SELECTED in tail + data:
            seen = time.monotonic()
        tail = data[-len(SELECTED) :]
    return count, seen


def _cpu(pid: int) -> float:
    """Seconds of processor time so far, of user and system."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    main()
