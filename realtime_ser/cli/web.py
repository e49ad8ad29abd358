"""``--web``: what is wrong is said before a page is served; then the server runs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from realtime_ser.cli.messages import PROGRAM, tell
from realtime_ser.cli.session import Session, checked_session
from realtime_ser.cli.signals import termination_cancels
from realtime_ser.config import Config
from realtime_ser.errors import ConfigError

if TYPE_CHECKING:
    import socket

    from realtime_ser.web.server import ScreenServer


def serve_session(
    session: Session, config: Config, options: Sequence[str], port: int | None
) -> None:
    """Serve the screen of a session in a browser until the user ends it.

    Args:
        session: as it would be run.
        config: of the session.
        options: that give the same configuration to a process of its own.
        port: see ``realtime_ser.web.server.listen``.

    Raises:
        RealtimeSerError: what the user can mend.
        KeyboardInterrupt, SystemExit: how the server ends; the screen has ended in order.
    """
    refuse_plain(plain=session.plain)
    if "-" in (session.source, str(session.csv), str(session.jsonl)):
        raise ConfigError("--web: the screen's own process has no pipes; name files in place of -")
    serve_screen(
        screen_command(session, options),
        screen_command(replace(session, append=True, overwrite=False), options),
        replaces=session.overwrite,
        title=session.title,
        port=port,
        check=lambda: _check(session, config),
    )


def refuse_plain(*, plain: bool) -> None:
    """Lines are for terminals.

    Raises:
        ConfigError: they are asked for.
    """
    if plain:
        raise ConfigError("--web: shows the screen; leave --plain out")


def serve_screen(
    first: Sequence[str],
    again: Sequence[str],
    *,
    replaces: bool,
    title: str,
    port: int | None,
    check: Callable[[], object],
) -> None:
    """Serve the screen of any command in a browser until the user ends it.

    Args:
        first, again, replaces, title: see ``realtime_ser.web.server.ScreenServer``.
        port: see ``realtime_ser.web.server.listen``.
        check: raises what can be told before a page is served.

    Raises:
        RealtimeSerError: what the user can mend.
        KeyboardInterrupt, SystemExit: how the server ends; the screen has ended in order.
    """
    server_of = _server_type()
    check()
    from realtime_ser.web.server import listen

    listener = listen(port)
    server = server_of(
        first,
        again,
        replaces=replaces,
        title=title,
        port=listener.getsockname()[1],
        report=lambda line: tell(line.removeprefix(f"{PROGRAM}: ")),
    )
    with listener:
        asyncio.run(_serve(server, listener))


async def _serve(server: ScreenServer, listener: socket.socket) -> None:
    with termination_cancels():
        await server.run(
            listener,
            lambda: typer.echo(f"Open {server.address} in a browser here; Ctrl-C ends."),
        )


def screen_command(session: Session, options: Sequence[str]) -> list[str]:
    """Program and arguments that run a session on the screen of a process of its own."""
    command = own_command("live")
    for name, value in (
        ("--csv", session.csv), ("--jsonl", session.jsonl), ("--speaker", session.speaker),
    ):  # fmt: skip
        if value is not None:
            command += [name, str(value)]
    if session.mode != "new":
        command.append(f"--{session.mode}")
    return [*command, *options, "--", session.source]


def own_command(name: str) -> list[str]:
    """Program and first arguments that run a command of ours in a process of its own."""
    # Started as this process was: a script of the package does not look for modules in the
    # working folder, python -m does.
    by_name = getattr(sys.modules["__main__"], "__spec__", None) is not None
    return [sys.executable, *([] if by_name else ["-P"]), "-m", "realtime_ser", name]


def _check(session: Session, config: Config) -> None:
    """Refuse what can be told without torch, and without opening a microphone."""
    from realtime_ser.capture.microphone import MicrophoneSource
    from realtime_ser.clock import SystemClock
    from realtime_ser.models import find_model, read_description

    source_at, *_ = checked_session(session, config, SystemClock())
    source = source_at(session.source, 0.0)
    if not isinstance(source, MicrophoneSource):
        source.open()
        source.close()
    read_description(find_model(config.recognizer.model))


def _server_type() -> type[ScreenServer]:
    try:
        from realtime_ser.web.server import ScreenServer
    except ImportError as error:
        if error.name is not None and error.name.partition(".")[0] == "realtime_ser":
            raise
        raise ConfigError("--web needs textual-serve; pip install 'realtime-ser[web]'") from error
    return ScreenServer
