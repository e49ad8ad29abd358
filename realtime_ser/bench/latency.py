"""How late a row is: the demo recording in real time through the engine, stage by stage."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import as_file, files

from realtime_ser.bench import BenchmarkResult


def run() -> BenchmarkResult:
    """Takes as long as the recording."""
    from realtime_ser.assembly import load_recognizer, pipeline_factory
    from realtime_ser.capture.open import open_source
    from realtime_ser.clock import SystemClock
    from realtime_ser.config import CaptureConfig, Config
    from realtime_ser.engine import Engine

    config = replace(Config(), capture=CaptureConfig(channels="split"))
    recognizer, clock = load_recognizer(config), SystemClock()
    with as_file(files("realtime_ser") / "data" / "demo.ogg") as recording:
        source = open_source(str(recording), config.capture, clock, paced=True)
        make_pipeline = pipeline_factory(config, recognizer)
        engine = Engine(source, recognizer, make_pipeline, config, [], clock=clock)
        try:
            engine.start()
            engine.join()
        finally:
            engine.abort()
    health = engine.health()
    stages = [*health.stages, ("last sample captured to row emitted", health.latency)]
    found: list[tuple[str | float, ...]] = [
        (name, x.p50 or 0.0, x.p95 or 0.0, x.p99 or 0.0) for name, x in stages
    ]
    return BenchmarkResult(
        title=f"{health.rows} rows of two live streams; the hangover is what the settings wait for",
        columns=("stage", "p50 ms", "p95 ms", "p99 ms"),
        rows=tuple(found),
        figure="last sample captured to row emitted, p95",
        value=health.latency.p95 or 0.0,
        unit="ms",
    )
