"""Streams that come and go, as those of a server: hundreds of them through one worker.

    whoever has audio:  -> ring of a stream
    gate thread:        rings -> pipelines, as far as the pieces that are due
    inference thread:   pieces -> recogniser (batched) -> what happened
    output thread:      what happened -> the listener of the stream

The gate looks at all streams every 10 to 60 ms, and hears in one go those whose turn it is
(``hearing.py``). What is due when the network is free shares its next forward pass, the oldest
first. When there is more than can be done, rows become rarer for all streams alike, up to
``floor.max_hop``; then new streams are refused. What still is too much waits in the rings, whose
oldest audio is dropped and counted.
"""

from __future__ import annotations

import queue
import threading
import traceback
from typing import TYPE_CHECKING, Final, TypeAlias

from realtime_ser.clock import SystemClock, to_samples, to_seconds
from realtime_ser.delivery import emitted_row
from realtime_ser.engine.admission import Admission
from realtime_ser.engine.analysis import due_batch, run_batch
from realtime_ser.engine.hearing import PASS, by_load, hear_some
from realtime_ser.engine.line import Line
from realtime_ser.errors import RefusedError
from realtime_ser.ring import RingBuffer
from realtime_ser.stats import FloorHealth, StageMeters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from realtime_ser.clock import Clock
    from realtime_ser.config import Config
    from realtime_ser.engine.line import Listener, StreamInput
    from realtime_ser.pipeline import PipelineFactory
    from realtime_ser.recognizer import Recognizer
    from realtime_ser.stats import Stamps
    from realtime_ser.types import TimelineRow

POLL: Final = 0.1
"""Seconds after which a waiting thread looks whether it shall end."""
LATENCIES: Final = 4096
"""Newest rows whose latency is told."""
EVENTS_WAITING: Final = 65_536
"""What may wait for the output thread before analysis has to wait, too."""

Event: TypeAlias = "tuple[Line, float] | tuple[Line, TimelineRow, Stamps] | tuple[Line]"
"""Speech started at; a row; the end."""


class Floor:
    """Runs any number of streams; any thread may open and feed them."""

    def __init__(
        self,
        recognizer: Recognizer,
        make_pipeline: PipelineFactory,
        config: Config,
        *,
        clock: Clock | None = None,
        on_fault: Callable[[Exception], None] = traceback.print_exception,
    ) -> None:
        """Prepare.

        Args:
            recognizer: used by one thread of the floor.
            make_pipeline: makes the chain of a stream.
            config: limits, ring, batches.
            clock: of the streams.
            on_fault: told of what a listener raised, on the output thread. Its stream ends; the
                others go on.
        """
        self._on_fault = on_fault
        self._recognizer = recognizer
        self._make_pipeline = make_pipeline
        self._config = config
        self._clock: Clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._lines: list[Line] = []
        self._events: queue.Queue[Event] = queue.Queue(EVENTS_WAITING)
        self._ends: list[Line] = []
        """That found no room among the events."""
        self._data = threading.Event()
        self._stopping = threading.Event()
        self._aborting = threading.Event()
        self._due = threading.Event()
        """The gate has made a pass."""
        self._deaf = threading.Event()
        """The gate will make none any more."""
        self._mute = threading.Event()
        """Inference has nothing more to say."""
        self._inferred = 0.0
        """Seconds that the inference thread has worked."""
        self._inferred_before = 0.0
        self._error: BaseException | None = None
        self._threads: list[threading.Thread] = []
        self._admission = Admission(config.floor, config.recognizer.hop)
        self._stages = StageMeters(LATENCIES)
        self._rows = 0
        self._dropped = 0
        """Samples of streams that have ended."""
        self._started_at = self._clock.monotonic()

    def start(self) -> None:
        """Start the threads."""
        self._started_at = self._clock.monotonic()
        for name, run in (
            ("gate", self._listen),
            ("inference", self._infer),
            ("output", self._output),
        ):
            thread = threading.Thread(target=self._guard, args=(run,), name=f"realtime-ser-{name}")
            self._threads.append(thread)
            thread.start()

    def open(self, name: str, channel: int, listener: Listener) -> StreamInput:
        """Take in one more stream, from any thread.

        Args:
            name: for the ``stream`` column.
            channel: for the ``channel`` column.
            listener: told of what is heard, on the output thread.

        Raises:
            RefusedError: the floor is full, too busy or ending.
        """
        with self._lock:
            if self._stopping.is_set():
                raise RefusedError("ending", f"{name}: the server is ending; try another one")
            self._admission.admit(name, len(self._lines))
            pipeline = self._make_pipeline(name, channel, self._clock.utc(), live=False)
            ring = RingBuffer(
                to_samples(self._config.capture.ring), blocking=False, on_data=self._data
            )
            line = Line(ring, pipeline, listener=listener)
            self._lines.append(line)
        self._data.set()
        return line

    def stop(self) -> None:
        """Take in no more streams, and close all: what was written is still analysed."""
        with self._lock:
            self._stopping.set()
            for line in self._lines:
                line.close()
        self._data.set()

    def abort(self) -> None:
        """End now; audio under way is dropped. Rows that were made are handed out, unless so many
        wait that there is no room for more."""
        self._aborting.set()
        self.stop()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most ``timeout`` seconds; True when all threads have ended.

        Raises:
            The first error of any thread.
        """
        deadline = None if timeout is None else SystemClock().monotonic() + timeout
        for thread in self._threads:
            left = None if deadline is None else max(0.0, deadline - SystemClock().monotonic())
            thread.join(left)
            if thread.is_alive():
                return False
        if self._error is not None:
            raise self._error
        return True

    def health(self) -> FloorHealth:
        """A picture of the whole floor; from any thread, cheap."""
        with self._lock:
            lines = list(self._lines)
            dropped = self._dropped + sum(line.account().dropped for line in lines)
        return FloorHealth(
            streams=len(lines),
            speaking=sum(line.pipeline.speaking for line in lines),
            capacity=self._admission.capacity,
            load=self._admission.load,
            hop=self._admission.hop,
            usual_hop=self._config.recognizer.hop,
            queue=to_seconds(max((line.ring.available for line in lines), default=0)),
            dropped=to_seconds(dropped),
            refused=self._admission.refused,
            rows=self._rows,
            latency=self._stages.total(),
            work=self._stages.work(),
            stages=self._stages.percentiles(),
            uptime=self._clock.monotonic() - self._started_at,
        )

    def _guard(self, run: Callable[[], None]) -> None:
        """Run a thread's work; its error becomes the floor's and ends the others."""
        try:
            run()
        except BaseException as error:  # noqa: BLE001 - raised again by join()
            with self._lock:
                self._error = self._error or error
            self.abort()

    # gate thread

    def _listen(self) -> None:
        """Hear what has arrived."""
        try:
            while not self._aborting.is_set():
                began = self._clock.monotonic()
                self._data.clear()
                lines = self._open_lines()
                hear_some(lines, self._admission, began)
                self._due.set()
                now = self._clock.monotonic()
                self._measure(now, now - began, lines)
                if lines:
                    next_pass = began + by_load(PASS, self._admission.load)
                    self._clock.wait(self._aborting, max(0.0, next_pass - now))
                elif self._stopping.is_set() and not self._open_lines():
                    return
                else:
                    self._clock.wait(self._data, POLL)
        finally:
            self._deaf.set()
            self._due.set()

    def _measure(self, now: float, listened: float, lines: Sequence[Line]) -> None:
        waiting = sorted(line.ring.available for line in lines)
        # Of most streams: one whose audio comes in bursts says nothing about the load.
        typical = waiting[3 * (len(waiting) - 1) // 4] if waiting else 0
        inferred = self._inferred
        work = max(listened, inferred - self._inferred_before)
        self._inferred_before = inferred
        with self._lock:  # whoever opens a stream asks it meanwhile
            self._admission.measure(now, work, to_seconds(typical), len(lines))

    # inference thread

    def _infer(self) -> None:
        """Recognise what is due, as much of it together as there is."""
        try:
            while not self._aborting.is_set():
                self._due.clear()
                deaf, lines = self._deaf.is_set(), self._open_lines()
                began = self._clock.monotonic()
                worked = self._recognize(lines)
                self._inferred += self._clock.monotonic() - began
                for line in [line for line in lines if line.finished and not line.pipeline.waiting]:
                    self._end(line)
                    worked = True
                if not worked:
                    if deaf:
                        return
                    self._clock.wait(self._due, POLL)
        finally:
            if not self._deaf.is_set():  # what the gate is doing now still counts
                self._aborting.set()
                self._deaf.wait()
            try:
                for line in self._open_lines():
                    self._end(line)
            finally:
                self._mute.set()

    def _recognize(self, lines: Sequence[Line]) -> bool:
        """Run one batch; False when nothing was due."""
        for line in lines:
            if line.slot < 0:
                line.slot = self._recognizer.open()
            # In this order: what began behind a piece that waits is told after its rows.
            since = line.pipeline.speaking_since
            if not line.pipeline.waiting:
                self._tell_speech(line, since)
        limit = min(self._config.recognizer.max_batch_size, self._recognizer.at_once)
        batch = due_batch(lines, [], limit, self._clock.monotonic())
        if not batch:
            return False
        for line, due in batch:
            self._tell_speech(line, due.piece.segment_start)
        for line, row, stamps in run_batch(self._recognizer, batch, self._clock.monotonic):
            self._put((line, row, stamps))
        return True

    def _tell_speech(self, line: Line, start_sample: int | None) -> None:
        if start_sample is not None and start_sample > line.told:
            line.told = start_sample
            self._put((line, to_seconds(start_sample)))

    def _end(self, line: Line) -> None:
        """Forget a stream; what of its audio still waits is lost."""
        if line.slot >= 0:
            self._recognizer.close(line.slot)
        line.ring.close()
        line.unheard = line.pipeline.unheard
        line.over = True
        with self._lock:
            self._lines.remove(line)
            self._dropped += line.account().dropped
        if not self._put((line,)):
            self._ends.append(line)

    def _put(self, event: Event) -> bool:
        """False where nobody takes it and the floor is aborted."""
        while True:
            try:
                self._events.put(event, timeout=POLL)
                return True
            except queue.Full:
                if self._aborting.is_set():
                    return False

    def _open_lines(self) -> list[Line]:
        with self._lock:
            return list(self._lines)

    # output thread

    def _output(self) -> None:
        while True:
            last = self._mute.is_set()
            try:
                event = self._events.get(timeout=POLL)
            except queue.Empty:
                if last:
                    break
                continue
            match event:
                case (line, float(start)):
                    self._tell(line, line.listener.speech_started, start)
                case (line, row, stamps):
                    self._hand_out(line, row, stamps)
                case (line,):
                    self._tell(line, line.listener.ended, line.account(), always=True)
        for line in self._ends:
            self._tell(line, line.listener.ended, line.account(), always=True)

    def _tell(
        self, line: Line, tell: Callable[..., None], *given: object, always: bool = False
    ) -> None:
        """Tell a listener; one that has failed is told of the end alone."""
        if line.failed and not always:
            return
        try:
            tell(*given)
        except Exception as error:  # noqa: BLE001 - a fault of ours, which is not the others'
            line.failed = True
            line.close()
            self._on_fault(error)

    def _hand_out(self, line: Line, row: TimelineRow, stamps: Stamps) -> None:
        emitted = self._clock.monotonic()
        row = emitted_row(row, stamps, emitted)
        self._stages.add(stamps, emitted, row.latency_ms)
        self._rows += 1
        self._tell(line, line.listener.row, row)
