"""Run by the tests in a process of its own, because PortAudio looks at its environment once.

``record URI SAMPLES.npy STALL``: records until standard input ends, and prints a JSON line whenever
something changed and four times a second. ``devices``: prints the list as JSON.
"""

from __future__ import annotations

import json
import select
import sys
import time
from dataclasses import asdict

import numpy as np

from realtime_ser.capture.devices import list_devices
from realtime_ser.capture.open import open_source
from realtime_ser.cli.quiet import native_stderr_muted
from realtime_ser.clock import SystemClock
from realtime_ser.config import CaptureConfig
from realtime_ser.errors import SourceError


def record(uri: str, target: str, stall: float) -> None:
    config = CaptureConfig(stall=stall, retry=0.25, retry_max=1.0)
    source = open_source(uri, config, SystemClock(), paced=True)
    info = source.open()
    say(event="open", **asdict(info))
    pieces = []
    taken = lost = 0
    slowest = 0.0
    last: tuple[object, ...] = ()
    started = told = time.monotonic()
    while not select.select([sys.stdin], [], [], 0)[0]:
        before = time.monotonic()
        block = source.read(0.05)
        now = time.monotonic()
        slowest = max(slowest, now - before)
        if block is not None:
            pieces.append(block.samples)
            taken += len(block.samples)
            lost += block.lost
        health = source.health()
        state = (health, lost, taken > 0)
        if state != last or now - told > 0.25:
            last, told = state, now
            elapsed = now - started
            say(event="state", elapsed=elapsed, taken=taken, lost=lost, slowest=slowest,
                **asdict(health))  # fmt: skip
    before = time.monotonic()
    source.close()
    np.save(target, np.concatenate(pieces) if pieces else np.zeros((0, info.channels)))
    say(event="closed", took=time.monotonic() - before)


def say(**values: object) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with native_stderr_muted():
        try:
            if sys.argv[1] == "devices":
                say(devices=[asdict(d) for d in list_devices()])
            else:
                record(sys.argv[2], sys.argv[3], float(sys.argv[4]))
        except SourceError as error:
            sys.stderr.write(f"{error}\n")
            sys.exit(2)
