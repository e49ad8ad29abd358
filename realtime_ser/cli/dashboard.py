"""``realtime-ser dashboard``."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from realtime_ser.cli.screen import export_here, leave, preferences_file, show
from realtime_ser.cli.session import can_draw, is_terminal
from realtime_ser.cli.signals import terminated_like_interrupted
from realtime_ser.errors import ConfigError

if TYPE_CHECKING:
    from realtime_ser.dashboard.visit import ConnectTo

NEAR = "http://127.0.0.1:8765"


def command(
    connect: Annotated[str, typer.Option(help="Address of a 'realtime-ser serve'.")] = NEAR,
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="File with the server's token.", show_default="REALTIME_SER_TOKEN, if set"
        ),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Print the calls of this moment as lines, and end.")
    ] = False,
    web: Annotated[
        bool, typer.Option("--web", help="Serve the screen to a browser on this machine.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(help="Of --web; 0 takes any.", min=0, max=65_535, show_default="8000 if free"),
    ] = None,
) -> None:
    """Show all calls of a server, those that need attention first."""
    address, connect_to = _connection(connect, token_file)
    if web:
        from realtime_ser.cli.web import own_command, refuse_plain, serve_screen

        refuse_plain(plain=plain)
        given = ["--connect", address]
        if token_file is not None:
            given += ["--token-file", str(token_file)]
        same = [*own_command("dashboard"), *given]
        serve_screen(
            same, same, replaces=False, title=f"calls of {address}", port=port, check=_nothing
        )
    elif port is not None:
        raise ConfigError("--port: is for --web; add it")
    elif plain or not (is_terminal() and can_draw()):
        _print_floor(connect_to)
    else:
        _run_on_screen(address, connect_to)


def _nothing() -> None:
    """Options have been looked at, and a server that is not there yet may come."""


def _connection(connect: str, token_file: Path | None) -> tuple[str, ConnectTo]:
    """The server's address, and what opens its feeds.

    Raises:
        ConfigError: an option cannot be used, or a package is missing.
    """
    try:
        from realtime_ser.dashboard.link import checked_address, feed_of, read_token
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] != "websockets":
            raise
        raise ConfigError(
            "dashboard needs websockets; pip install 'realtime-ser[server]'"
        ) from error
    address = checked_address(connect)
    return address, partial(feed_of, address, read_token(token_file))


def _run_on_screen(address: str, connect_to: ConnectTo) -> None:
    from realtime_ser.cli.quiet import native_stderr_muted
    from realtime_ser.clock import SystemClock
    from realtime_ser.config import TimelineConfig
    from realtime_ser.dashboard.visit import Visit
    from realtime_ser.ui.preferences import load_preferences, save_preferences

    visit = Visit(
        connect_to,
        show,
        SystemClock(),
        address=address,
        uncertain_below=TimelineConfig().uncertain_below,
        exporter=export_here,
        preferences=load_preferences(preferences_file()),
    )
    try:
        with terminated_like_interrupted(), native_stderr_muted():
            app, outcome = asyncio.run(visit.run())
    finally:
        save_preferences(visit.preferences, preferences_file())
    leave(app, outcome)


def _print_floor(connect_to: ConnectTo) -> None:
    from realtime_ser.clock import SystemClock
    from realtime_ser.dashboard.lines import floor_lines

    with terminated_like_interrupted():
        lines = asyncio.run(floor_lines(connect_to(None), SystemClock()))
    if sys.stdout is not None:
        for line in lines:
            typer.echo(line)
