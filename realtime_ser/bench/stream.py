"""What one live stream costs: the demo recording through the whole chain, on one core."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import soundfile as sf

from realtime_ser.bench import BenchmarkResult
from realtime_ser.types import AudioBlock

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK = 512
PERCENT = 100.0


def run() -> BenchmarkResult:
    """CPU time of the thread that does the work, stage by stage."""
    from realtime_ser.assembly import load_recognizer, pipeline_factory
    from realtime_ser.batching import DuePiece, recognize_batch
    from realtime_ser.config import Config
    from realtime_ser.levels import level_dbfs

    with as_file(files("realtime_ser") / "data" / "demo.ogg") as recording:
        samples, rate = sf.read(recording, dtype="float32", always_2d=True)
    customer = samples[:, 0].copy()
    config = Config()
    recognizer = load_recognizer(config)
    pipeline = pipeline_factory(config, recognizer)("bench", 0, datetime.now(UTC))
    slot = recognizer.open()
    spent = {"detector": 0.0, "recogniser": 0.0}
    hops: list[float] = []
    rows = 0
    for start in range(0, len(customer), BLOCK):
        block = AudioBlock(customer[start : start + BLOCK], start, None)
        spent["detector"] += _cost(lambda block=block: pipeline.push(block))  # type: ignore[misc]
        while (piece := pipeline.due()) is not None:
            began = time.perf_counter()
            cpu = time.thread_time()
            found = recognize_batch(recognizer, [DuePiece(pipeline, slot, piece)], time.monotonic)
            spent["recogniser"] += time.thread_time() - cpu
            hops.append(time.perf_counter() - began)
            rows += len(found[0])
    seconds = len(customer) / rate
    hops.sort()
    table = [
        (name, cpu, PERCENT * cpu / seconds, 1000.0 * cpu / seconds) for name, cpu in spent.items()
    ]
    total = sum(spent.values())
    table.append(("together", total, PERCENT * total / seconds, 1000.0 * total / seconds))
    title = (
        f"One stream: {seconds:.1f} s of audio at {level_dbfs(customer):.0f} dBFS, {rows} rows, "
        f"model {recognizer.name}, a hop takes {1000 * hops[len(hops) // 2]:.1f} ms "
        f"(p95 {1000 * hops[int(0.95 * len(hops))]:.1f} ms)"
    )
    return BenchmarkResult(
        title=title,
        columns=("stage", "CPU s", "% of a core", "ms a second of audio"),
        rows=tuple(table),
        figure="one live stream on one core",
        value=PERCENT * total / seconds,
        unit="% of the core",
    )


def _cost(work: Callable[[], None]) -> float:
    """CPU seconds of this thread."""
    began = time.thread_time()
    work()
    return time.thread_time() - began
