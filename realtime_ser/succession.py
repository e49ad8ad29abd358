"""One engine after another over the same files: what a screen needs to switch while it runs."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Protocol

from realtime_ser.assembly import pipeline_factory
from realtime_ser.capture.file import FileSource
from realtime_ser.clock import SystemClock
from realtime_ser.engine import Engine
from realtime_ser.errors import ConfigError, RealtimeSerError
from realtime_ser.sinks.lasting import LastingSink
from realtime_ser.sinks.sink import Sink
from realtime_ser.stats import Turn
from realtime_ser.vad import make_vad

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from realtime_ser.alerts.webhook import WebhookSink
    from realtime_ser.capture.source import Source
    from realtime_ser.clock import Clock
    from realtime_ser.config import Config
    from realtime_ser.marks import Mark
    from realtime_ser.pipeline import PipelineFactory
    from realtime_ser.recognizer import NetworkRecognizer
    from realtime_ser.sinks.line_file import LineFileSink
    from realtime_ser.stats import Health

    SourceAt = Callable[[str, float], Source]
    """Makes the source of a name, to be played from a moment on."""


class View(Sink, Protocol):
    """A sink that is told when what comes does not follow on what came."""

    def turn(self, turn: Turn) -> None:
        """See ``Turn``; comes between the rows of two engines."""


Audio = Literal["new", "same", "moved"]
"""Another source; the same recording from where it is; the same from another moment on."""


class Succession:
    """Runs an engine, and another in its place. Files stay open in between.

    ``change`` and ``between`` take up to seconds and may be called from any thread; the rest
    returns at once.
    """

    def __init__(
        self,
        uri: str,
        open_source: SourceAt,
        recognizer: NetworkRecognizer,
        config: Config,
        view: View,
        logs: Sequence[LineFileSink],
        clock: Clock | None = None,
        webhook: WebhookSink | None = None,
    ) -> None:
        """Prepare the first engine; ``start`` begins it.

        Args:
            uri: of its source, as typed.
            open_source: makes this and other sources.
            recognizer: of it.
            config: of it.
            view: gets every row, too.
            logs: files to write, not open yet.
            clock: of all engines.
            webhook: gets the alerts; not open yet.
        """
        self.uri = uri
        self.recognizer = recognizer
        self.config = config
        self.clock: Clock = clock or SystemClock()
        self.open_source = open_source
        self.logs = {str(log.path): LastingSink(log) for log in logs}
        self._webhook = webhook
        self._others = [] if webhook is None else [LastingSink(webhook)]
        self.speed = 1.0
        self.paused = False
        self._view = view
        self._vad = make_vad(config.vad)
        self._changing = threading.Lock()
        self.leaving = threading.Event()
        self._run = self._jumps = self._rows = 0
        self._begun: float | None = None
        self.source = open_source(uri, 0.0)
        self.engine = self._make_engine(self.source)

    def start(self) -> None:
        """Begin to listen.

        Raises:
            RealtimeSerError: see ``Engine.start``.
        """
        self.engine.start()
        self._begun = self.clock.monotonic()

    def health(self) -> Health:
        """See ``Engine.health``, over all engines so far."""
        health = self.engine.health()
        changing = self._changing.locked() and health.state != "failed"
        failures = [log.failure for log in [*self.logs.values()]]
        if self._webhook is not None:
            failures.append(self._webhook.trouble)
        return replace(
            health,
            state="starting" if changing else health.state,
            broken=tuple(failure for failure in failures if failure is not None),
            elapsed=0.0 if self._begun is None else self.clock.monotonic() - self._begun,
            rows=self._rows + health.rows,
            run=self._run,
            jumps=self._jumps,
            seekable=isinstance(self.source, FileSource),
            speed=self.speed,
        )

    def pause(self, paused: bool) -> None:
        """See ``Engine.pause``; holds for the engines to come, too."""
        self.paused = paused
        if paused:
            self.engine.pause()
        else:
            self.engine.resume()

    def mark(self, mark: Mark) -> bool:
        """See ``Engine.mark``; when a recording has ended its files can still take a mark.

        Raises:
            SinkError: a file cannot be written.
        """
        engine = self.engine
        if engine.mark(mark):
            return True
        if engine.health().state != "ended" or self.leaving.is_set():
            return False
        if not self._changing.acquire(blocking=False):
            return False
        try:
            row = engine.marked(mark)
            with ExitStack() as writing:  # one that fails takes nothing from the others
                for sink in (*self.logs.values(), self._view):
                    writing.callback(sink.write, row)
                self._rows += 1
        finally:
            self._changing.release()
        return True

    def uncertain_below(self, confidence: float) -> None:
        """From the next row on, say ``uncertain`` below this confidence."""
        timeline = replace(self.config.timeline, uncertain_below=confidence)
        self.config = replace(self.config, timeline=timeline)
        self.engine.uncertain_below(confidence)

    def play_at(self, speed: float) -> None:
        """Play recordings at this speed."""
        self.speed = speed
        if isinstance(self.source, FileSource):
            self.source.speed = speed

    def stop(self) -> None:
        """End: what was heard becomes rows. A change that is under way ends first."""
        self.leaving.set()
        self.engine.stop()

    def abort(self) -> None:
        """See ``Engine.abort``."""
        self.leaving.set()
        self.engine.abort()

    def join(self) -> None:
        """Wait for the end, and close the files.

        Raises:
            The first error of the engine, or of closing a file.
        """
        with self._changing:
            engine = self.engine
        errors: list[Exception] = []
        endings: list[Callable[[], object]] = [engine.join]
        endings += [sink.finish for sink in (*self.logs.values(), *self._others)]
        for end in endings:
            try:
                end()
            except Exception as error:  # noqa: BLE001 - the first of them is raised below
                errors.append(error)
        if errors:
            raise errors[0]

    @property
    def position(self) -> float:
        """Seconds of audio that the present source has given."""
        return max((status.position for status in self.engine.health().streams), default=0.0)

    def make_pipeline(self) -> PipelineFactory:
        """Chains of streams as they are set up now."""
        return pipeline_factory(self.config, self.recognizer, self._vad)

    @contextmanager
    def files_at_rest(self) -> Iterator[None]:
        """No engine comes or goes meanwhile."""
        with self._changing:
            yield

    def change(
        self,
        uri: str,
        audio: Audio,
        *,
        start: float = 0.0,
        recognizer: NetworkRecognizer | None = None,
        model: str | None = None,
    ) -> None:
        """End the engine, and begin another; the one before where that cannot be.

        Args:
            uri: of its source.
            audio: how what is heard then follows on what was heard.
            start: where a recording begins that is moved in, in seconds.
            recognizer: another one.
            model: its name, as typed.

        Raises:
            RealtimeSerError: it cannot be; the source before goes on, unless it has gone, too.
        """
        if self.uri == "-":
            raise ConfigError("-: standard input cannot be opened twice; end and start again")
        with self._changing:
            if audio == "new":
                self._try(uri)
            before = self.uri, self.recognizer, self.config.recognizer.model
            self._end()
            at = self.position if isinstance(self.source, FileSource) else 0.0
            if recognizer is not None and model is not None:
                self._recognize_with(recognizer, model)
            try:
                self._begin(uri, at if audio == "same" else start, audio)
            except RealtimeSerError as error:
                self._recognize_with(*before[1:])
                with suppress(RealtimeSerError):
                    self._begin(before[0], at, "same")
                raise error from None

    @contextmanager
    def between(self) -> Iterator[None]:
        """The source is free meanwhile; then it is listened to again.

        Raises:
            RealtimeSerError: it cannot be opened again.
        """
        with self._changing:
            self._end()
            try:
                yield
            finally:
                self._begin(self.uri, 0.0, "new")

    def _try(self, uri: str) -> None:
        """What is wrong is said before anything ends; a device may not open twice, a file does."""
        source = self.open_source(uri, 0.0)
        if isinstance(source, FileSource):
            try:
                source.open()
            finally:
                source.close()

    def _end(self) -> None:
        self.engine.stop()
        self.engine.join()

    def _recognize_with(self, recognizer: NetworkRecognizer, model: str) -> None:
        self.recognizer = recognizer
        self.config = replace(self.config, recognizer=replace(self.config.recognizer, model=model))

    def _begin(self, uri: str, start: float, audio: Audio) -> None:
        source = self.open_source(uri, start)
        if audio == "same" and not isinstance(source, FileSource):
            audio = "new"  # what was said meanwhile is lost, and a device's time begins anew
        engine = self._make_engine(source)
        if self.paused:
            engine.pause()
        engine.open()
        if audio != "same":
            self._run += audio == "new"
            self._jumps += audio == "moved"
            # Behind the last row of the engine before, and before the first of this one.
            position = start if audio == "moved" else None
            self._view.turn(Turn(self._run, self._jumps, position))
        engine.start()
        self._rows += self.engine.health().rows
        self.uri, self.source, self.engine = uri, source, engine
        # Again what may have been set meanwhile.
        self.play_at(self.speed)
        self.pause(self.paused)
        self.uncertain_below(self.config.timeline.uncertain_below)
        if self.leaving.is_set():
            engine.stop()

    def _make_engine(self, source: Source) -> Engine:
        recognizer = self.recognizer
        return Engine(
            source, recognizer, self.make_pipeline(), self.config,
            [*self._others, *self.logs.values(), self._view],
            clock=self.clock, device=str(recognizer.device), model=recognizer.name,
            model_version=recognizer.version,
        )  # fmt: skip
