"""What the live screen costs: processor time of `live` with it, less that of the same run without.

    python benchmarks/screen.py [--seconds 60] [--recording FILE]

Each run plays a recording in real time in a terminal of its own (a pseudo-terminal that takes all
that is written), at a size; the share is of one core, over the time between two looks while it
plays, so that starting and ending do not count. The engine, its pace and the rows are the same.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from importlib.resources import files
from pathlib import Path

import numpy as np
import soundfile as sf

SIZES = ((80, 24), (120, 40), (200, 60))
WARM_UP = 8.0
"""Seconds until the model is loaded and the first rows are there."""
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--recording", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        recording = _long_enough(options.recording, Path(folder), options.seconds + 3 * WARM_UP)
        base, _ = _measure(["--plain"], recording, options.seconds, (120, 40))
        print("| terminal | share of a core | of it the screen | written a second |")
        print("|---|---|---|---|")
        print(f"| none (`--plain`) | {base:.1%} | | |")
        for size in SIZES:
            share, written = _measure([], recording, options.seconds, size)
            name = f"{size[0]}x{size[1]}"
            print(f"| {name} | {share:.1%} | {share - base:.1%} | {written / 1000:.0f} kB |")


def _long_enough(recording: Path | None, folder: Path, seconds: float) -> Path:
    """One channel, repeated: no run may end while it is looked at."""
    path = recording or Path(str(files("realtime_ser") / "data" / "demo.ogg"))
    samples, rate = sf.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    repeated = np.tile(mono, int(seconds * rate / len(mono)) + 1)
    sf.write(folder / "call.wav", repeated, rate)
    return folder / "call.wav"


def _measure(
    arguments: list[str], recording: Path, seconds: float, size: tuple[int, int]
) -> tuple[float, float]:
    """Share of a core, and bytes written a second, while it plays."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    command = [sys.executable, "-m", "realtime_ser", "live", str(recording), *arguments]
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    taken = [0]
    reader = threading.Thread(target=_swallow, args=(ours, taken))
    reader.start()
    try:
        time.sleep(WARM_UP)
        began, before, bytes_before = time.monotonic(), _cpu(process.pid), taken[0]
        time.sleep(seconds)
        wall = time.monotonic() - began
        share = (_cpu(process.pid) - before) / wall
        written = (taken[0] - bytes_before) / wall
    finally:
        process.kill()
        process.wait()
        reader.join()
        os.close(ours)
    return share, written


def _swallow(descriptor: int, taken: list[int]) -> None:
    while True:
        try:
            data = os.read(descriptor, 65_536)
        except OSError:  # the other end is closed
            return
        if not data:
            return
        taken[0] += len(data)


def _cpu(pid: int) -> float:
    """Seconds of processor time so far, of user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    main()
