"""Fakes for tests of whatever is built on this package: a source, a clock, a recogniser, a sink.

They keep to the same protocols as the real ones, need numpy only, and remember what was done to
them.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from realtime_ser.capture.source import SourceHealth, SourceInfo
from realtime_ser.errors import SinkError
from realtime_ser.types import SAMPLE_RATE, AudioArray, CapturedBlock, Prediction, TimelineRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from realtime_ser.clock import Clock

_NOTICE = 0.01
"""Real seconds within which ``ManualClock.wait`` notices its event."""


class ManualClock:
    """Time that passes when a test says so. Implements ``Clock``."""

    def __init__(self, start: float = 0.0, *, automatic: bool = False, patience: float = 30.0):
        """Make one.

        Args:
            start: first value of ``monotonic``, in seconds.
            automatic: a wait does not wait, it moves the clock to where the wait would end. Whole
                scenarios then run in one thread at once.
            patience: real seconds after which a wait that nobody ends is an error.
        """
        self._now = start
        self._start = start
        self._automatic = automatic
        self._patience = patience
        self._moved = threading.Condition()

    def monotonic(self) -> float:
        """See ``Clock``."""
        with self._moved:
            return self._now

    def utc(self) -> datetime:
        """2026-01-01 when the clock was made; moves with it."""
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic() - self._start)

    def advance(self, seconds: float) -> None:
        """Let time pass, and wake those whose waits are over."""
        with self._moved:
            self._now += seconds
            self._moved.notify_all()

    def wait(self, wake: threading.Event, timeout: float) -> bool:
        """See ``Clock``.

        Raises:
            TimeoutError: neither ``advance`` nor the event ended the wait within ``patience``.
        """
        with self._moved:
            deadline = self._now + max(0.0, timeout)
            if self._automatic and not wake.is_set():
                self._now = deadline
                self._moved.notify_all()
            give_up = time.monotonic() + self._patience
            while not wake.is_set() and self._now < deadline:
                if time.monotonic() > give_up:
                    raise TimeoutError(f"nobody advanced the clock from {self._now} to {deadline}")
                self._moved.wait(_NOTICE)
        return wake.is_set()


Step = CapturedBlock | SourceHealth | float | Exception
"""A block to deliver, a new ``health``, seconds in which nothing comes, or an error to raise."""


class ScriptedSource:
    """Plays a script, then ends. Implements ``Source``."""

    def __init__(
        self,
        script: Iterable[Step],
        *,
        sample_rate: int = SAMPLE_RATE,
        channels: int = 1,
        live: bool = False,
        name: str = "script",
        clock: Clock | None = None,
        open_error: Exception | None = None,
    ) -> None:
        """Write a script.

        Args:
            script: taken a step at a time, so it may be a generator. An exception is raised once;
                a caller that goes on gets the steps behind it.
            sample_rate: of the blocks, Hz.
            channels: of the blocks.
            live: what ``info`` says.
            name: what ``info`` says.
            clock: pauses last as long as it says. Without one a pause is one ``read`` that
                returns None.
            open_error: raised by ``open``.
        """
        self.info = SourceInfo(f"script:{name}", name, sample_rate, channels, live)
        self.opened = 0
        self.closed = 0
        self.reads = 0
        self._script = iter(script)
        self._clock = clock
        self._open_error = open_error
        self._health = SourceHealth()
        self._pause_ends: float | None = None
        self._never = threading.Event()

    def open(self) -> SourceInfo:
        """See ``Source.open``."""
        self.opened += 1
        if self._open_error is not None:
            raise self._open_error
        return self.info

    def read(self, timeout: float) -> CapturedBlock | None:
        """See ``Source.read``: the next step of the script."""
        self.reads += 1
        if self._pause_ends is not None and not self._pause_over(timeout):
            return None
        for step in self._script:
            if isinstance(step, CapturedBlock):
                return step
            if isinstance(step, Exception):
                raise step
            if isinstance(step, SourceHealth):
                self._health = step
            elif self._clock is None:
                return None
            else:
                self._pause_ends = self._clock.monotonic() + step
                if not self._pause_over(timeout):
                    return None
        raise EOFError

    def close(self) -> None:
        """See ``Source.close``."""
        self.closed += 1

    def health(self) -> SourceHealth:
        """See ``Source.health``: the last one in the script so far."""
        return self._health

    def _pause_over(self, timeout: float) -> bool:
        assert self._clock is not None
        assert self._pause_ends is not None
        ahead = self._pause_ends - self._clock.monotonic()
        if ahead > 0:
            self._clock.wait(self._never, min(ahead, timeout))
            if self._clock.monotonic() < self._pause_ends:
                return False
        self._pause_ends = None
        return True


def blocks(
    samples: AudioArray,
    *,
    sample_rate: int = SAMPLE_RATE,
    block_samples: int = 512,
    captured_from: float | None = None,
) -> list[CapturedBlock]:
    """Cut audio into the blocks of a source.

    Args:
        samples: (n,) or (n, channels).
        sample_rate: Hz.
        block_samples: length of a block; the last may be shorter.
        captured_from: monotonic seconds at which the first sample was captured, or None.
    """
    table = samples.reshape(len(samples), -1).astype(np.float32)
    return [
        CapturedBlock(
            table[start : start + block_samples],
            None
            if captured_from is None
            else captured_from + min(start + block_samples, len(table)) / sample_rate,
        )
        for start in range(0, len(table), block_samples)
    ]


class ConstantRecognizer:
    """Says the same of everything, and remembers what it was given. Implements ``Recognizer``."""

    def __init__(
        self,
        classes: Sequence[str] = ("angry", "happy", "neutral", "sad"),
        probabilities: Sequence[float] | None = None,
        *,
        unit_samples: int = 1600,
        scales: int = 3,
    ) -> None:
        """Choose what it says.

        Args:
            classes: names of emotions.
            probabilities: one a class; all alike when None.
            unit_samples: pieces must be whole multiples of it.
            scales: rows of ``Prediction.scales``.
        """
        self.classes: tuple[str, ...] = tuple(classes)
        self.unit_samples = unit_samples
        self.at_once = 65_536
        self.probabilities = np.asarray(
            [1 / len(self.classes)] * len(self.classes) if probabilities is None else probabilities,
            np.float32,
        )
        if len(self.probabilities) != len(self.classes):
            raise ValueError("one probability a class")
        self.open_slots: set[int] = set()
        self.batches: list[tuple[int, ...]] = []
        """The slots of every call of ``step``."""
        self.begun: dict[int, int] = {}
        """Slot -> calls of ``begin``."""
        self.samples: dict[int, int] = {}
        """Slot -> samples taken since it was opened."""
        self._scales = scales

    def open(self) -> int:
        """See ``Recognizer.open``: the lowest free slot."""
        slot = next(i for i in range(len(self.open_slots) + 1) if i not in self.open_slots)
        self.open_slots.add(slot)
        self.begun[slot] = self.samples[slot] = 0
        return slot

    def close(self, slot: int) -> None:
        """See ``Recognizer.close``."""
        self.open_slots.remove(slot)

    def begin(self, slot: int) -> None:
        """See ``Recognizer.begin``."""
        self._must_be_open(slot)
        self.begun[slot] += 1

    def finish(self, slots: Sequence[int]) -> None:
        """See ``Recognizer.finish``."""
        for slot in slots:
            self._must_be_open(slot)

    def step(
        self, slots: Sequence[int], pieces: Sequence[AudioArray], ends: Sequence[bool] = ()
    ) -> list[Prediction]:
        """See ``Recognizer.step``.

        Raises:
            ValueError: what the real one refuses: a slot twice or not open, a piece that is no
                multiple of a unit.
        """
        if len(set(slots)) != len(slots) or not len(slots) == len(pieces) == len(ends or pieces):
            raise ValueError("one piece for each of distinct slots")
        for slot, piece in zip(slots, pieces, strict=True):
            self._must_be_open(slot)
            if piece.ndim != 1 or len(piece) == 0 or len(piece) % self.unit_samples:
                raise ValueError(f"a piece of shape {piece.shape} is not a multiple of a unit")
            self.samples[slot] += len(piece)
        self.batches.append(tuple(slots))
        return [
            Prediction(
                window=self.probabilities.copy(),
                utterance=self.probabilities.copy(),
                scales=np.tile(self.probabilities, (self._scales, 1)),
            )
            for _ in slots
        ]

    def _must_be_open(self, slot: int) -> None:
        if slot not in self.open_slots:
            raise ValueError(f"slot {slot} is not open")


class CollectSink:
    """Keeps rows. Implements ``Sink``."""

    def __init__(self, *, fail_after: int | None = None) -> None:
        """Make an empty one.

        Args:
            fail_after: rows after which ``write`` fails like a full disk.
        """
        self.rows: list[TimelineRow] = []
        self.checked = 0
        self.opened = 0
        self.closed = 0
        self._fail_after = fail_after

    def check(self) -> None:
        """See ``Sink.check``."""
        self.checked += 1

    def open(self) -> None:
        """See ``Sink.open``."""
        self.opened += 1

    def write(self, row: TimelineRow) -> None:
        """See ``Sink.write``.

        Raises:
            SinkError: after ``fail_after`` rows.
        """
        if self._fail_after is not None and len(self.rows) >= self._fail_after:
            raise SinkError("collected rows: the disk is full; free some space")
        self.rows.append(row)

    def close(self) -> None:
        """See ``Sink.close``."""
        self.closed += 1
