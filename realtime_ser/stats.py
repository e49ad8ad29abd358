"""What the engine measures of itself, as one immutable picture for screens and metrics."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

STAGES: Final = ("hangover", "detection", "wait", "inference", "output")
"""Last sample of a row captured to the audio captured that made it certain, to due, to batched, to
inferred, to emitted. The hangover is the settings', the rest is work."""

EngineState = Literal["starting", "running", "paused", "ended", "failed"]


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """One stream, right now."""

    stream: str
    channel: int
    position: float
    """Seconds of audio analysed since the stream's start."""
    level_dbfs: float
    """RMS of the newest block, never below -120."""
    peak_dbfs: float
    speech: bool
    """Inside a segment of speech."""
    speech_probability: float
    trouble: str | None = None
    """What is wrong with the level, in words: what, a colon, what to do. None when all is well."""
    envelope: tuple[tuple[int, float], ...] = ()
    """(tenth of a second, peak amplitude) of the newest seconds; see ``peaks.PeakEnvelope``."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles in milliseconds over the newest rows; None before the first."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """Between two rows: what comes now does not follow on what came before."""

    run: int
    """As in ``Health``, from now on."""
    jumps: int
    position: float | None = None
    """Seconds of the stream that were moved to; None: another source, whose time begins anew."""


@dataclass(frozen=True, slots=True)
class Health:
    """The whole engine, right now. Safe to share between threads."""

    state: EngineState
    source: str
    sample_rate: int
    """The source's own, Hz."""
    device: str
    """Where the network runs: cpu, cuda or mps."""
    model: str
    elapsed: float
    """Seconds since the engine started."""
    duration: float | None
    """Seconds of the whole source, where known."""
    problem: str | None
    """What is wrong with the source, in words; None when all is well."""
    overflows: int
    reopened: int
    dropped: float
    """Seconds of audio dropped because analysis could not keep up."""
    queue: float
    """Seconds of audio waiting in the fullest ring buffer."""
    realtime_factor: float
    """Seconds of work a second of audio, over the last seconds; below 1 keeps up."""
    latency: Latency
    rows: int
    streams: tuple[StreamStatus, ...]
    stages: tuple[tuple[str, Latency], ...] = ()
    """Stage of ``STAGES`` -> its latency."""
    speed: float = 1.0
    """Seconds of a recording or timeline played a second."""
    seekable: bool = False
    """``seek`` and the speed can be changed."""
    jumps: int = 0
    """How often the position was moved by hand; what a screen has of later times is void then."""
    run: int = 0
    """Counts sources that followed one another; positions begin anew with each."""
    broken: tuple[str, ...] = ()
    """Files that can be written no more, and a webhook that takes no alerts, in words."""
    model_version: str = ""
    """Tells models of one name apart; see ``models.Model.version``."""
    cpu: float | None = None
    """Share of one core that this process uses, over the last seconds; None at first."""


@dataclass(frozen=True, slots=True)
class FloorHealth:
    """A floor of streams, right now. Safe to share between threads."""

    streams: int
    speaking: int
    capacity: int
    """Streams that are allowed."""
    load: float
    """Share of the worker's time that it works, over the last seconds; near 1 it is full."""
    hop: float
    """Seconds between window rows now; longer than ``usual_hop`` where there is too much to do."""
    usual_hop: float
    """Seconds, as configured."""
    queue: float
    """Seconds of audio that wait, of the stream that has most."""
    dropped: float
    """Seconds of audio of all streams so far that analysis was too slow for."""
    refused: int
    """Streams that were not taken in."""
    rows: int
    latency: Latency
    """Last sample captured to row emitted."""
    work: Latency
    """The same without the hangover."""
    stages: tuple[tuple[str, Latency], ...]
    uptime: float
    """Seconds since the start."""


class LatencyMeter:
    """Percentiles of the newest ``size`` values."""

    def __init__(self, size: int = 512) -> None:
        self._values: deque[float] = deque(maxlen=size)
        self._count = 0
        self._known = (0, Latency())
        """After how many values, and what they gave: screens ask more often than rows come."""

    def add(self, milliseconds: float) -> None:
        """Count one row."""
        self._values.append(milliseconds)
        self._count += 1

    def percentiles(self) -> Latency:
        """p50, p95 and p99 of what is remembered."""
        count, (known, latency) = self._count, self._known
        if count == known:
            return latency
        p50, p95, p99 = np.percentile(list(self._values), (50, 95, 99))
        latency = Latency(float(p50), float(p95), float(p99))
        self._known = count, latency
        return latency


@dataclass(frozen=True, slots=True)
class Stamps:
    """Monotonic seconds of a row's way through the worker."""

    certain: float | None
    """When the audio was captured that made the row's end certain; None if unpaced."""
    due: float
    batched: float
    inferred: float


class StageMeters:
    """Latency of each stage, from the stamps of rows."""

    def __init__(self, size: int = 512) -> None:
        """Begin without rows; ``size`` is how many of the newest count."""
        self._meters = {name: LatencyMeter(size) for name in STAGES}
        self._total = LatencyMeter(size)
        self._work = LatencyMeter(size)

    def add(self, stamps: Stamps, emitted: float, latency_ms: float | None) -> None:
        """Count one row; ``latency_ms`` from last sample captured to emitted, None if unpaced."""
        spans = {
            "wait": stamps.batched - stamps.due,
            "inference": stamps.inferred - stamps.batched,
            "output": emitted - stamps.inferred,
        }
        for name, seconds in spans.items():
            self._meters[name].add(1000.0 * seconds)
        if latency_ms is not None and stamps.certain is not None:
            work = 1000.0 * (emitted - stamps.certain)
            self._meters["hangover"].add(latency_ms - work)
            self._meters["detection"].add(1000.0 * (stamps.due - stamps.certain))
            self._total.add(latency_ms)
            self._work.add(work)

    def total(self) -> Latency:
        """From the last sample captured to the row emitted."""
        return self._total.percentiles()

    def work(self) -> Latency:
        """The same without the hangover."""
        return self._work.percentiles()

    def percentiles(self) -> tuple[tuple[str, Latency], ...]:
        """Stage -> percentiles, in the order of ``STAGES``."""
        return tuple((name, meter.percentiles()) for name, meter in self._meters.items())


class LoadMeter:
    """Real-time factor over the newest ``seconds`` of audio: work divided by audio."""

    def __init__(self, seconds: float = 10.0) -> None:
        self._seconds = seconds
        self._passes: deque[tuple[float, float]] = deque()
        self._work = 0.0
        self._audio = 0.0

    def add(self, work: float, audio: float) -> None:
        """Count one pass of the worker: seconds it took, seconds of audio it took in."""
        self._passes.append((work, audio))
        self._work += work
        self._audio += audio
        while self._audio - self._passes[0][1] > self._seconds:
            old_work, old_audio = self._passes.popleft()
            self._work -= old_work
            self._audio -= old_audio

    def factor(self) -> float:
        """0 before the first audio."""
        return self._work / self._audio if self._audio > 0.0 else 0.0


class CpuMeter:
    """Share of one core over the newest ``seconds``, from readings at least ``every`` apart."""

    def __init__(self, seconds: float = 5.0, every: float = 1.0) -> None:
        self._seconds = seconds
        self._every = every
        self._readings: deque[tuple[float, float]] = deque()

    def share(self, now: float, used: float) -> float | None:
        """Take a reading, if the last is old enough; None before the second.

        Args:
            now: monotonic seconds.
            used: seconds of processor time so far; more than passed where several cores work.
        """
        readings = self._readings
        if not readings or now - readings[-1][0] >= self._every:
            readings.append((now, used))
        while len(readings) > 2 and readings[1][0] <= now - self._seconds:
            readings.popleft()
        (first, used_first), (last, used_last) = readings[0], readings[-1]
        return (used_last - used_first) / (last - first) if last > first else None
