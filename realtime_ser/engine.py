"""Threads and queues around the chain of every stream. The only file that owns any.

    capture thread:  source -> channels -> resampler -> ring of each stream
    worker thread:   rings -> pipelines -> recogniser (batched) -> rows
    output thread:   rows -> sinks

``stop`` drains: the source stops, the rings close, detectors flush, and an end marker follows the
last row. ``abort`` drops what is under way. ``join`` waits for all threads and raises the first
error of any of them in the caller's thread.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from realtime_ser.batching import DuePiece, recognize_batch
from realtime_ser.capture.resample import StreamResampler
from realtime_ser.clock import SystemClock, to_seconds
from realtime_ser.ring import RingBuffer
from realtime_ser.stats import EngineState, Health, LatencyMeter, LoadMeter
from realtime_ser.types import SAMPLE_RATE

if TYPE_CHECKING:
    from datetime import datetime

    from realtime_ser.capture.source import Source, SourceInfo
    from realtime_ser.clock import Clock
    from realtime_ser.config import Config
    from realtime_ser.pipeline import StreamPipeline
    from realtime_ser.recognizer import Recognizer
    from realtime_ser.sinks.sink import Sink
    from realtime_ser.types import AudioArray, TimelineRow

READ_TIMEOUT = 0.1
"""Seconds after which a thread looks whether it shall end."""
CHUNK = SAMPLE_RATE // 2
"""Most samples that one pass of the worker takes from a ring."""
ROWS_WAITING = 4096
"""Rows that may wait for slow sinks before analysis has to wait too."""

PipelineFactory = Callable[[str, int, "datetime"], "StreamPipeline"]
"""(stream name, channel, UTC of sample 0) -> the chain of that stream."""


@dataclass(slots=True)
class _Stream:
    ring: RingBuffer
    pipeline: StreamPipeline
    slot: int
    finished: bool = False


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
    ) -> None:
        self._source = source
        self._recognizer = recognizer
        self._make_pipeline = make_pipeline
        self._config = config
        self._sinks = sinks
        self._clock: Clock = clock or SystemClock()
        self._device = device
        self._model = model
        self._info: SourceInfo | None = None
        self._streams: list[_Stream] = []
        self._rows: queue.Queue[TimelineRow | None] = queue.Queue(ROWS_WAITING)
        self._data = threading.Event()
        self._stopping = threading.Event()
        self._aborting = threading.Event()
        self._paused = threading.Event()
        self._lock = threading.Lock()
        self._error: BaseException | None = None
        self._threads: list[threading.Thread] = []
        self._started_at = 0.0
        self._row_count = 0
        self._latency = LatencyMeter()
        self._load = LoadMeter()

    def start(self) -> SourceInfo:
        """Open the source, then the sinks, then start the threads.

        Raises:
            SourceError, SinkError: what cannot be opened; nothing runs then.
        """
        info = self._source.open()
        opened: list[Sink] = []
        try:
            for sink in self._sinks:
                sink.open()
                opened.append(sink)
        except BaseException:
            self._source.close()
            for sink in opened:
                sink.close()
            raise
        self._info = info
        self._started_at = self._clock.monotonic()
        started = self._clock.utc()
        split = self._config.capture.channels == "split"
        capacity = round(self._config.capture.ring * SAMPLE_RATE)
        self._streams = [
            _Stream(
                ring=RingBuffer(capacity, blocking=not info.live, on_data=self._data),
                pipeline=self._make_pipeline(info.name, channel, started),
                slot=self._recognizer.open(),
            )
            for channel in range(info.channels if split else 1)
        ]
        self._threads = [
            threading.Thread(target=self._guard, args=(run,), name=f"realtime-ser-{name}")
            for name, run in (
                ("capture", self._capture),
                ("worker", self._work),
                ("output", self._output),
            )
        ]
        for thread in self._threads:
            thread.start()
        return info

    def stop(self) -> None:
        """End the source; everything captured so far still reaches the sinks."""
        self._stopping.set()
        self._data.set()

    def abort(self) -> None:
        """End now; audio and rows under way are dropped, rows written stay."""
        self._aborting.set()
        self.stop()

    def pause(self) -> None:
        """Stop to listen: a live source's audio is left out, a file waits."""
        self._paused.set()

    def resume(self) -> None:
        """Listen again."""
        self._paused.clear()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end; True when all threads have ended.

        Raises:
            The first error of any thread.
        """
        for thread in self._threads:
            thread.join(timeout)
        if any(thread.is_alive() for thread in self._threads):
            return False
        if self._error is not None:
            raise self._error
        return True

    def health(self) -> Health:
        """A picture of the whole engine; from any thread, cheap."""
        info, source = self._info, self._source.health()
        return Health(
            state=self._state(),
            source=info.name if info else "",
            sample_rate=info.sample_rate if info else 0,
            device=self._device,
            model=self._model,
            elapsed=self._clock.monotonic() - self._started_at if info else 0.0,
            duration=info.duration if info else None,
            problem=source.problem,
            overflows=source.overflows,
            reopened=source.reopened,
            dropped=to_seconds(sum(stream.ring.dropped for stream in self._streams)),
            queue=to_seconds(max((s.ring.available for s in self._streams), default=0)),
            realtime_factor=self._load.factor(),
            latency=self._latency.percentiles(),
            rows=self._row_count,
            streams=tuple(stream.pipeline.status() for stream in self._streams),
        )

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
            with self._lock:
                if self._error is None:
                    self._error = error
            if run == self._capture:
                self.stop()  # what was captured before the source broke is still analysed
            else:
                self.abort()

    # capture thread

    def _capture(self) -> None:
        assert self._info is not None
        split = self._config.capture.channels == "split"
        resampler = StreamResampler(self._info.sample_rate, len(self._streams))
        try:
            while not self._stopping.is_set():
                if self._paused.is_set() and not self._info.live:
                    self._clock.wait(self._stopping, READ_TIMEOUT)
                    continue
                try:
                    block = self._source.read(READ_TIMEOUT)
                except EOFError:
                    break
                if block is None:
                    continue
                if self._paused.is_set():
                    self._skip(len(block.samples) + block.lost)
                    continue
                if block.lost:
                    self._deliver(resampler.flush(), None)
                    self._skip(block.lost)
                samples = block.samples
                if not split:
                    samples = samples.mean(axis=1, keepdims=True, dtype=np.float32)
                heard = resampler.process(samples)
                stamp = None if block.captured is None else block.captured - resampler.delay
                self._deliver(heard, stamp)
            self._deliver(resampler.flush(), None)
        finally:
            self._source.close()
            for stream in self._streams:
                stream.ring.close()

    def _skip(self, lost: int) -> None:
        assert self._info is not None
        if lost:
            for stream in self._streams:
                stream.ring.skip(round(lost * SAMPLE_RATE / self._info.sample_rate))

    def _deliver(self, samples: AudioArray, captured: float | None) -> None:
        for channel, stream in enumerate(self._streams):
            stream.ring.write(
                np.ascontiguousarray(samples[:, channel]), captured, abort=self._aborting
            )

    # worker thread

    def _work(self) -> None:
        try:
            while not self._aborting.is_set():
                began = self._clock.monotonic()
                heard = self._listen()
                worked = self._recognize()
                if heard or worked:
                    self._load.add(self._clock.monotonic() - began, to_seconds(heard))
                elif all(stream.finished for stream in self._streams):
                    break
                else:
                    self._clock.wait(self._data, READ_TIMEOUT)
                    self._data.clear()
        finally:
            for stream in self._streams:
                self._recognizer.close(stream.slot)
            self._put(None)

    def _listen(self) -> int:
        """Move audio from the rings into the pipelines; samples of the stream that had most."""
        most = 0
        for stream in self._streams:
            block = stream.ring.read(CHUNK)
            if block is not None:
                stream.pipeline.push(block)
                most = max(most, len(block.samples))
            elif stream.ring.ended and not stream.finished:
                stream.pipeline.finish()
                stream.finished = True
                most = max(most, 1)
        return most

    def _recognize(self) -> bool:
        """Run batches until no stream is due."""
        worked = False
        while not self._aborting.is_set():
            batch = self._due_batch([])
            if not batch:
                return worked
            if self._others_may_join(batch):
                self._clock.wait(self._data, self._config.recognizer.max_wait)
                self._listen()
                batch = self._due_batch(batch)
            worked = True
            self._run_batch(batch)
        return worked

    def _others_may_join(self, batch: list[DuePiece]) -> bool:
        """Some stream that is in speech is not due yet, and audio comes in real time."""
        assert self._info is not None
        speaking = sum(stream.pipeline.speaking for stream in self._streams)
        room = min(speaking, self._config.recognizer.max_batch_size)
        return self._info.live and len(batch) < room and self._config.recognizer.max_wait > 0.0

    def _due_batch(self, batch: list[DuePiece]) -> list[DuePiece]:
        """``batch`` and what else is due, one piece a stream: a piece needs the state before it."""
        taken = {due.slot for due in batch}
        for stream in self._streams:
            if len(batch) == self._config.recognizer.max_batch_size:
                break
            piece = None if stream.slot in taken else stream.pipeline.due()
            if piece is not None:
                batch.append(DuePiece(stream.pipeline, stream.slot, piece))
        return batch

    def _run_batch(self, batch: list[DuePiece]) -> None:
        # The latency column ends where rows are made: after inference.
        for rows in recognize_batch(self._recognizer, batch, self._clock.monotonic):
            for row in rows:
                if row.latency_ms is not None:
                    self._latency.add(row.latency_ms)
                self._put(row)

    def _put(self, row: TimelineRow | None) -> None:
        """Hand a row (or the end marker) to the sinks; waits when they are far behind."""
        while True:
            try:
                self._rows.put(row, timeout=READ_TIMEOUT)
                return
            except queue.Full:
                if self._aborting.is_set():
                    return

    # output thread

    def _output(self) -> None:
        try:
            while True:
                try:
                    row = self._rows.get(timeout=READ_TIMEOUT)
                except queue.Empty:
                    if self._aborting.is_set():
                        return
                    continue
                if row is None:
                    return
                for sink in self._sinks:
                    sink.write(row)
                self._row_count += 1
        finally:
            for sink in self._sinks:
                sink.close()
