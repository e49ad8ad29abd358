"""The live screen over a session, or over a timeline of a past one."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import typer

from realtime_ser.cli.signals import drained, interrupts_held, termination_calls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.alerts.webhook import WebhookSink
    from realtime_ser.config import Config
    from realtime_ser.recognizer import NetworkRecognizer
    from realtime_ser.sinks.line_file import LineFileSink
    from realtime_ser.succession import SourceAt
    from realtime_ser.types import TimelineRow
    from realtime_ser.ui.adjustable import AdjustableApp
    from realtime_ser.ui.app import LiveApp
    from realtime_ser.ui.shown import Excerpt


def preferences_file() -> Path:
    """Where this user's choices of looks are kept."""
    return Path(platformdirs.user_config_path("realtime-ser", appauthor=False)) / "screen.toml"


def run_on_screen(
    title: str,
    source: str,
    open_source: SourceAt,
    logs: Sequence[LineFileSink],
    recognizer: NetworkRecognizer,
    config: Config,
    webhook: WebhookSink | None = None,
) -> None:
    """Show a session until the user leaves it; every row is in the files then.

    Args:
        title: of the screen.
        source: to begin with, as typed.
        open_source: makes it, and others.
        logs: files to write, not open yet.
        recognizer: to begin with.
        config: likewise.
        webhook: gets the alerts; not open yet.

    Raises:
        RealtimeSerError: what the user can mend.
        KeyboardInterrupt: the user pressed Ctrl-C; the engine has drained.
    """
    from realtime_ser.desk import Desk
    from realtime_ser.succession import Succession
    from realtime_ser.ui.app import LiveApp
    from realtime_ser.ui.preferences import load_preferences
    from realtime_ser.ui.sink import UiSink

    view = UiSink()
    engines = Succession(source, open_source, recognizer, config, view, logs, webhook=webhook)
    with drained(engines):
        with interrupts_held():  # an engine with some of its threads could not drain
            engines.start()
        desk = Desk(engines)
        app = LiveApp(
            desk,
            rows=view,
            classes=recognizer.classes,
            title=title,
            uncertain_below=config.timeline.uncertain_below,
            controls=desk,
            player=desk,
            exporter=export_here,
            preferences=load_preferences(preferences_file()),
        )
        outcome = shown(app)
        engines.stop()
        engines.join()
    leave(app, outcome)


async def show(app: AdjustableApp) -> object:
    """Run a screen until it is left or the terminal is closed; what it returns.

    Raises:
        SystemExit: the terminal was closed, or SIGTERM came.
    """
    with termination_calls(app.action_interrupt):
        return await app.run_async()


def shown(app: LiveApp) -> object:
    """The same, with an event loop of its own."""
    return asyncio.run(show(app))


def leave(app: AdjustableApp, outcome: object) -> None:
    """Keep the user's choices, and end as the screen ended.

    Raises:
        typer.Exit: the screen broke, and has said how.
        KeyboardInterrupt: the user pressed Ctrl-C.
    """
    from realtime_ser.ui.preferences import save_preferences

    save_preferences(app.preferences, preferences_file())
    if outcome is None and app.return_code:
        raise typer.Exit(app.return_code)
    if outcome in ("interrupted", None):
        raise KeyboardInterrupt


def export_here(excerpt: Excerpt) -> list[str]:
    """Write an excerpt of the timeline into the folder that the command was started in."""
    from realtime_ser.report.excerpt import write_excerpt

    return write_excerpt(excerpt, Path(), f"realtime-ser-{datetime.now():%Y%m%d-%H%M%S}")


def run_replay(file: Path, config: Config, *, plain: bool) -> None:
    """Show a timeline as it was; without a terminal its rows as lines, at once.

    Args:
        file: CSV or JSON Lines.
        config: its threshold stands in the bars.
        plain: as without a terminal.

    Raises:
        DataError: it cannot be read, or has no rows.
        KeyboardInterrupt: the user pressed Ctrl-C.
    """
    from realtime_ser.cli.quiet import native_stderr_muted
    from realtime_ser.clock import SystemClock
    from realtime_ser.replay import open_replay

    replay = open_replay(file, SystemClock())
    if plain:
        _print_rows(replay.rows)
        return
    from realtime_ser.ui.app import LiveApp
    from realtime_ser.ui.preferences import load_preferences

    app = LiveApp(
        replay,
        rows=replay,
        classes=replay.classes,
        title=f"replay of {file.name}",
        uncertain_below=config.timeline.uncertain_below,
        player=replay,
        starts=replay.starts,
        exporter=export_here,
        preferences=load_preferences(preferences_file()),
    )
    with native_stderr_muted():
        outcome = shown(app)
    leave(app, outcome)


def _print_rows(rows: Sequence[TimelineRow]) -> None:
    from realtime_ser.ui.plain import PlainSink

    if sys.stdout is None:
        return
    split = len({row.channel for row in rows}) > 1
    plain = PlainSink(sys.stdout, color=sys.stdout.isatty(), channels=split)
    plain.open()
    for row in rows:
        plain.write(row)
