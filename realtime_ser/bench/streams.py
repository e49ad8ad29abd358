"""How many live streams one machine serves: a floor fed in real time, with ever more of them."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import soundfile

from realtime_ser.bench import BenchmarkResult
from realtime_ser.errors import DataError
from realtime_ser.stats import LatencyMeter
from realtime_ser.types import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from realtime_ser.engine.line import Account, StreamInput
    from realtime_ser.recognizer import Recognizer
    from realtime_ser.stats import Latency
    from realtime_ser.types import AudioArray, TimelineRow

STEPS: Final = (50, 100, 150, 200, 250, 300, 350, 400)
"""Streams that are tried one after another, until the bar is missed."""
WARM_UP: Final = 8.0
"""Seconds before anything is measured."""
BLOCK: Final = 512
"""Samples that a stream gets at a time, 32 ms."""
GROUPS: Final = 8
"""Streams do not all get their blocks at the same moment, but in turns."""
BAR_MS: Final = 300.0
"""p99 of the latency that is still good."""
JOINED: Final = 15
"""Streams a second that join: a floor gets to know their load."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a floor did with so many streams."""

    streams: int
    load: float
    cores: float
    """Processor seconds a second, of the whole process."""
    latency: Latency
    """From the last sample of a row captured to the row emitted, ms."""
    work: float | None
    """p99 without the hangover, ms."""
    dropped: float
    hop: float
    """Seconds, the longest while it was measured."""
    usual_hop: float
    kilobytes: float
    """Memory a stream, beyond weights, program and what a forward pass takes."""
    refused: bool

    @property
    def good(self) -> bool:
        """Everybody was taken in, nobody waited, and rows came as often as they should."""
        in_time = self.latency.p99 is not None and self.latency.p99 < BAR_MS
        return in_time and not self.refused and not self.dropped and self.hop <= self.usual_hop


def run(
    streams: int | None = None, seconds: float = 20.0, audio: Path | None = None
) -> BenchmarkResult:
    """Measure.

    Args:
        streams: so many at once; None tries more and more.
        seconds: that are measured, after a warm-up.
        audio: a recording that every stream plays round and round, each from another place; None
            takes the customer of the demo, who speaks half of the time.

    Raises:
        DataError: the recording cannot be read, or is shorter than a second.
    """
    from realtime_ser.assembly import load_recognizer
    from realtime_ser.config import Config
    from realtime_ser.process import prepare_process

    prepare_process()
    track = _track(audio)
    recognizer = load_recognizer(Config(), many=True)
    _warm_up(recognizer, track)
    before = _resident()  # once: what a step has used the next one uses again
    found: list[Load] = []
    for count in STEPS if streams is None else (streams,):
        found.append(_measure(count, seconds, track, recognizer, before))
        if not found[-1].good:
            break
    best = max((load.streams for load in found if load.good), default=0)
    name = "the demo's customer" if audio is None else audio.name
    return BenchmarkResult(
        title=(
            f"Live streams at once, {name} in each, {seconds:g} s a line; the hangover is what the "
            "settings wait for"
        ),
        columns=(
            "streams", "load", "cores", "p50 ms", "p95 ms", "p99 ms", "p99 without hangover",
            "dropped s", "hop s", "kB a stream",
        ),
        rows=tuple(
            (
                f"{x.streams}{' (refused)' if x.refused else ''}", x.load, x.cores,
                x.latency.p50, x.latency.p95, x.latency.p99, x.work, x.dropped, x.hop, x.kilobytes,
            )
            for x in found
        ),
        figure=f"live streams with p99 below {BAR_MS:g} ms and nothing dropped",
        value=float(best),
        unit="",
    )  # fmt: skip


class _Listener:
    """Collects latencies, from when it is told to."""

    def __init__(self) -> None:
        self.latencies = LatencyMeter(1_000_000)
        self.measuring = False

    def speech_started(self, start: float) -> None:
        """See ``Listener``."""

    def row(self, row: TimelineRow) -> None:
        """See ``Listener``."""
        if self.measuring and row.latency_ms is not None:
            self.latencies.add(row.latency_ms)

    def ended(self, account: Account) -> None:
        """See ``Listener``."""


def _measure(
    count: int, seconds: float, track: AudioArray, recognizer: Recognizer, before: int
) -> Load:
    from realtime_ser.assembly import pipeline_factory
    from realtime_ser.config import Config, FloorConfig
    from realtime_ser.engine import Floor
    from realtime_ser.errors import RefusedError

    config = replace(Config(), floor=FloorConfig(max_streams=max(count, 1)))
    floor = Floor(recognizer, pipeline_factory(config, recognizer), config)
    listener = _Listener()
    floor.start()
    refused = False
    inputs: list[StreamInput] = []
    try:
        feeder = _Feeder(track)

        def join() -> None:
            nonlocal refused
            try:
                while not refused and len(inputs) < min(count, feeder.elapsed * JOINED):
                    inputs.append(floor.open(f"bench-{len(inputs)}", 0, listener))
            except RefusedError:
                refused = True

        feeder.feed(inputs, count / JOINED + WARM_UP, join)
        listener.measuring = True
        used, began = time.process_time(), time.monotonic()
        hops = [floor.health().hop]
        for _ in range(math.ceil(seconds)):
            feeder.feed(inputs, seconds / math.ceil(seconds))
            hops.append(floor.health().hop)
        cores = (time.process_time() - used) / (time.monotonic() - began)
        health, memory = floor.health(), _resident() - before
        listener.measuring = False
    finally:
        floor.abort()
        floor.join()
    return Load(
        streams=len(inputs),
        load=health.load,
        cores=cores,
        latency=listener.latencies.percentiles(),
        work=health.work.p99,
        dropped=health.dropped,
        hop=max(hops),
        usual_hop=health.usual_hop,
        kilobytes=memory / 1000.0 / max(1, len(inputs)),
        refused=refused,
    )


def _warm_up(recognizer: Recognizer, track: AudioArray) -> None:
    """Have torch build its kernels, as nobody's first row shall wait for that."""
    slots = [recognizer.open() for _ in range(recognizer.at_once)]
    piece = track[: SAMPLE_RATE // 2 // recognizer.unit_samples * recognizer.unit_samples]
    for _ in range(3):
        recognizer.step(slots, [piece] * len(slots))
    for slot in slots:
        recognizer.close(slot)


class _Feeder:
    """Writes to many streams in real time, as a network would: not all at the same moment."""

    def __init__(self, track: AudioArray) -> None:
        self._track = track
        self._began = time.monotonic()
        self._turn = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the first turn."""
        return time.monotonic() - self._began

    def feed(
        self, inputs: Sequence[StreamInput], seconds: float, each: Callable[[], None] | None = None
    ) -> None:
        """Write ``seconds`` of audio to every stream; ``each`` turn may change who there is."""
        pause = BLOCK / SAMPLE_RATE / GROUPS
        last = self._turn + round(seconds / pause)
        while self._turn < last:
            self._turn += 1
            due = self._began + self._turn * pause
            time.sleep(max(0.0, due - time.monotonic()))
            if each is not None:
                each()
            block, group = divmod(self._turn, GROUPS)
            for number in range(group, len(inputs), GROUPS):
                # Far from one another, so that they do not speak at the same time.
                start = (number * 7919 * BLOCK + block * BLOCK) % (len(self._track) - BLOCK)
                inputs[number].write(self._track[start : start + BLOCK], due)


def _track(audio: Path | None) -> AudioArray:
    if audio is not None:
        from realtime_ser.training.index import load_audio

        track = load_audio(audio)
        if len(track) <= SAMPLE_RATE:
            raise DataError(f"{audio}: shorter than a second; use a longer recording")
        return track
    with as_file(files("realtime_ser") / "data" / "demo.ogg") as recording:
        samples, _ = soundfile.read(recording, dtype="float32", always_2d=True)
    customer: AudioArray = samples[:, 0].copy()
    return customer


def _resident() -> int:
    """Bytes of memory that the process has."""
    import resource

    pages = Path("/proc/self/statm")
    if pages.exists():
        return int(pages.read_text().split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
