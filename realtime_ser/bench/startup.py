"""How long commands take to answer: medians over fresh processes, warm disk."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import Final

from realtime_ser.bench import BenchmarkResult

REPEATS: Final = 5
HELP: Final = "realtime-ser --help"
STARTS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("python alone", ("-c", "pass")),
    ("import realtime_ser", ("-c", "import realtime_ser")),
    ("realtime-ser --version", ("-m", "realtime_ser", "--version")),
    (HELP, ("-m", "realtime_ser", "--help")),
    ("realtime-ser live --help", ("-m", "realtime_ser", "live", "--help")),
    (
        "default model loaded",
        (
            "-c",
            "from realtime_ser.models import find_model, load_model;"
            "load_model(find_model('default'))",
        ),
    ),
)
"""Label, arguments of the interpreter."""


def run() -> BenchmarkResult:
    """Start each a few times; the first start of each is thrown away."""
    rows = []
    for label, arguments in STARTS:
        seconds = [_start(arguments) for _ in range(REPEATS + 1)][1:]
        rows.append((label, statistics.median(seconds), min(seconds), max(seconds)))
    medians = {label: median for label, median, _, _ in rows}
    return BenchmarkResult(
        title=f"Start of a process, {REPEATS} runs each",
        columns=("what", "median s", "min s", "max s"),
        rows=tuple(rows),
        figure=HELP,
        value=medians[HELP],
        unit="s",
    )


def _start(arguments: tuple[str, ...]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
