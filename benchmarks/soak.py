"""A server under calls that come and go, for an hour: does its memory grow, does it fall behind?

    python benchmarks/soak.py RECORDING... [--streams 50] [--minutes 60] [--call 90]

Starts ``realtime-ser serve`` with a folder for timelines in a process of its own, keeps so many
calls going (telephone quality, mu-law; each of a random part of a recording, exponentially
distributed around ``--call`` seconds; every tenth hangs up without a word) and prints a line a
minute. The last lines set the end beside the first ten minutes: memory, open files and latency; and
what was sent beside what the server says of it. Status 1 where it has grown, lost something, or
ended other than in order.
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
GROWTH = 0.1
"""Share of the memory by which it may have changed: allocators do not give everything back."""
FILES = 20
"""Open files more than before, as calls come and go."""
LATER = 30.0
"""Milliseconds by which rows may come later than before, in the middle."""


@dataclass
class Count:
    """What came of the calls so far."""

    calls: int = 0
    hung_up: int = 0
    sent: float = 0.0
    """Seconds, in calls that ended in order."""
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
    if given.minutes < 1:
        parser.error("--minutes: a minute at least")
    recordings = [read_recording(file, "mulaw", 8000, 1) for file in given.recordings]
    random.seed(1)
    with tempfile.TemporaryDirectory() as folder:
        server, address = _start(folder)
        wrong = ["the soak was broken off"]
        try:
            wrong = await _soak(server.pid, address, recordings, given)
        finally:
            server.terminate()
            if status := server.wait(60):
                wrong.append(f"the server ended with {status}")
        print(len(list(Path(folder).glob("*.csv"))), "timelines")
    if wrong:
        raise SystemExit("\n".join(wrong))


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
) -> list[str]:
    """What went wrong."""
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
        left = max(0.0, began + 60.0 * minute - time.monotonic())
        broken, _ = await asyncio.wait(callers, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        for caller in broken:
            caller.result()
        lines.append(await asyncio.to_thread(_look, pid, address, count))
        print("| " + " | ".join(f"{value:g}" for value in (minute, *lines[-1])) + " |", flush=True)
    ending.set()
    await asyncio.gather(*callers)
    return _conclude(lines, count, await asyncio.to_thread(_fates, address))


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
        count.sent += len(part.data) / part.second
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
    latencies, count.latencies = count.latencies, []
    p50, p99 = np.percentile(latencies, (50, 99)) if latencies else (np.nan, np.nan)
    return (
        round(pages * resource.getpagesize() / 1e6),
        len(os.listdir(f"/proc/{pid}/fd")),
        count.calls + count.hung_up,
        round(floor["load"], 2),
        floor["hop"],
        np.round(p50),
        np.round(p99),
        round(floor["dropped"], 1),
    )


def _fates(address: str) -> dict[str, float]:
    """What became of the audio of all calls, hung up or not: seconds."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    return {fate: float(value) for fate, value in re.findall(r'fate="(\w+)"} (\S+)', text)}


def _conclude(lines: list[tuple[float, ...]], count: Count, fates: dict[str, float]) -> list[str]:
    """Print the sums; what is wrong with them."""
    since = min(SETTLED, len(lines))
    settled, last = lines[since - 1], lines[-1]
    grown, files, later = (last[i] - settled[i] for i in (0, 1, 5))
    missing = count.sent - count.received
    lost = fates["received"] - fates["analysed"] - fates["dropped"]
    print(
        f"{count.calls} calls, {count.hung_up} hung up, {count.rows} rows, "
        f"{len(count.errors)} errors {sorted(set(count.errors))[:3]}\n"
        f"calls that ended in order: {count.sent:.1f} s sent, {count.received:.1f} s received, "
        f"{count.analysed:.1f} s analysed, {count.dropped:.1f} s dropped\n"
        f"all calls: {fates['received']:.1f} s received, {fates['analysed']:.1f} s analysed, "
        f"{fates['dropped']:.1f} s dropped\n"
        f"from minute {since} to the end: memory {grown:+g} MB, files {files:+g}, p50 {later:+g} ms"
    )
    wrong = {
        f"{len(count.errors)} errors": bool(count.errors),
        f"{missing:.3f} s were sent and not received": abs(missing) > 1e-3 * max(1, count.calls),
        f"{lost:.3f} s are unaccounted for": abs(lost) > 0.01,
        f"memory has grown by {grown:g} MB": grown > GROWTH * settled[0],
        f"{files:g} more files are open": files > FILES,
        f"rows come {later:g} ms later": later > LATER,
    }
    return [text for text, so in wrong.items() if so]


if __name__ == "__main__":
    asyncio.run(main())
