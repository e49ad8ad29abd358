"""Options that several commands share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from realtime_ser.errors import ConfigError

if TYPE_CHECKING:
    from realtime_ser.config import Config

Item = TypeVar("Item")
Csv = Annotated[Path | None, typer.Option("--csv", help="Write the timeline to this CSV file.")]
Jsonl = Annotated[
    Path | None, typer.Option("--jsonl", help="Write the timeline to this JSON Lines file.")
]
Append = Annotated[bool, typer.Option("--append", help="Go on in an existing timeline file.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing timeline file.")]
Plain = Annotated[bool, typer.Option("--plain", help="Print a line a row instead of the screen.")]
Model = Annotated[
    str | None, typer.Option("--model", help="Name of a shipped model, or a model folder.")
]
Device = Annotated[
    str | None, typer.Option("--device", help="auto, cpu, cuda or mps: where the network runs.")
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="TOML file of settings; see configs/default.toml.")
]
Channels = Annotated[
    str | None,
    typer.Option("--channels", help="mix: one stream; split: a stream a channel."),
]
LiveChannels = Annotated[
    list[str] | None,
    typer.Option(
        "--channels",
        help="mix: one stream; split: a stream a channel. For '-' also the number of channels; "
        "may be given twice: --channels 2 --channels split.",
    ),
]


def settings(
    file: Path | None,
    *,
    model: str | None = None,
    device: str | None = None,
    channels: str | None = None,
    **more: Any,
) -> Config:
    """The configuration that follows from the options of a command.

    Raises:
        ConfigError: what cannot be used.
    """
    from realtime_ser.config import load_config

    return load_config(
        file,
        flags={
            "recognizer.model": model,
            "recognizer.device": device,
            "capture.channels": channels,
            **more,
        },
    )


def with_bar(items: Iterable[Item], name: str, total: int) -> Iterator[Item]:
    """The items, with a progress bar on stderr where that is a terminal."""
    from rich.progress import track

    from realtime_ser.cli.consoles import PipedConsole

    console = PipedConsole(stderr=True)
    yield from track(
        items, name, total, console=console, transient=True, disable=not console.is_terminal
    )


@contextlib.contextmanager
def seconds_bar(name: str, total: float) -> Iterator[Callable[[float], None]]:
    """A progress bar on stderr where that is a terminal; tell it the seconds so far."""
    from rich.progress import BarColumn, Progress, TextColumn

    from realtime_ser.cli.consoles import PipedConsole

    console = PipedConsole(stderr=True)
    columns = (
        TextColumn(name),
        BarColumn(),
        TextColumn("{task.completed:.1f} s of {task.total:g} s"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=total)
        yield lambda heard: progress.update(task, completed=min(heard, total))


def split_channels(values: Sequence[str] | None) -> tuple[str | None, int]:
    """``--channels`` of ``live`` -> mode (None: not given) and number of channels of raw PCM.

    Raises:
        ConfigError: neither a mode nor a number.
    """
    from realtime_ser.capture.open import whole_number

    mode, count = None, 1
    for value in values or ():
        if value in ("mix", "split"):
            mode = value
        elif number := whole_number(value):
            count = number
        else:
            raise ConfigError(f"--channels {value}: use mix, split or, for '-', a number")
    return mode, count
