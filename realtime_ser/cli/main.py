"""The entry point: knows the commands by name and imports one only when it is used.

Errors end here, in one place: what a user can cause is one line on stderr and exit status 2.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Final, TextIO

# Before NumPy is imported: the matrices of one stream are too small to be shared between cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import typer
from typer.core import TyperCommand, TyperGroup

from realtime_ser import __version__
from realtime_ser.cli.messages import PROGRAM, tell
from realtime_ser.errors import RealtimeSerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

COMMANDS: Final = {
    "live": "Show and log the emotion of a voice while it speaks.",
    "demo": "Run on the bundled recording of a call.",
    "calibrate": "Learn how somebody usually sounds, for live --speaker.",
    "serve": "Hear calls that come over the network.",
    "dashboard": "Show all calls of a server, those that need attention first.",
    "analyze": "Write the emotion timelines of recordings.",
    "evaluate": "Measure a model on labelled recordings.",
    "train": "Train a network by a recipe.",
    "devices": "List the microphones that can be opened.",
    "models": "List the models that come with the package.",
    "bench": "Measure speed on this machine.",
}
"""Name -> first line of help; each is the function ``command`` of the module of that name."""

USAGE_STATUS: Final = 2
INTERRUPTED_STATUS: Final = 130
BROKEN_PIPE_STATUS: Final = 141
"""What a shell shows for a tool that SIGPIPE ended, as in ``realtime-ser live --plain | head``."""
FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO)
"""What the system says of a place that takes no more; anything else is a fault of ours."""


class LazyGroup(TyperGroup):
    """Lists the commands without importing them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of the help page."""
        return list(self.commands)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Put the real command in the place of the listed one."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed and _load(str(name)), rest

    def make_context(self, *given: Any, **more: Any) -> Any:
        """Read the command line, which prints the help page where it is asked for."""
        with _quiet_end():
            return super().make_context(*given, **more)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        with _quiet_end():
            return super().invoke(ctx)


@contextlib.contextmanager
def _quiet_end() -> Iterator[None]:
    """A reader that went away ends a command without a word."""
    try:
        yield
    except BrokenPipeError:
        _discard(sys.stdout)
        raise typer.Exit(BROKEN_PIPE_STATUS) from None


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit status.

    Args:
        arguments: without the program's name; None takes ``sys.argv``.

    Raises:
        SystemExit: always, except for an exception that is a fault of this package.
    """
    _tolerate_poor_terminals()
    # Threads of numpy's products wait for work in a loop: a core for nothing, beside many streams.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        status = _build().main(
            args=None if arguments is None else list(arguments),
            prog_name=PROGRAM,
            standalone_mode=False,
        )
        if sys.stdout is not None:
            sys.stdout.flush()
    except RealtimeSerError as error:
        status = _complain(str(error))
    except typer.TyperException as error:
        status = _complain(_usage(error))
    except KeyboardInterrupt:
        status = INTERRUPTED_STATUS
    except BrokenPipeError:
        _discard(sys.stdout)
        status = BROKEN_PIPE_STATUS
    except OSError as error:
        if error.errno not in FULL:
            raise
        status = _complain(f"{error.filename or 'stdout'}: cannot be written ({error.strerror})")
        try:
            sys.stdout.flush()
        except (OSError, AttributeError):
            _discard(sys.stdout)
    try:  # what could not be told must not change the status when the interpreter flushes
        if sys.stderr is not None:
            sys.stderr.flush()
    except (OSError, ValueError):
        _discard(sys.stderr)
    sys.exit(status or 0)


def _build() -> TyperGroup:
    app = _app(cls=LazyGroup)
    app.callback(invoke_without_command=True)(_root)
    group: Any = typer.main.get_command(app)
    for name, text in COMMANDS.items():
        group.add_command(TyperCommand(name, help=text), name)
    return group  # type: ignore[no-any-return]


def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Real-time speech emotion recognition: hear a voice, show its emotion, log it."""
    if version:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _load(name: str) -> Any:
    function: Callable[..., None] = import_module(f"realtime_ser.cli.{name}").command
    app = _app()
    app.command(name)(function)
    return typer.main.get_command(app)


def _app(**settings: Any) -> typer.Typer:
    return typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        # Plain help costs a third of the time of rich help, and pipes get no boxes.
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
        **settings,
    )


def _usage(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else PROGRAM
    return f"{error.format_message()} (see '{path} --help')"


def _complain(text: str) -> int:
    tell(text)
    return USAGE_STATUS


def _tolerate_poor_terminals() -> None:
    """A terminal or pipe whose encoding lacks a character gets a question mark, not an error.

    What is open, but not for writing (``1</dev/null``), is taken for closed.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
            try:
                os.write(stream.fileno(), b"")
            except OSError as error:
                if error.errno == errno.EBADF:
                    setattr(sys, name, None)


def _discard(stream: TextIO) -> None:
    """Nobody reads a stream any more; without this the interpreter complains when it flushes."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
