"""Threads and queues around the chains of one source.

    capture thread:  source -> intake -> ring of each stream
    worker thread:   rings -> pipelines -> recogniser (batched) -> rows
    output thread:   rows -> sinks

``stop`` drains: the source stops, the rings close, detectors flush, and an end marker follows the
last row. ``abort`` drops what is under way. ``join`` waits for all threads and raises the first
error of any of them in the caller's thread.
"""

from __future__ import annotations

import queue
import threading
import time
from contextlib import ExitStack, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from realtime_ser.clock import SystemClock, to_seconds
from realtime_ser.delivery import Delivery
from realtime_ser.engine.analysis import Stream, due_batch, listen, run_batch
from realtime_ser.errors import ConfigError
from realtime_ser.intake import Intake
from realtime_ser.marks import Mark
from realtime_ser.ring import RingBuffer
from realtime_ser.stats import CpuMeter, EngineState, Health, LoadMeter
from realtime_ser.timeline import no_speech_yet
from realtime_ser.types import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from realtime_ser.batching import DuePiece
    from realtime_ser.capture.source import Source, SourceInfo
    from realtime_ser.clock import Clock
    from realtime_ser.config import Config
    from realtime_ser.pipeline import PipelineFactory
    from realtime_ser.recognizer import Recognizer
    from realtime_ser.sinks.sink import Sink
    from realtime_ser.stats import Stamps
    from realtime_ser.types import TimelineRow

POLL = 0.1
"""Seconds after which a waiting thread looks whether it shall end."""
ROWS_WAITING = 4096
"""Rows that may wait for slow sinks before analysis has to wait too."""


class Engine:
    """Runs one source through the recogniser into sinks."""

    def __init__(
        self,
        source: Source,
        recognizer: Recognizer,
        make_pipeline: PipelineFactory,
        config: Config,
        sinks: Sequence[Sink],
        *,
        clock: Clock | None = None,
        device: str = "cpu",
        model: str = "",
        model_version: str = "",
        cpu_time: Callable[[], float] = time.process_time,
    ) -> None:
        self._source = source
        self._recognizer = recognizer
        self._make_pipeline = make_pipeline
        self._config = config
        self._delivery = Delivery(sinks)
        self._clock: Clock = clock or SystemClock()
        self._device = device
        self._model = model
        self._model_version = model_version
        self._cpu_time = cpu_time
        self._cpu = CpuMeter()
        self._info: SourceInfo | None = None
        self._streams: list[Stream] = []
        self._rows: queue.Queue[tuple[TimelineRow, Stamps] | Mark | None] = queue.Queue(
            ROWS_WAITING
        )
        self._data = threading.Event()
        self._stopping = threading.Event()
        self._aborting = threading.Event()
        self._paused = threading.Event()
        self._lock = threading.Lock()
        self._error: BaseException | None = None
        self._threads: list[threading.Thread] = []
        self._started_at = 0.0
        self._load = LoadMeter()
        self._heard = 0.0
        """Seconds of audio that the worker has taken in, of the stream that had most."""
        self._idle = 0.0
        """Seconds that the worker has waited for others."""
        self._marking = threading.Lock()
        self._marked_out = False
        """No mark is taken any more."""

    def open(self) -> SourceInfo:
        """Open the source, then the sinks; ``start`` must follow.

        Raises:
            SourceError, SinkError: what cannot be opened; nothing is open then. See
                ``Delivery.open``.
            ConfigError: no channel is left to listen to.
        """
        info = self._source.open()
        with ExitStack() as undo:
            undo.callback(self._source.close)
            self._channels(info)
            self._delivery.open(undo)
            self._info = info
            self._started_at = self._clock.monotonic()
            self._make_streams(info)
            undo.pop_all()
        return info

    def start(self) -> SourceInfo:
        """Start the threads; open everything first where that has not been done.

        Raises:
            RealtimeSerError: see ``open``.
        """
        info = self.open() if self._info is None else self._info
        for name, run in (
            ("capture", self._capture),
            ("worker", self._work),
            ("output", self._output),
        ):
            thread = threading.Thread(target=self._guard, args=(run,), name=f"realtime-ser-{name}")
            self._threads.append(thread)
            thread.start()
        return info

    def stop(self) -> None:
        """End the source; everything captured so far still reaches the sinks."""
        self._stopping.set()
        self._data.set()

    def abort(self) -> None:
        """End now; audio under way is dropped, rows that were made are written."""
        self._aborting.set()
        self.stop()

    def pause(self) -> None:
        """Stop to listen: a live source's audio is left out, a file waits."""
        self._paused.set()

    def resume(self) -> None:
        """Listen again."""
        self._paused.clear()

    def mark(self, mark: Mark) -> bool:
        """Put a mark into the timeline, as an alert; False when it cannot be taken any more.

        See ``marked`` for what to do then.
        """
        if self._state() not in ("running", "paused") or self._stopping.is_set():
            return False
        with self._marking:
            try:
                if not self._marked_out:
                    self._rows.put_nowait(mark)
            except queue.Full:
                return False
            return not self._marked_out

    def marked(self, mark: Mark) -> TimelineRow:
        """The row that a mark becomes: for one that came when the run had ended."""
        return self._delivery.marked(mark)

    def uncertain_below(self, confidence: float) -> None:
        """From the next row on, say ``uncertain`` below this confidence."""
        for stream in self._streams:
            stream.pipeline.timeline.uncertain_below = confidence

    def add_sink(self, sink: Sink) -> None:
        """Hand rows to one more sink, which is open; see ``Delivery.add``."""
        self._delivery.add(sink)

    def remove_sink(self, sink: Sink) -> None:
        """Hand no more rows to a sink, which stays open."""
        self._delivery.remove(sink)

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most ``timeout`` seconds; True when all threads have ended.

        Raises:
            The first error of any thread.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                return False
        if self._error is not None:
            raise self._error
        return True

    def health(self) -> Health:
        """A picture of the whole engine; from any thread, cheap."""
        info, source = self._info, self._source.health()
        now = self._clock.monotonic()
        with self._lock:
            cpu = self._cpu.share(now, self._cpu_time())
        return Health(
            state=self._state(),
            source=info.name if info else "",
            sample_rate=info.sample_rate if info else 0,
            device=self._device,
            model=self._model,
            elapsed=now - self._started_at if info else 0.0,
            duration=info.duration if info else None,
            problem=source.problem,
            overflows=source.overflows,
            reopened=source.reopened,
            dropped=to_seconds(sum(stream.ring.dropped for stream in self._streams)),
            queue=to_seconds(max((s.ring.available for s in self._streams), default=0)),
            realtime_factor=self._load.factor(),
            latency=self._delivery.stages.total(),
            rows=self._delivery.rows,
            streams=tuple(stream.pipeline.status() for stream in self._streams),
            stages=self._delivery.stages.percentiles(),
            model_version=self._model_version,
            cpu=cpu,
        )

    def _make_streams(self, info: SourceInfo) -> None:
        capacity = round(self._config.capture.ring * SAMPLE_RATE)
        started = self._clock.utc() - timedelta(seconds=info.start)
        self._delivery.newest = no_speech_yet(info.name, self._clock.utc())
        self._streams = [
            Stream(
                ring=RingBuffer(capacity, blocking=not info.live, on_data=self._data),
                pipeline=self._make_pipeline(info.name, channel, started, live=info.live),
                slot=self._recognizer.open(),
            )
            for channel in (self._channels(info) or (0,))
        ]

    def _channels(self, info: SourceInfo) -> tuple[int, ...] | None:
        """Those that are listened to, each a stream; None: all of them, mixed."""
        capture = self._config.capture
        if capture.channels == "mix":
            return None
        kept = tuple(c for c in range(info.channels) if c not in capture.left_out)
        missing = [c for c in capture.left_out if c >= info.channels]
        if missing:  # whoever is to be left out would be heard in another channel
            raise ConfigError(
                f"{info.uri}: its channels are 0 to {info.channels - 1}, and capture.left_out "
                f"leaves out {missing[0]}; change that, or use audio with a channel a speaker"
            )
        if not kept:
            raise ConfigError(
                f"{info.uri}: capture.left_out leaves none of its {info.channels} channels; "
                "name fewer of them"
            )
        return kept

    def _state(self) -> EngineState:
        if self._error is not None:
            return "failed"
        if not self._threads:
            return "starting"
        if not any(thread.is_alive() for thread in self._threads):
            return "ended"
        return "paused" if self._paused.is_set() else "running"

    def _guard(self, run: Callable[[], None]) -> None:
        """Run a thread's work; its error becomes the engine's and ends the other threads."""
        try:
            run()
        except BaseException as error:  # noqa: BLE001 - raised again by join()
            self._note(error)
            if run == self._capture:
                self.stop()  # what was captured before the source broke is still analysed
            else:
                self.abort()

    def _note(self, error: BaseException) -> None:
        """The first error is the one that ``join`` raises."""
        with self._lock:
            if self._error is None:
                self._error = error

    # capture thread

    def _capture(self) -> None:
        assert self._info is not None
        with ExitStack() as ending:
            for stream in self._streams:
                ending.callback(stream.ring.close)
            ending.callback(self._source.close)
            intake = Intake(
                self._info,
                [stream.ring for stream in self._streams],
                channels=self._channels(self._info),
                abort=self._aborting,
            )
            self._feed(intake, live=self._info.live)
            intake.flush()

    def _feed(self, intake: Intake, *, live: bool) -> None:
        """Move blocks until the source ends or ``stop`` is called."""
        newest = self._clock.monotonic()
        while not self._stopping.is_set():
            paused = self._paused.is_set()
            if paused and not live:
                self._interrupt()
                self._clock.wait(self._stopping, POLL)
                continue
            try:
                block = self._source.read(POLL)
            except EOFError:
                return
            now = self._clock.monotonic()
            if block is None:
                if live and now - newest > self._config.capture.stall:
                    self._interrupt()
                continue
            newest = now
            if paused:
                intake.skip(len(block.samples) + block.lost)
                self._interrupt()
                continue
            for stream in self._streams:
                stream.interrupted.clear()
            intake.take(block)

    def _interrupt(self) -> None:
        """Have the worker close what is open: its rows are not to wait for the next audio."""
        for stream in self._streams:
            stream.interrupted.set()
        self._data.set()

    # worker thread

    def _work(self) -> None:
        try:
            while not self._aborting.is_set():
                began, heard, idle = self._clock.monotonic(), self._heard, self._idle
                active = self._listen()
                active = self._recognize() or active
                if active:
                    busy = self._clock.monotonic() - began - (self._idle - idle)
                    self._load.add(busy, self._heard - heard)
                elif all(stream.finished for stream in self._streams):
                    break
                else:
                    self._clock.wait(self._data, POLL)
                    self._data.clear()
        finally:
            for stream in self._streams:
                self._recognizer.close(stream.slot)
            self._put(None)

    def _listen(self) -> bool:
        """Move audio from the rings into the pipelines; False when there was nothing to do."""
        most = listen(self._streams)
        self._heard += to_seconds(most or 0)
        return most is not None

    def _recognize(self) -> bool:
        """Run batches until no stream is due; False when none was."""
        worked = False
        while not self._aborting.is_set():
            batch = self._due_batch([])
            if not batch:
                return worked
            if self._others_may_join(batch):
                self._wait(self._data, self._config.recognizer.max_wait)
                self._listen()
                batch = self._due_batch(batch)
            worked = True
            self._run_batch(batch)
        return worked

    def _others_may_join(self, batch: list[tuple[Stream, DuePiece]]) -> bool:
        """Some stream that is in speech is not due yet, and audio comes in real time."""
        assert self._info is not None
        speaking = sum(stream.pipeline.speaking for stream in self._streams)
        room = min(speaking, self._config.recognizer.max_batch_size)
        return self._info.live and len(batch) < room and self._config.recognizer.max_wait > 0.0

    def _due_batch(self, batch: list[tuple[Stream, DuePiece]]) -> list[tuple[Stream, DuePiece]]:
        limit = self._config.recognizer.max_batch_size
        return due_batch(self._streams, batch, limit, self._clock.monotonic())

    def _run_batch(self, batch: list[tuple[Stream, DuePiece]]) -> None:
        for _, row, stamps in run_batch(self._recognizer, batch, self._clock.monotonic):
            self._put((row, stamps))

    def _put(self, item: tuple[TimelineRow, Stamps] | None) -> None:
        """Hand a row (or the end marker) to the sinks; waits when they are far behind."""
        began = self._clock.monotonic()
        while True:
            try:
                self._rows.put(item, timeout=POLL)
                break
            except queue.Full:
                if self._aborting.is_set():
                    return
        self._idle += self._clock.monotonic() - began

    def _wait(self, event: threading.Event, timeout: float) -> None:
        began = self._clock.monotonic()
        self._clock.wait(event, timeout)
        self._idle += self._clock.monotonic() - began

    # output thread

    def _output(self) -> None:
        with ExitStack() as ending:
            self._delivery.close(ending)
            while True:
                try:
                    item = self._rows.get(timeout=POLL)
                except queue.Empty:
                    if self._aborting.is_set():
                        return
                    continue
                if item is None:
                    self._last_marks()
                    return
                if isinstance(item, Mark):
                    self._delivery.mark(item, self._sink_failed)
                    continue
                self._delivery.write(*item, self._clock.monotonic(), self._sink_failed)

    def _last_marks(self) -> None:
        """Those that came behind the end marker, while rows were still being written."""
        with self._marking, suppress(queue.Empty):
            self._marked_out = True
            while True:
                item = self._rows.get_nowait()
                if isinstance(item, Mark):
                    self._delivery.mark(item, self._sink_failed)

    def _sink_failed(self, error: Exception) -> None:
        """End in order: the other sinks get what is left."""
        self._note(error)
        self.stop()
