"""[2] One stream's audio between the thread that captures and the thread that analyses.

One writer, one reader, bounded memory. Positions are absolute sample indices since the stream's
start; audio that is missing (an outage, an overload) is a jump of the index, never stored zeros.
State is decided under one lock; what is copied under it is small (a block).
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np

from realtime_ser.types import SAMPLE_RATE, AudioArray, AudioBlock

_AT_FIRST = SAMPLE_RATE // 2
"""Samples of memory of a new buffer; it grows when the reader is further behind."""
_ABORT_CHECK = 0.1
"""Seconds after which a waiting writer looks at its abort event, which cannot wake it itself."""


@dataclass(slots=True)
class _Run:
    """The unread part of one write."""

    start_sample: int
    length: int
    captured: float | None
    """Of its last sample."""


class RingBuffer:
    """Holds at most ``capacity_samples`` of one stream at ``SAMPLE_RATE``, float32.

    Every sample that was ever announced is accounted for once:
    ``write_sample == read + dropped + skipped + available``.
    """

    def __init__(
        self, capacity_samples: int, *, blocking: bool, on_data: threading.Event | None = None
    ) -> None:
        """Make an empty buffer.

        Args:
            capacity_samples: at least 1.
            blocking: True: ``write`` waits for space (files). False: the oldest audio makes room
                and is counted in ``dropped`` (live sources).
            on_data: set whenever there is something new for the reader: audio, or the end. May be
                shared, so that one thread waits for many streams.
        """
        if capacity_samples < 1:
            raise ValueError("a ring buffer holds at least one sample")
        self._capacity = capacity_samples
        self._storage = np.zeros(min(capacity_samples, _AT_FIRST), np.float32)
        self._blocking = blocking
        self._on_data = threading.Event() if on_data is None else on_data
        self._changed = threading.Condition()
        self._runs: deque[_Run] = deque()
        self._head = 0
        """Where in the storage the oldest unread sample lies."""
        self._available = 0
        self._write_sample = 0
        self._dropped = 0
        self._skipped = 0
        self._closed = False

    @property
    def available(self) -> int:
        """Samples waiting for the reader."""
        with self._changed:
            return self._available

    @property
    def dropped(self) -> int:
        """Samples lost because the reader did not keep up."""
        with self._changed:
            return self._dropped

    @property
    def skipped(self) -> int:
        """Samples that never arrived at the writer."""
        with self._changed:
            return self._skipped

    @property
    def write_sample(self) -> int:
        """Index of the next sample to be written."""
        with self._changed:
            return self._write_sample

    @property
    def ended(self) -> bool:
        """Closed, and everything has been read."""
        with self._changed:
            return self._closed and self._available == 0

    def worth_reading(self, until: int, most: int) -> bool:
        """Whether audio up to sample ``until`` is there, ``most`` samples, or all that will be."""
        with self._changed:
            if self._closed:
                return True
            return self._available >= most or (self._available > 0 and self._write_sample >= until)

    def totals(self) -> tuple[int, int, int]:
        """Samples that were received, dropped, and are waiting; of one moment."""
        with self._changed:
            return self._write_sample - self._skipped, self._dropped, self._available

    def write(
        self, samples: AudioArray, captured: float | None, abort: threading.Event | None = None
    ) -> bool:
        """Append audio.

        Args:
            samples: (n,), any n.
            captured: monotonic seconds at which the last of them was captured, or None.
            abort: gives up waiting for space within 0.1 s once it is set. ``close`` from another
                thread does so at once.

        Returns:
            False when the buffer was closed or the abort event was set before all of it was taken;
            the rest is then not counted as written.
        """
        done = 0
        while done < len(samples):
            with self._changed:
                if not self._wait_for_space(abort):
                    return False
                done += self._take(samples, done, captured)
            self._on_data.set()
        return True

    def skip(self, samples: int) -> None:
        """Announce samples that are missing: the index advances, nothing is stored."""
        if samples < 0:
            raise ValueError("cannot skip backwards")
        with self._changed:
            if not self._closed:
                self._write_sample += samples
                self._skipped += samples

    def read(self, max_samples: int) -> AudioBlock | None:
        """Take the oldest audio, without waiting.

        Returns:
            A block of 1 to ``max_samples`` samples that follow one another without a gap, or None
            when nothing is waiting. ``captured`` is the capture time of its last sample.
        """
        if max_samples < 1:
            raise ValueError("read at least one sample")
        with self._changed:
            if not self._runs:
                return None
            start = end = self._runs[0].start_sample
            limit = start + max_samples
            captured: float | None = None
            while self._runs and self._runs[0].start_sample == end < limit:
                run = self._runs[0]
                taken = min(run.length, limit - end)
                end += taken
                left = run.length - taken
                captured = None if run.captured is None else run.captured - left / SAMPLE_RATE
                if left:
                    run.start_sample, run.length = end, left
                else:
                    self._runs.popleft()
            samples = self._copy_out(end - start)
            self._advance(end - start)
            self._changed.notify_all()
        return AudioBlock(samples, start, captured)

    def close(self) -> None:
        """End the stream: later writes are refused, the reader drains. Wakes a waiting writer."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._on_data.set()

    def _wait_for_space(self, abort: threading.Event | None) -> bool:
        """Wait until something can be taken; False when nothing ever will be."""
        while not self._closed and not (abort is not None and abort.is_set()):
            if not self._blocking or self._available < self._capacity:
                return True
            self._changed.wait(None if abort is None else _ABORT_CHECK)
        return False

    def _take(self, samples: AudioArray, done: int, captured: float | None) -> int:
        """Store as much of samples[done:] as fits now; how many of them are dealt with."""
        capacity = self._capacity
        remaining = len(samples) - done
        if self._blocking:
            stored = min(remaining, capacity - self._available)
            too_old = 0
        else:
            stored = min(remaining, capacity)
            too_old = remaining - stored
            self._drop(self._available + stored - capacity)
        self._dropped += too_old
        self._write_sample += too_old
        first = done + too_old
        left = len(samples) - first - stored
        self._copy_in(samples[first : first + stored])
        self._runs.append(
            _Run(
                self._write_sample,
                stored,
                None if captured is None else captured - left / SAMPLE_RATE,
            )
        )
        self._write_sample += stored
        self._available += stored
        return too_old + stored

    def _drop(self, excess: int) -> None:
        """Make room by forgetting the oldest samples."""
        if excess <= 0:
            return
        self._dropped += excess
        self._advance(excess)
        while excess:
            run = self._runs[0]
            if run.length > excess:
                run.start_sample += excess
                run.length -= excess
                return
            excess -= run.length
            self._runs.popleft()

    def _advance(self, samples: int) -> None:
        self._head = (self._head + samples) % len(self._storage)
        self._available -= samples

    def _copy_in(self, samples: AudioArray) -> None:
        if self._available + len(samples) > len(self._storage):
            self._grow(self._available + len(samples))
        tail = (self._head + self._available) % len(self._storage)
        first = min(len(samples), len(self._storage) - tail)
        self._storage[tail : tail + first] = samples[:first]
        self._storage[: len(samples) - first] = samples[first:]

    def _grow(self, needed: int) -> None:
        larger = np.zeros(min(self._capacity, max(needed, 2 * len(self._storage))), np.float32)
        larger[: self._available] = self._copy_out(self._available)
        self._storage, self._head = larger, 0

    def _copy_out(self, count: int) -> AudioArray:
        first = min(count, len(self._storage) - self._head)
        if first == count:
            return self._storage[self._head : self._head + count].copy()
        return np.concatenate(
            [self._storage[self._head : self._head + first], self._storage[: count - first]]
        )
