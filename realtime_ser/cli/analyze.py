"""``realtime-ser analyze``."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from realtime_ser.cli import options
from realtime_ser.cli.folders import make_folder
from realtime_ser.cli.messages import tell
from realtime_ser.cli.signals import interrupts_held, terminated_like_interrupted
from realtime_ser.cli.targets import SUMMARY, targets_of
from realtime_ser.errors import RealtimeSerError, SinkError, SourceError
from realtime_ser.replacing import replace_files

if TYPE_CHECKING:
    from realtime_ser.config import Config
    from realtime_ser.engine import Engine
    from realtime_ser.pipeline import PipelineFactory
    from realtime_ser.recognizer import NetworkRecognizer
    from realtime_ser.sinks.sink import Sink
    from realtime_ser.types import TimelineRow

JOIN_PATIENCE = 0.2
"""Seconds between looks at whether the engine has ended; a wait without end misses Ctrl-C on
Windows."""
_STEM = 40
"""Characters of a recording's name in that of its unfinished timeline: no disk finds that long."""


def command(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...", help="Recordings, or folders that have them directly in them."
        ),
    ],
    output: Annotated[Path, typer.Option(help="Folder of the timelines and of summary.csv.")],
    format: Annotated[  # noqa: A002 - the name of the option
        str, typer.Option("--format", help="csv, jsonl or parquet.")
    ] = "csv",
    channels: options.Channels = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing timelines.")
    ] = False,
    model: options.Model = None,
    device: options.Device = None,
    config: options.ConfigFile = None,
) -> None:
    """Write the emotion timelines of recordings, as fast as the machine goes."""
    settings = options.settings(config, model=model, device=device, channels=channels)
    targets = targets_of(inputs, output, format, overwrite)
    failures = _take_out_unreadable(targets)
    # Only now torch, which takes seconds to load: what is wrong with the rest is said at once.
    from realtime_ser.assembly import load_recognizer, pipeline_factory
    from realtime_ser.cli.quiet import native_stderr_muted

    recognizer = load_recognizer(settings)
    make_folder(output)
    analysis = _Analysis(settings, recognizer, pipeline_factory(settings, recognizer))
    with terminated_like_interrupted():
        try:
            for uri, target in options.with_bar(targets.items(), "analyze", len(targets)):
                try:
                    with native_stderr_muted():
                        analysis.run(uri, target)
                except SinkError:
                    raise
                except RealtimeSerError as error:
                    failures.append(error)
                else:
                    typer.echo(target)
        except BaseException:
            # An interrupt, a full disk: what was finished before is summed up all the same.
            if analysis.records:
                with suppress(SinkError):
                    _write_summary(analysis.records, output / SUMMARY)
            _tell(failures)
            raise
        if analysis.records:
            _write_summary(analysis.records, output / SUMMARY)
            typer.echo(output / SUMMARY)
    _tell(failures[:-1])
    if failures:
        raise failures[-1]


def _take_out_unreadable(targets: dict[str, Path]) -> list[RealtimeSerError]:
    """What is wrong with inputs that cannot be opened.

    Raises:
        SourceError: none is left.
    """
    from realtime_ser.capture.file import check_readable

    failures: list[RealtimeSerError] = []
    for uri in list(targets):
        try:
            check_readable(Path(uri))
        except SourceError as error:
            failures.append(error)
            del targets[uri]
    if not targets:
        _tell(failures[:-1])
        raise failures[-1]
    return failures


def _tell(failures: list[RealtimeSerError]) -> None:
    for failure in failures:
        tell(str(failure))


class _Analysis:
    """Runs one recording after another through one recogniser."""

    def __init__(
        self, config: Config, recognizer: NetworkRecognizer, make_pipeline: PipelineFactory
    ) -> None:
        self._config = config
        self._recognizer = recognizer
        self._make_pipeline = make_pipeline
        self.records: list[dict[str, str]] = []
        """Of ``summary.csv``: one a channel of what has been kept."""

    def run(self, uri: str, target: Path) -> None:
        """Write one timeline. Nothing stays of a failed one.

        Raises:
            SourceError, SinkError: what cannot be read or written.
            KeyboardInterrupt, SystemExit: the user wants to leave; what was heard so far has been
                kept.
        """
        from realtime_ser.capture.open import open_source
        from realtime_ser.clock import SystemClock
        from realtime_ser.engine import Engine

        clock = SystemClock()
        source = open_source(uri, self._config.capture, clock, paced=False)
        # A name that is nobody's: what is found there after a failure is ours to remove. Only a
        # kill leaves it behind, with the rows so far.
        part = target.with_name(f"{target.stem[:_STEM]}.{uuid4().hex[:8]}.part{target.suffix}")
        rows = _Collector()
        engine = Engine(
            source, self._recognizer, self._make_pipeline, self._config,
            [_sink(part, target.suffix), rows],
            clock=clock, device=str(self._recognizer.device), model=self._recognizer.name,
        )  # fmt: skip
        try:
            with interrupts_held():  # an engine with some of its threads could not drain
                engine.start()
            _wait(engine)
            self._keep(uri, engine, rows, part, target)
        except (KeyboardInterrupt, SystemExit):
            _drain(engine)
            with interrupts_held():  # rows that are there outlive any number of Ctrl-C
                engine.abort()
                with suppress(SourceError):
                    _wait(engine)
                if rows.count and part.exists():
                    self._keep(uri, engine, rows, part, target)
                    tell(f"{target}: stopped; its rows end at {rows.end:.1f} s")
            raise
        finally:
            engine.abort()
            with suppress(RealtimeSerError):
                engine.join()
            with suppress(OSError):  # the reason has been said already
                part.unlink(missing_ok=True)

    def _keep(self, uri: str, engine: Engine, rows: _Collector, part: Path, target: Path) -> None:
        """Give the timeline its name, and sum it up."""
        from realtime_ser.summary import Summary

        found = []
        for stream in engine.health().streams:
            summary = Summary(uri, stream.channel)
            for row in rows.kept:
                if row.channel == stream.channel:
                    summary.add(row)
            found.append(summary.record(stream.position))
        try:
            part.replace(target)
        except OSError as error:
            raise SinkError(f"{target}: cannot be written ({error.strerror or error})") from error
        self.records += found


def _wait(engine: Engine) -> None:
    while not engine.join(JOIN_PATIENCE):
        pass


def _drain(engine: Engine) -> None:
    """End early: what was read becomes rows, unless the user asks to leave once more.

    Raises:
        SinkError: these rows could not be written.
    """
    # A SourceError: what was read before it holds.
    with suppress(SourceError, KeyboardInterrupt, SystemExit):
        engine.stop()
        _wait(engine)


class _Collector:
    """Keeps utterances and alerts for the summary. Implements ``Sink``."""

    def __init__(self) -> None:
        self.kept: list[TimelineRow] = []
        self.count = 0
        """Rows of all kinds."""
        self.end = 0.0
        """Seconds: of the newest row."""

    def check(self) -> None:
        """Nothing can be in the way."""

    def open(self) -> None:
        """Nothing to open."""

    def write(self, row: TimelineRow) -> None:
        """Windows are parts of utterances and not needed."""
        self.count += 1
        self.end = max(self.end, row.end)
        if row.kind != "window":
            self.kept.append(row)

    def close(self) -> None:
        """Nothing to close."""


def _sink(path: Path, suffix: str) -> Sink:
    from realtime_ser.sinks.csv import CsvSink
    from realtime_ser.sinks.jsonl import JsonlSink
    from realtime_ser.sinks.parquet import ParquetSink

    if suffix == ".parquet":
        return ParquetSink(path)
    return CsvSink(path, "overwrite") if suffix == ".csv" else JsonlSink(path, "overwrite")


def _write_summary(records: list[dict[str, str]], file: Path) -> None:
    from realtime_ser.summary import SUMMARY_FIELDS

    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, SUMMARY_FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    try:
        # As in timelines: names that are no UTF-8 get question marks.
        replace_files({file: text.getvalue().encode("utf-8", "replace")})
    except OSError as error:
        raise SinkError(f"{file}: cannot be written ({error.strerror or error})") from error
