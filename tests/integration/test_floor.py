"""The floor with the real detector and a recogniser that says always the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from realtime_ser.assembly import pipeline_factory
from realtime_ser.batching import DuePiece, recognize_batch
from realtime_ser.clock import SystemClock
from realtime_ser.config import CaptureConfig, Config, FloorConfig, RecognizerConfig
from realtime_ser.engine import Floor
from realtime_ser.engine import floor as floor_module
from realtime_ser.engine.admission import Admission
from realtime_ser.engine.analysis import due_batch, listen, run_batch
from realtime_ser.engine.hearing import hear_some
from realtime_ser.engine.line import Account, Line, StreamInput
from realtime_ser.errors import RefusedError
from realtime_ser.offline import Recording, run_offline
from realtime_ser.testing import ConstantRecognizer
from realtime_ser.types import SAMPLE_RATE, AudioArray, AudioBlock, Prediction, TimelineRow
from tests.signals import silence, speech_like
from tests.waiting import wait_until

CLASSES = ("angry", "happy", "sad")
PATIENCE = 30.0
CALL = np.concatenate([silence(0.6), speech_like(2.5), silence(1.0), speech_like(1.2, seed=1)])


class Ear:
    """Remembers what it was told of one stream."""

    def __init__(self) -> None:
        self.told: list[tuple[str, float]] = []
        self.rows: list[TimelineRow] = []
        self.account: Account | None = None
        self.threads: set[str] = set()

    def speech_started(self, start: float) -> None:
        self.told.append(("speech", start))
        self.threads.add(threading.current_thread().name)

    def row(self, row: TimelineRow) -> None:
        self.told.append((row.kind, row.start))
        self.rows.append(row)
        self.threads.add(threading.current_thread().name)

    def ended(self, account: Account) -> None:
        assert self.account is None, "told twice of the end"
        self.account = account


def recognizer() -> ConstantRecognizer:
    return ConstantRecognizer(CLASSES, probabilities=[0.7, 0.2, 0.1])


class Floors:
    """Starts floors; none outlives its test."""

    def __init__(self) -> None:
        self._made: list[Floor] = []

    def __call__(
        self, fake: ConstantRecognizer | None = None, config: Config | None = None
    ) -> Floor:
        fake, config = fake or recognizer(), config or Config()
        floor = Floor(fake, pipeline_factory(config, fake), config)
        self._made.append(floor)
        floor.start()
        return floor

    def end(self) -> None:
        for floor in self._made:
            floor.abort()
            with suppress(ZeroDivisionError):
                assert floor.join(PATIENCE)


@pytest.fixture
def start() -> Iterator[Floors]:
    floors = Floors()
    yield floors
    floors.end()


def write(stream: StreamInput, audio: AudioArray, cut: int = 1000) -> None:
    clock = SystemClock()
    for start in range(0, len(audio), cut):
        stream.write(audio[start : start + cut], clock.monotonic())


def told(rows: list[TimelineRow]) -> list[tuple[object, ...]]:
    return [(r.stream, r.channel, r.kind, r.start, r.end, r.emotion, r.probabilities) for r in rows]


def test_rows_of_streams_together_equal_those_of_each_alone(start: Floors) -> None:
    calls = [
        np.concatenate([silence(0.2 * i), speech_like(0.8 + 0.5 * i, seed=i), silence(0.7)])
        for i in range(6)
    ]
    floor, ears = start(), [Ear() for _ in calls]
    streams = [floor.open(f"call-{i}", i % 2, ear) for i, ear in enumerate(ears)]
    for stream, audio in zip(streams, calls, strict=True):
        write(stream, audio)
    for stream in streams:
        stream.close()
    floor.stop()
    assert floor.join(PATIENCE)
    config, fake = Config(), recognizer()
    make = pipeline_factory(config, fake)
    utc = SystemClock().utc()
    for i, (ear, audio) in enumerate(zip(ears, calls, strict=True)):
        recording = Recording(f"call-{i}", audio)
        ((_, alone),) = run_offline([recording], fake, lambda n, c=i % 2: make(n, c, utc))  # type: ignore[misc]
        assert told(ear.rows) == told(alone)
        assert ear.rows, "the test hears no speech"


def test_speech_is_told_before_its_rows_and_the_end_last(start: Floors) -> None:
    floor, ear = start(), Ear()
    stream = floor.open("call", 0, ear)
    write(stream, CALL)
    stream.close()
    wait_until(lambda: ear.account, PATIENCE, "the end")
    assert [kind for kind, _ in ear.told if kind != "window"] == ["speech", "utterance"] * 2
    assert ear.told[0] == ("speech", ear.rows[0].start)
    assert ear.threads == {"realtime-ser-output"}
    floor.stop()
    assert floor.join(PATIENCE)


def test_what_is_said_is_over_when_a_call_on_hold_sends_nothing() -> None:
    """And goes on in a new utterance, without anything lost, when audio comes again."""
    fake, config = recognizer(), Config()
    floor = Floor(fake, pipeline_factory(config, fake), config)
    admission = Admission(config.floor, config.recognizer.hop)
    line = floor.open("call", 0, Ear())
    assert isinstance(line, Line)
    line.slot = fake.open()

    def hear(now: float) -> list[TimelineRow]:
        rows: list[TimelineRow] = []
        for _ in range(20):
            hear_some([line], admission, now)
            batch = due_batch([line], [], 8, now)
            rows += [row for _, row, _ in run_batch(fake, batch, lambda: now)]
        return rows

    line.write(speech_like(1.3), 0.0)
    assert [row.kind for row in hear(2.9)] == ["window", "window"]
    (whole,) = hear(3.1)
    assert (whole.kind, whole.end) == ("utterance", pytest.approx(1.3, abs=0.11))
    assert line.account() == Account(20_800, 20_800, 0)
    assert hear(60.0) == []
    line.write(speech_like(1.3, seed=1), 61.0)
    line.close()
    assert [row.kind for row in hear(61.1)] == ["window", "window", "utterance"]
    floor.abort()


def test_a_stream_is_heard_when_something_may_come_of_it() -> None:
    """Rows come as soon as if all were heard at once, though the gate hears far less often."""
    visits = 0

    def rows(*, eager: bool) -> list[tuple[int, float]]:
        nonlocal visits
        fake, config = recognizer(), Config()
        floor = Floor(fake, pipeline_factory(config, fake), config)
        admission = Admission(config.floor, config.recognizer.hop)
        line = floor.open("call", 0, Ear())
        assert isinstance(line, Line)
        line.slot = fake.open()
        found, visits = [], 0
        for start in range(0, len(CALL), 320):
            line.write(CALL[start : start + 320], start / SAMPLE_RATE)
            waiting = line.ring.available
            if eager:
                listen([line])
            else:
                hear_some([line], admission, start / SAMPLE_RATE)
            visits += line.ring.available < waiting
            batch = due_batch([line], [], 8, 0.0)
            found += [(start, row.end) for _, row, _ in run_batch(fake, batch, lambda: 0.0)]
        floor.abort()
        return found

    at_once, often = rows(eager=True), visits
    assert rows(eager=False) == at_once
    assert visits < often / 4


def test_every_sample_is_accounted_for(start: Floors) -> None:
    floor, ear = start(), Ear()
    stream = floor.open("call", 0, ear)
    write(stream, CALL)
    stream.close()
    stream.close()
    stream.write(CALL, 0.0)  # too late: it is not received
    floor.stop()
    assert floor.join(PATIENCE)
    assert ear.account == Account(received=len(CALL), analysed=len(CALL), dropped=0)
    assert stream.account() == ear.account


def test_streams_come_and_go_and_give_their_places_back(start: Floors) -> None:
    fake = recognizer()
    floor = start(fake, Config(floor=FloorConfig(max_streams=2)))
    for _ in range(3):
        ears = [Ear(), Ear()]
        streams = [floor.open("call", 0, ear) for ear in ears]
        with pytest.raises(RefusedError, match="2 streams are heard"):
            floor.open("one too many", 0, Ear())
        for stream in streams:
            write(stream, CALL)
            stream.close()
        wait_until(lambda: floor.health().streams == 0, PATIENCE, "an empty floor")
    assert not fake.open_slots
    assert floor.health().refused == 3
    floor.stop()
    assert floor.join(PATIENCE)


def test_a_stopped_floor_takes_nobody_in(start: Floors) -> None:
    floor, ear = start(), Ear()
    floor.open("call", 0, ear)
    floor.stop()
    with pytest.raises(RefusedError) as refused:
        floor.open("late", 0, Ear())
    assert refused.value.reason == "ending"
    assert floor.join(PATIENCE)
    assert ear.account == Account(0, 0, 0)


class Stuck(ConstantRecognizer):
    """Answers only when it is let."""

    def __init__(self) -> None:
        super().__init__(CLASSES)
        self.called, self.free = threading.Event(), threading.Event()

    def step(self, *what: Sequence[Any]) -> list[Prediction]:
        self.called.set()
        assert self.free.wait(PATIENCE)
        return super().step(*what)


def test_what_is_too_much_waits_is_dropped_and_counted_and_rows_stay_true(start: Floors) -> None:
    stuck = Stuck()
    config = replace(Config(), capture=CaptureConfig(ring=2.0))
    floor, ear = start(stuck, config), Ear()
    stream = floor.open("call", 0, ear)
    audio = speech_like(20.0)
    write(stream, audio[:40_000])
    assert stuck.called.wait(PATIENCE)
    write(stream, audio[40_000:])
    assert floor.health().dropped > 5.0
    assert stream.account().waiting > 0
    stuck.free.set()
    stream.close()
    wait_until(lambda: ear.account, PATIENCE, "the end")
    assert ear.account is not None
    assert ear.account.received == len(audio)
    assert ear.account.analysed + ear.account.dropped == len(audio)
    assert ear.account.dropped > 5 * 16_000
    assert ear.rows[-1].end == pytest.approx(20.0, abs=0.3), "times of rows are the stream's"
    floor.stop()
    assert floor.join(PATIENCE)
    assert floor.health().dropped == ear.account.dropped / 16_000


def test_an_aborted_floor_counts_what_it_never_heard(start: Floors) -> None:
    stuck = Stuck()
    floor, ear = start(stuck), Ear()
    stream = floor.open("call", 0, ear)
    write(stream, speech_like(3.0))
    assert stuck.called.wait(PATIENCE)
    write(stream, speech_like(5.0))
    floor.abort()
    stuck.free.set()
    assert floor.join(PATIENCE)
    assert ear.account is not None
    assert ear.account.received == 8 * 16_000
    assert ear.account.waiting == 0
    (seen,) = stuck.samples.values()
    assert seen <= ear.account.analysed <= seen + 16_000, "speech that no network has seen"


def test_a_listener_that_fails_ends_its_stream_and_no_other() -> None:
    class Broken(Ear):
        def row(self, row: TimelineRow) -> None:
            super().row(row)
            raise ZeroDivisionError("broken listener")

    fake, faults, broken, other = recognizer(), list[Exception](), Broken(), Ear()
    floor = Floor(fake, pipeline_factory(Config(), fake), Config(), on_fault=faults.append)
    floor.start()
    try:
        stream, beside = floor.open("call", 0, broken), floor.open("beside", 0, other)
        write(stream, CALL)
        write(beside, CALL)
        wait_until(lambda: broken.account, PATIENCE, "the end of the stream")
        beside.close()
        wait_until(lambda: other.account, PATIENCE, "the end of the other")
    finally:
        floor.stop()
    assert floor.join(PATIENCE)
    assert [str(fault) for fault in faults] == ["broken listener"]
    assert len(broken.rows) == 1
    assert [row.kind for row in other.rows].count("utterance") == 2
    assert fake.open_slots == set()


def test_a_stretched_hop_makes_fewer_rows_over_the_same_speech() -> None:
    config = Config(recognizer=RecognizerConfig(hop=0.5), floor=FloorConfig(max_hop=1.0))
    fake = recognizer()
    make = pipeline_factory(config, fake)
    pipelines = [make("call", 0, SystemClock().utc()) for _ in range(2)]
    pipelines[1].stretch = 2
    ends: list[list[float]] = []
    for pipeline in pipelines:
        pipeline.push(AudioBlock(np.concatenate([speech_like(4.2), silence(1.0)]), 0, None))
        pipeline.flush()
        slot, rows = fake.open(), []
        while (piece := pipeline.due()) is not None:
            (found,) = recognize_batch(fake, [DuePiece(pipeline, slot, piece)], lambda: 0.0)
            rows += found
        ends.append([row.end for row in rows if row.kind == "window"])
    often, rarely = ends
    assert rarely == often[1::2]


def test_an_aborted_floor_ends_though_nobody_takes_what_it_has_to_say(
    start: Floors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floor_module, "EVENTS_WAITING", 2)
    blocked, free = threading.Event(), threading.Event()

    class Slow(Ear):
        def row(self, row: TimelineRow) -> None:
            blocked.set()
            assert free.wait(PATIENCE)

    floor, ears = start(), [Slow() for _ in range(4)]
    for i, ear in enumerate(ears):
        write(floor.open(f"call-{i}", 0, ear), CALL)
    assert blocked.wait(PATIENCE)
    floor.abort()
    free.set()
    assert floor.join(PATIENCE)
    assert all(ear.account is not None for ear in ears), "somebody waits for the end for ever"
