"""Streams that come and go, as those of a server: hundreds of them through one worker.

    whoever has audio:  -> ring of a stream
    worker thread:      rings -> pipelines -> recogniser (batched) -> what happened
    output thread:      what happened -> the listener of the stream

The worker looks at all streams at once, some 25 times a second: what has arrived since is heard in
one go, and what is due shares a forward pass. When there is more than it can do, rows become rarer
for all streams alike, up to ``floor.max_hop``; then new streams are refused.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Final, TypeAlias

from realtime_ser.clock import SystemClock, to_samples, to_seconds
from realtime_ser.delivery import emitted_row
from realtime_ser.engine.admission import Admission
from realtime_ser.engine.analysis import due_batch, listen, run_batch
from realtime_ser.engine.line import Line
from realtime_ser.errors import RefusedError
from realtime_ser.ring import RingBuffer
from realtime_ser.stats import FloorHealth, StageMeters

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtime_ser.clock import Clock
    from realtime_ser.config import Config
    from realtime_ser.engine.line import Listener, StreamInput
    from realtime_ser.pipeline import PipelineFactory
    from realtime_ser.recognizer import Recognizer
    from realtime_ser.stats import Stamps
    from realtime_ser.types import TimelineRow

POLL: Final = 0.1
"""Seconds after which a waiting thread looks whether it shall end."""
PASS: Final = 0.04
"""Seconds from the start of one pass of the worker to that of the next, at least."""
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
    ) -> None:
        self._recognizer = recognizer
        self._make_pipeline = make_pipeline
        self._config = config
        self._clock: Clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._joining: list[Line] = []
        self._lines: list[Line] = []
        """The worker's own; others take a copy under the lock."""
        self._events: queue.Queue[Event | None] = queue.Queue(EVENTS_WAITING)
        self._data = threading.Event()
        self._stopping = threading.Event()
        self._aborting = threading.Event()
        self._never = threading.Event()
        self._error: BaseException | None = None
        self._threads: list[threading.Thread] = []
        self._admission = Admission(config.floor, config.recognizer.hop)
        self._stages = StageMeters()
        self._rows = 0
        self._dropped = 0
        """Samples of streams that have ended."""
        self._started_at = self._clock.monotonic()

    def start(self) -> None:
        """Start the threads."""
        self._started_at = self._clock.monotonic()
        for name, run in (("worker", self._work), ("output", self._output)):
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
            self._admission.admit(name, len(self._lines) + len(self._joining))
            pipeline = self._make_pipeline(name, channel, self._clock.utc(), live=False)
            ring = RingBuffer(
                to_samples(self._config.capture.ring), blocking=False, on_data=self._data
            )
            line = Line(ring, pipeline, listener=listener)
            self._joining.append(line)
        self._data.set()
        return line

    def stop(self) -> None:
        """Take in no more streams, and close all: what was written is still analysed."""
        with self._lock:
            self._stopping.set()
            for line in (*self._lines, *self._joining):
                line.close()
        self._data.set()

    def abort(self) -> None:
        """End now; audio under way is dropped, rows that were made are handed out."""
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
            lines = [*self._lines, *self._joining]
            dropped = self._dropped + sum(line.account().dropped for line in lines)
        return FloorHealth(
            streams=len(lines),
            speaking=sum(line.pipeline.speaking for line in lines),
            capacity=self._admission.capacity,
            load=self._admission.load,
            hop=self._admission.hop,
            queue=to_seconds(max((line.ring.available for line in lines), default=0)),
            dropped=to_seconds(dropped),
            refused=self._admission.refused,
            rows=self._rows,
            latency=self._stages.total(),
            stages=self._stages.percentiles(),
            uptime=self._clock.monotonic() - self._started_at,
        )

    def _guard(self, run: Callable[[], None]) -> None:
        """Run a thread's work; its error becomes the floor's and ends the other thread."""
        try:
            run()
        except BaseException as error:  # noqa: BLE001 - raised again by join()
            with self._lock:
                self._error = self._error or error
            self.abort()

    # worker thread

    def _work(self) -> None:
        try:
            while not self._aborting.is_set():
                began = self._clock.monotonic()
                self._data.clear()
                self._take_in()
                self._pass()
                self._let_go()
                now = self._clock.monotonic()
                waiting = max((line.ring.available for line in self._lines), default=0)
                self._admission.measure(now, now - began, to_seconds(waiting))
                if self._lines:
                    self._clock.wait(self._never, max(0.0, began + PASS - now))
                elif not self._stopping.is_set():
                    self._clock.wait(self._data, POLL)
                elif not self._joining:
                    break
        finally:
            for line in (*self._lines, *self._joining):
                self._end(line)
            self._put(None)

    def _take_in(self) -> None:
        with self._lock:
            for line in self._joining:
                line.slot = self._recognizer.open()
                self._lines.append(line)
            self._joining.clear()

    def _pass(self) -> None:
        """Hear what has arrived, and recognise until nothing is due."""
        for line in self._lines:
            line.pipeline.stretch = self._admission.stretch
        listen(self._lines)
        for line in self._lines:
            self._tell_speech(line, line.pipeline.speaking_since)
        limit = self._config.recognizer.max_batch_size
        while not self._aborting.is_set():
            batch = due_batch(self._lines, [], limit, self._clock.monotonic())
            if not batch:
                return
            for stream, due in batch:
                assert isinstance(stream, Line)
                self._tell_speech(stream, due.piece.segment_start)
            for stream, row, stamps in run_batch(self._recognizer, batch, self._clock.monotonic):
                assert isinstance(stream, Line)
                self._put((stream, row, stamps))

    def _tell_speech(self, line: Line, start_sample: int | None) -> None:
        if start_sample is not None and start_sample > line.told:
            line.told = start_sample
            self._put((line, to_seconds(start_sample)))

    def _let_go(self) -> None:
        """Streams that have been heard to their end; nothing of them is due any more."""
        if not any(line.finished for line in self._lines):
            return
        for line in [line for line in self._lines if line.finished]:
            self._end(line)

    def _end(self, line: Line) -> None:
        """Forget a stream; what of its audio still waits is lost."""
        if line.slot >= 0:
            self._recognizer.close(line.slot)
        line.ring.close()
        line.over = True
        with self._lock:
            if line in self._lines:
                self._lines.remove(line)
            self._dropped += line.account().dropped
        self._put((line,))

    def _put(self, event: Event | None) -> None:
        while True:
            try:
                self._events.put(event, timeout=POLL)
                return
            except queue.Full:
                if self._aborting.is_set():
                    return

    # output thread

    def _output(self) -> None:
        while (event := self._events.get()) is not None:
            match event:
                case (line, float(start)):
                    line.listener.speech_started(start)
                case (line, row, stamps):
                    self._hand_out(line, row, stamps)
                case (line,):
                    line.listener.ended(line.account())

    def _hand_out(self, line: Line, row: TimelineRow, stamps: Stamps) -> None:
        emitted = self._clock.monotonic()
        row = emitted_row(row, stamps, emitted)
        self._stages.add(stamps, emitted, row.latency_ms)
        self._rows += 1
        line.listener.row(row)
