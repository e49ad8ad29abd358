"""One live run, from options to the end: shared by ``live`` and ``demo``."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from realtime_ser.cli.messages import tell, told_while
from realtime_ser.cli.notices import Notices
from realtime_ser.cli.screen import run_on_screen
from realtime_ser.cli.signals import drained, interrupts_held, terminated_like_interrupted
from realtime_ser.errors import ConfigError

if TYPE_CHECKING:
    from realtime_ser.alerts.webhook import WebhookSink
    from realtime_ser.capture.pipe import PcmFormat
    from realtime_ser.capture.source import Source
    from realtime_ser.clock import Clock
    from realtime_ser.config import Config
    from realtime_ser.engine import Engine
    from realtime_ser.sinks.line_file import LineFileSink
    from realtime_ser.sinks.sink import Sink
    from realtime_ser.succession import SourceAt

    EngineWith = Callable[[Sink], Engine]
    """Makes the engine whose rows also go to this sink."""

JOIN_PATIENCE = 0.2
"""Seconds between looks at whether the engine has ended."""


@dataclass(frozen=True, slots=True)
class Session:
    """What the user asked for."""

    title: str
    """Of the screen."""
    source: str
    csv: Path | None
    jsonl: Path | None
    append: bool
    overwrite: bool
    plain: bool
    pcm: PcmFormat | None = None
    speaker: str | None = None
    """Whose baseline to start from."""

    @property
    def mode(self) -> Literal["new", "append", "overwrite"]:
        """What to do with a timeline file that exists.

        Raises:
            ConfigError: both wishes at once.
        """
        if self.append and self.overwrite:
            raise ConfigError("--append and --overwrite exclude each other; give one of them")
        return "append" if self.append else "overwrite" if self.overwrite else "new"


def run_session(session: Session, config: Config) -> None:
    """Run until the source ends or the user leaves; every row is in the files then.

    Raises:
        RealtimeSerError: what the user can mend.
        KeyboardInterrupt: the user pressed Ctrl-C; the engine has drained.
    """
    from realtime_ser.cli.quiet import native_stderr_muted
    from realtime_ser.clock import SystemClock

    clock = SystemClock()
    source_at, sinks, webhook = checked_session(session, config, clock)
    # Only now torch, which takes seconds to load: what is wrong with the rest is said at once.
    with told_while("loading the model"):
        from realtime_ser.assembly import load_recognizer, pipeline_factory
        from realtime_ser.engine import Engine

        recognizer = load_recognizer(config, session.speaker)

    def engine_with(view: Sink) -> Engine:
        return Engine(
            source_at(session.source, 0.0), recognizer,
            pipeline_factory(config, recognizer), config,
            [*([] if webhook is None else [webhook]), *sinks, view],
            clock=clock, device=str(recognizer.device), model=recognizer.name,
            model_version=recognizer.version,
        )  # fmt: skip

    pipes = "-" in (session.source, str(session.csv), str(session.jsonl))
    on_screen = not session.plain and not pipes and is_terminal() and can_draw()
    with terminated_like_interrupted(), native_stderr_muted(), _ended(webhook):
        if on_screen:
            run_on_screen(
                session.title, session.source, source_at, sinks, recognizer, config, webhook
            )
        else:
            _run_plain(session, config, engine_with, webhook)


def checked_session(
    session: Session, config: Config, clock: Clock
) -> tuple[SourceAt, list[LineFileSink], WebhookSink | None]:
    """What makes the session's sources, the files that it writes, and who else is told of alerts.

    None of them is opened yet.

    Raises:
        RealtimeSerError: what can be told of them without opening them.
    """
    from realtime_ser.alerts.webhook import webhook_of
    from realtime_ser.capture.open import open_source

    _refuse_clashes(session)
    _check_speaker(session, config)
    sinks = _checked_sinks(session)
    webhook = webhook_of(config.alerts, clock)
    stdin = None if sys.stdin is None else sys.stdin.buffer

    def source_at(uri: str, start: float) -> Source:
        return open_source(
            uri, config.capture, clock, paced=True, pcm=session.pcm, stdin=stdin, start=start
        )

    source_at(session.source, 0.0)
    return source_at, sinks, webhook


@contextlib.contextmanager
def _ended(webhook: WebhookSink | None) -> Iterator[None]:
    """However the session ends, no thread of the webhook stays, and what it lost is told."""
    try:
        yield
    finally:
        if webhook is not None:
            webhook.close()
            if (verdict := webhook.verdict()) is not None:
                tell(verdict)


def _refuse_clashes(session: Session) -> None:
    """No file may be written twice at once, and no recording over itself."""
    if sys.stdout is None and "-" in (str(session.csv), str(session.jsonl)):
        raise ConfigError("-: standard output is closed; name a file to write to")
    if session.csv is not None and session.jsonl is not None and _same(session.csv, session.jsonl):
        raise ConfigError(f"{session.csv}: --csv and --jsonl need different files")
    for file in (session.csv, session.jsonl):
        if file is not None and _is_source(file, session.source):
            raise ConfigError(f"{file}: is the recording itself; name another file to write to")


def _check_speaker(session: Session, config: Config) -> None:
    from realtime_ser.baseline import check_name

    if session.speaker is not None:
        check_name(session.speaker)
        if config.capture.channels == "split":
            raise ConfigError(
                "--speaker: is one person's, and the settings split channels; use it on a "
                "recording or microphone of that one person, with channels = 'mix'"
            )


def _checked_sinks(session: Session) -> list[LineFileSink]:
    """The files to write, none of which is opened yet.

    Raises:
        SinkError: one of them cannot be had.
    """
    from realtime_ser.sinks.csv import CsvSink
    from realtime_ser.sinks.jsonl import JsonlSink

    sinks: list[LineFileSink] = []
    if session.csv is not None:
        sinks.append(CsvSink(session.csv, session.mode))
    if session.jsonl is not None:
        sinks.append(JsonlSink(session.jsonl, session.mode))
    for sink in sinks:
        sink.check()
    return sinks


def _is_source(file: Path, source: str) -> bool:
    """A file is what is listened to; ``-`` is standard input there and standard output here."""
    if source != "-":
        return _same(file, Path(source))
    try:
        return str(file) != "-" and os.path.samestat(os.fstat(0), file.stat())
    except (OSError, ValueError):  # no such file yet, or no standard input
        return False


def _same(one: Path, other: Path) -> bool:
    """Two names of one file, links included."""
    if one == other:
        return True
    try:
        return one.samefile(other)
    except (OSError, ValueError):  # one is not there yet, or no name that a disk could hold
        return os.path.realpath(one) == os.path.realpath(other)


def _run_plain(
    session: Session, config: Config, engine_with: EngineWith, webhook: WebhookSink | None
) -> None:
    from realtime_ser.ui.plain import PlainSink

    to_stdout = "-" in (str(session.csv), str(session.jsonl))
    stream = sys.stderr if to_stdout else sys.stdout
    split = config.capture.channels == "split"
    notices = Notices()
    with contextlib.ExitStack() as leaving:
        if stream is None:  # closed by the caller: there is nobody to print for
            stream = leaving.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
        color = stream.isatty()
        plain = PlainSink(stream, color=color, channels=split, beside=to_stdout)
        engine = engine_with(plain)
        leaving.enter_context(drained(engine))
        with interrupts_held():  # an engine with some of its threads could not drain
            engine.start()
        while not engine.join(JOIN_PATIENCE):
            _tell(notices, engine, webhook)
        _tell(notices, engine, webhook)


def _tell(notices: Notices, engine: Engine, webhook: WebhookSink | None) -> None:
    for notice in notices.update(engine.health(), None if webhook is None else webhook.trouble):
        tell(notice)


def is_terminal() -> bool:
    """The screen reads keys from stdin and draws on stderr; a piped stdout wants lines.

    Textual draws elsewhere where this variable says so: a server's pipes lead to a browser.
    """
    if os.environ.get("TEXTUAL_DRIVER"):
        return True
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(stream is not None and stream.isatty() for stream in streams)


def can_draw() -> bool:
    """The terminal takes the characters that the screen is drawn with; says so where not."""
    encoding = "utf-8" if sys.stderr is None else sys.stderr.encoding
    if codecs.lookup(encoding).name == "utf-8":
        return True
    tell(f"the terminal takes {encoding}: lines instead of the screen, which needs UTF-8 (LANG)")
    return False
