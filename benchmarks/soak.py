"""A server under calls that come and go, for an hour: does its memory grow, does it fall behind?

    python benchmarks/soak.py RECORDING... [--streams 50] [--minutes 60] [--call 90]

Starts ``realtime-ser serve`` with a folder for timelines in a process of its own, keeps so many
calls going (telephone quality, mu-law; each of a random part of a recording, exponentially
distributed around ``--call`` seconds; every tenth hangs up without a word) and prints a line a
minute. The last lines set the end beside the first ten minutes: memory, open files, latency, and
how much later rows come. Every second that was sent is accounted for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from realtime_ser.client import Client, ServerError
from realtime_ser.client.recordings import Recording, read_recording, send_recording

SHORTEST = 2.0
"""Seconds of a call."""
HANGS_UP = 0.1
"""Share of the calls that end without a word."""
SETTLED = 10
"""Minutes that the end is held against."""


@dataclass
class Count:
    """What came of the calls so far."""

    calls: int = 0
    hung_up: int = 0
    received: float = 0.0
    analysed: float = 0.0
    dropped: float = 0.0
    rows: int = 0
    errors: list[str] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    """Of the window rows since the last line, ms."""


async def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--call", type=float, default=90.0, help="mean seconds of a call")
    given = parser.parse_args()
    recordings = [read_recording(file, "mulaw", 8000, 1) for file in given.recordings]
    random.seed(1)
    with tempfile.TemporaryDirectory() as folder:
        server, address = _start(folder)
        try:
            await _soak(server.pid, address, recordings, given)
        finally:
            server.terminate()
            print("server ended with", server.wait(60))
        print(len(list(Path(folder).glob("*.csv"))), "timelines")


def _start(folder: str) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "realtime_ser", "serve", "--port", "0", "--output", folder]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    for line in server.stdout:
        if found := re.search(r"ws://([^/\s]+)/", line):
            return server, found[1]
    raise SystemExit(f"the server did not start: {server.wait()}")


async def _soak(
    pid: int, address: str, recordings: list[Recording], given: argparse.Namespace
) -> None:
    count, ending = Count(), asyncio.Event()
    callers = [
        asyncio.create_task(_caller(address, recordings, given.call, count, ending))
        for _ in range(given.streams)
    ]
    print("| minute | memory MB | files | calls | load | hop s | p50 ms | p99 ms | dropped s |")
    print("|---|---|---|---|---|---|---|---|---|")
    lines = []
    began = time.monotonic()
    for minute in range(1, round(given.minutes) + 1):
        await asyncio.sleep(max(0.0, began + 60.0 * minute - time.monotonic()))
        lines.append(await asyncio.to_thread(_look, pid, address, count))
        print("| " + " | ".join(f"{value:g}" for value in (minute, *lines[-1])) + " |", flush=True)
    ending.set()
    await asyncio.gather(*callers)
    _conclude(lines, count)


async def _caller(
    address: str, recordings: list[Recording], mean: float, count: Count, ending: asyncio.Event
) -> None:
    """One call after another."""
    while not ending.is_set():
        whole = random.choice(recordings)
        seconds = max(SHORTEST, random.expovariate(1.0 / mean))
        start = random.randrange(len(whole.data))
        data = (whole.data[start:] + whole.data)[: round(seconds * whole.second)]
        part = Recording(data, whole.sample_rate, whole.channels, whole.encoding)
        try:
            async with Client(f"ws://{address}") as client:
                if random.random() < HANGS_UP:
                    await _hang_up(client, part, seconds / 2)
                    count.hung_up += 1
                    continue
                heard = await send_recording(client, part)
        except ServerError as error:
            count.errors.append(str(error))
            await asyncio.sleep(1.0)
            continue
        count.calls += 1
        count.rows += len(heard.rows)
        if heard.error:
            count.errors.append(heard.error)
        count.latencies += [r["latency_ms"] for r in heard.rows if r["type"] == "window"]
        for end in heard.ends:
            count.received += end["received"]
            count.analysed += end["analysed"]
            count.dropped += end["dropped"]


async def _hang_up(client: Client, part: Recording, seconds: float) -> None:
    sending = asyncio.create_task(send_recording(client, part))
    await asyncio.sleep(seconds)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


def _look(pid: int, address: str, count: Count) -> tuple[float, ...]:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    with urllib.request.urlopen(f"http://{address}/v1/streams", timeout=30) as answer:
        floor: dict[str, Any] = json.load(answer)["floor"]
    latencies, count.latencies = count.latencies or [0.0], []
    p50, p99 = np.percentile(latencies, (50, 99))
    return (
        round(pages * resource.getpagesize() / 1e6),
        len(os.listdir(f"/proc/{pid}/fd")),
        count.calls + count.hung_up,
        round(floor["load"], 2),
        floor["hop"],
        round(p50),
        round(p99),
        round(floor["dropped"], 1),
    )


def _conclude(lines: list[tuple[float, ...]], count: Count) -> None:
    settled, last = lines[min(SETTLED, len(lines)) - 1], lines[-1]
    lost = count.received - count.analysed - count.dropped
    print(
        f"{count.calls} calls, {count.hung_up} hung up, {count.rows} rows, "
        f"{len(count.errors)} errors {sorted(set(count.errors))[:3]}\n"
        f"{count.received:.1f} s received, {count.analysed:.1f} s analysed, "
        f"{count.dropped:.1f} s dropped, {lost:.3f} s unaccounted for\n"
        f"from minute {min(SETTLED, len(lines))} to the end: memory {last[0] - settled[0]:+g} MB, "
        f"files {last[1] - settled[1]:+g}, p50 {last[5] - settled[5]:+g} ms"
    )


if __name__ == "__main__":
    asyncio.run(main())
