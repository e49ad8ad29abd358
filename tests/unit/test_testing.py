from __future__ import annotations

import threading

import numpy as np
import pytest

from realtime_ser.capture.source import SourceHealth
from realtime_ser.errors import SinkError, SourceError
from realtime_ser.testing import (
    CollectSink,
    ConstantRecognizer,
    ManualClock,
    ScriptedSource,
    blocks,
)
from realtime_ser.types import CapturedBlock


def a_block() -> CapturedBlock:
    return CapturedBlock(np.zeros((4, 1), np.float32), None)


def test_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(10.0)
    before = clock.utc()
    clock.advance(1.5)
    assert clock.monotonic() == 11.5
    assert (clock.utc() - before).total_seconds() == 1.5


@pytest.mark.parametrize("by", ["advance", "event"])
def test_manual_clock_wait_ends_by_advance_and_by_its_event(by: str) -> None:
    clock = ManualClock()
    wake = threading.Event()
    answers: list[bool] = []
    waiter = threading.Thread(target=lambda: answers.append(clock.wait(wake, 5)))
    waiter.start()
    waiter.join(0.05)
    assert waiter.is_alive()

    clock.advance(5) if by == "advance" else wake.set()
    waiter.join(5)

    assert answers == [by == "event"]


def test_automatic_clock_jumps_to_the_end_of_a_wait() -> None:
    clock = ManualClock(automatic=True)
    wake = threading.Event()
    assert not clock.wait(wake, 3600)
    assert clock.monotonic() == 3600
    wake.set()
    assert clock.wait(wake, 3600)
    assert clock.monotonic() == 3600


def test_manual_clock_that_nobody_advances_is_an_error_not_a_hang() -> None:
    clock = ManualClock(patience=0.02)
    with pytest.raises(TimeoutError, match="nobody advanced"):
        clock.wait(threading.Event(), 1)


def test_scripted_source_plays_its_script() -> None:
    health = SourceHealth(overflows=3, problem="dust")
    source = ScriptedSource([a_block(), 0.5, health, SourceError("x: gone"), a_block()])
    assert source.open().channels == 1
    assert source.read(1) is not None
    assert source.read(1) is None
    with pytest.raises(SourceError, match="gone"):
        source.read(1)
    assert source.health() == health
    assert source.read(1) is not None
    with pytest.raises(EOFError):
        source.read(1)
    source.close()
    assert (source.opened, source.closed, source.reads) == (1, 1, 5)


def test_scripted_source_keeps_the_pauses_of_a_clock() -> None:
    clock = ManualClock(automatic=True)
    source = ScriptedSource([2.5, a_block()], clock=clock)
    assert source.read(1.0) is None
    assert source.read(1.0) is None
    assert source.read(1.0) is not None
    assert clock.monotonic() == 2.5


def test_scripted_source_can_fail_to_open() -> None:
    with pytest.raises(SourceError, match="no such"):
        ScriptedSource([], open_error=SourceError("x: no such thing")).open()


def test_blocks_cut_and_stamp() -> None:
    cut = blocks(np.arange(1000), block_samples=400, captured_from=5.0)
    assert [b.samples.shape for b in cut] == [(400, 1), (400, 1), (200, 1)]
    assert [b.captured for b in cut] == pytest.approx([5.025, 5.05, 5.0625])


def test_constant_recognizer_remembers_and_refuses_what_the_real_one_refuses() -> None:
    fake = ConstantRecognizer(("happy", "sad"), (0.75, 0.25), scales=2)
    one, two = fake.open(), fake.open()
    fake.begin(one)
    piece = np.zeros(1600, np.float32)
    first, second = fake.step([one, two], [piece, np.tile(piece, 2)])
    assert first.window.tolist() == second.utterance.tolist() == [0.75, 0.25]
    assert first.scales.shape == (2, 2)
    assert fake.samples == {one: 1600, two: 3200}
    assert fake.begun == {one: 1, two: 0}
    assert fake.batches == [(one, two)]
    for slots, pieces in (([one, one], [piece, piece]), ([one], [piece[:100]]), ([9], [piece])):
        with pytest.raises(ValueError, match=r"slot|unit"):
            fake.step(slots, pieces)
    fake.close(one)
    with pytest.raises(ValueError, match="not open"):
        fake.begin(one)
    assert fake.open() == one


def test_collect_sink_fails_like_a_full_disk_when_told() -> None:
    sink = CollectSink(fail_after=0)
    sink.open()
    with pytest.raises(SinkError, match="disk is full"):
        sink.write(None)  # type: ignore[arg-type]
    sink.close()
    assert (sink.opened, sink.closed, sink.rows) == (1, 1, [])
