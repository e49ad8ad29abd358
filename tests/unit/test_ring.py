from __future__ import annotations

import threading
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_ser.ring import RingBuffer
from realtime_ser.types import SAMPLE_RATE
from tests.waiting import wait_until


def ramp(start: int, count: int) -> np.ndarray:
    """Samples that say which they are (exact in float32 up to 2**24)."""
    return np.arange(start, start + count, dtype=np.float32)


def test_what_is_written_is_read_with_its_position() -> None:
    ring = RingBuffer(100, blocking=False)
    ring.write(ramp(0, 30), captured=1.0)
    ring.write(ramp(30, 30), captured=2.0)

    block = ring.read(1000)

    assert block is not None
    assert (block.start_sample, block.end_sample, block.captured) == (0, 60, 2.0)
    np.testing.assert_array_equal(block.samples, ramp(0, 60))
    assert ring.read(1) is None


def test_a_block_is_a_copy_that_later_writes_do_not_touch() -> None:
    ring = RingBuffer(10, blocking=False)
    ring.write(ramp(0, 10), None)
    block = ring.read(10)
    ring.write(ramp(10, 10), None)

    assert block is not None
    np.testing.assert_array_equal(block.samples, ramp(0, 10))


def test_captured_of_a_partly_read_write_is_that_of_the_last_sample_read() -> None:
    ring = RingBuffer(SAMPLE_RATE, blocking=False)
    ring.write(ramp(0, 1600), captured=10.0)  # 0.1 s

    first, second = ring.read(400), ring.read(4000)

    assert first is not None
    assert second is not None
    assert first.captured == pytest.approx(10.0 - 0.075)
    assert second.captured == pytest.approx(10.0)


def test_captured_of_a_write_larger_than_the_space_is_that_of_the_stored_part() -> None:
    ring = RingBuffer(1600, blocking=True)
    blocks = []

    def read_all() -> None:
        while not ring.ended:
            block = ring.read(1600)
            if block is not None:
                blocks.append(block)

    reader = threading.Thread(target=read_all)
    reader.start()
    assert ring.write(ramp(0, 3200), captured=5.0)
    ring.close()
    reader.join(5)

    for block in blocks:
        assert block.captured == pytest.approx(5.0 - (3200 - block.end_sample) / SAMPLE_RATE)


def test_live_overload_drops_the_oldest_and_counts_it() -> None:
    ring = RingBuffer(100, blocking=False)
    ring.write(ramp(0, 80), None)
    ring.write(ramp(80, 50), None)

    block = ring.read(1000)

    assert ring.dropped == 30
    assert block is not None
    assert block.start_sample == 30
    np.testing.assert_array_equal(block.samples, ramp(30, 100))


def test_live_write_larger_than_the_buffer_keeps_its_newest_part() -> None:
    ring = RingBuffer(100, blocking=False)
    ring.write(ramp(0, 10), None)
    ring.write(ramp(10, 250), captured=3.0)

    block = ring.read(1000)

    assert ring.dropped == 160
    assert block is not None
    assert (block.start_sample, block.captured) == (160, 3.0)
    np.testing.assert_array_equal(block.samples, ramp(160, 100))


@pytest.mark.parametrize("gap", [1, 3600 * SAMPLE_RATE])
def test_missing_audio_is_a_jump_that_no_block_straddles(gap: int) -> None:
    ring = RingBuffer(100, blocking=False)
    ring.write(ramp(0, 20), captured=1.0)
    ring.skip(gap)
    ring.write(ramp(0, 20), captured=2.0)

    before, after = ring.read(1000), ring.read(1000)

    assert before is not None
    assert after is not None
    assert (before.start_sample, before.end_sample, before.captured) == (0, 20, 1.0)
    assert after.start_sample == 20 + gap
    assert ring.write_sample == after.end_sample
    assert ring.dropped == 0


def test_close_lets_the_reader_drain_and_then_says_ended() -> None:
    ring = RingBuffer(100, blocking=False)
    ring.write(ramp(0, 20), None)
    ring.close()

    assert not ring.write(ramp(20, 5), None)
    assert not ring.ended
    assert ring.read(15) is not None
    assert not ring.ended
    assert ring.read(15) is not None
    assert ring.ended
    assert ring.write_sample == 20


def test_on_data_wakes_one_reader_of_many_streams_for_audio_and_for_the_end() -> None:
    on_data = threading.Event()
    one = RingBuffer(100, blocking=False, on_data=on_data)
    other = RingBuffer(100, blocking=False, on_data=on_data)
    assert not on_data.is_set()

    one.write(ramp(0, 1), None)
    assert on_data.is_set()

    on_data.clear()
    one.write(ramp(0, 0), None)
    one.skip(5)
    assert not on_data.is_set()

    other.close()
    assert on_data.is_set()


def waiting_writer(
    ring: RingBuffer, abort: threading.Event | None
) -> tuple[threading.Thread, list]:
    answers: list[bool] = []
    writer = threading.Thread(target=lambda: answers.append(ring.write(ramp(10, 5), None, abort)))
    writer.start()
    return writer, answers


def test_a_writer_that_waits_for_space_goes_on_when_there_is_some() -> None:
    ring = RingBuffer(10, blocking=True)
    ring.write(ramp(0, 10), None)
    writer, answers = waiting_writer(ring, None)

    got = [ring.read(4)]
    writer.join(0.05)
    assert writer.is_alive()  # 4 of 5 fit
    got.append(ring.read(4))
    writer.join(5)

    assert answers == [True]
    got.append(ring.read(100))
    assert [b.start_sample for b in got if b is not None] == [0, 4, 8]
    np.testing.assert_array_equal(np.concatenate([b.samples for b in got if b]), ramp(0, 15))
    assert ring.dropped == 0


@pytest.mark.parametrize("way_out", ["close", "abort"])
def test_a_writer_that_waits_for_space_has_a_way_out(way_out: str) -> None:
    ring = RingBuffer(10, blocking=True)
    ring.write(ramp(0, 10), None)
    abort = threading.Event()
    writer, answers = waiting_writer(ring, abort)
    writer.join(0.05)
    assert writer.is_alive()

    ring.close() if way_out == "close" else abort.set()
    writer.join(5)

    assert answers == [False]
    assert ring.write_sample == 10


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        RingBuffer(0, blocking=False)
    ring = RingBuffer(1, blocking=False)
    with pytest.raises(ValueError, match="at least one"):
        ring.read(0)
    with pytest.raises(ValueError, match="backwards"):
        ring.skip(-1)


def test_memory_is_fixed_however_small_the_writes() -> None:
    ring = RingBuffer(50, blocking=False)
    for i in range(1000):
        ring.write(ramp(i, 1), None)
        ring.skip(1)

    assert ring.available == 50
    assert len(ring._runs) == 50  # the storage cannot be seen from outside


operations = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 25)),
        st.tuples(st.just("skip"), st.integers(0, 12)),
        st.tuples(st.just("read"), st.integers(1, 25)),
    ),
    max_size=60,
)


@settings(deadline=None, max_examples=300)
@given(capacity=st.integers(1, 16), blocking=st.booleans(), todo=operations)
def test_it_behaves_like_a_list(capacity: int, blocking: bool, todo: list[tuple[str, int]]) -> None:
    ring = RingBuffer(capacity, blocking=blocking)
    model: list[tuple[int, float]] = []  # (index, captured)
    position = read = dropped = skipped = 0
    for what, count in todo:
        if what == "skip":
            ring.skip(count)
            position += count
            skipped += count
        elif what == "write":
            if blocking:  # one thread: never write what would wait
                count = min(count, capacity - len(model))
            captured = (position + count) / SAMPLE_RATE
            assert ring.write(ramp(position, count), captured)
            model += [(i, (i + 1) / SAMPLE_RATE) for i in range(position, position + count)]
            position += count
            excess = max(0, len(model) - capacity)
            dropped += excess
            del model[:excess]
        else:
            block = ring.read(count)
            run = [m for i, m in enumerate(model[:count]) if m[0] == model[0][0] + i]
            del model[: len(run)]
            assert (block is None) == (not run)
            if block is not None:
                assert block.start_sample == run[0][0]
                assert block.samples.tolist() == [float(np.float32(i)) for i, _ in run]
                assert block.captured == pytest.approx(run[-1][1])
                read += len(run)
        assert ring.available == len(model)
        assert (ring.dropped, ring.skipped) == (dropped, skipped)
        assert ring.write_sample == position == read + dropped + skipped + len(model)


@pytest.mark.parametrize("blocking", [True, False])
def test_two_threads_lose_and_invent_nothing(blocking: bool) -> None:
    on_data = threading.Event()
    ring = RingBuffer(700, blocking=blocking, on_data=on_data)
    total = 200_000
    got: list[tuple[int, int]] = []
    wrong: list[int] = []

    def read_all() -> None:
        while not ring.ended:
            on_data.clear()
            while (block := ring.read(256)) is not None:
                if not np.array_equal(block.samples, ramp(block.start_sample, len(block.samples))):
                    wrong.append(block.start_sample)
                got.append((block.start_sample, block.end_sample))
            if not ring.ended:
                on_data.wait(5)

    reader = threading.Thread(target=read_all)
    reader.start()
    rng = np.random.default_rng(0)
    written = 0
    while written < total:
        count = min(int(rng.integers(1, 400)), total - written)
        ring.write(ramp(written, count), None)
        written += count
    ring.close()
    reader.join(30)

    assert not reader.is_alive()
    assert not wrong
    assert all(end <= start for (_, end), (start, _) in pairwise(got))
    assert sum(end - start for start, end in got) + ring.dropped == total == ring.write_sample
    if blocking:
        assert ring.dropped == 0


def test_a_block_costs_little() -> None:
    """A ring serves hundreds of streams from one worker; 512 samples must take microseconds."""
    ring = RingBuffer(160_000, blocking=False)
    block = ramp(0, 512)
    best = min(_seconds_of(ring, block) for _ in range(5))
    assert best / 1000 < 200e-6


def _seconds_of(ring: RingBuffer, block: np.ndarray) -> float:
    start = time.perf_counter()
    for _ in range(1000):
        ring.write(block, 0.0)
        ring.read(512)
    return time.perf_counter() - start


def test_wait_until_says_what_it_waited_for() -> None:
    with pytest.raises(AssertionError, match="the moon"):
        wait_until(lambda: False, 0.02, "the moon")
