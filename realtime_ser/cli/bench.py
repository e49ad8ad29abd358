"""``realtime-ser bench``."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from realtime_ser import __version__
from realtime_ser.bench import BENCHMARKS, BenchmarkResult, run_benchmark
from realtime_ser.cli.consoles import PipedConsole
from realtime_ser.errors import ConfigError
from realtime_ser.sinks.place import check_place, sink_error

_CHOICES = "; ".join(f"{name} ({text})" for name, text in BENCHMARKS.items())


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help=_CHOICES)],
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the figures here, too (replaced)."),
    ] = None,
    streams: Annotated[
        int | None,
        typer.Option(min=1, help="streams: So many at once, instead of more and more."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=1.0, help="streams: Measured for so long; 20 by default.")
    ] = None,
    audio: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="streams: Played in all of them, instead of the demo."),
    ] = None,
) -> None:
    """Measure speed on this machine.

    Prints a table; its last line is the figure that matters.
    """
    if name not in BENCHMARKS:
        raise ConfigError(f"benchmark {name!r}: unknown; known benchmarks: {', '.join(BENCHMARKS)}")
    if json_file is not None:
        _check_writable(json_file)  # before measuring, not after
    given = {"streams": streams, "seconds": seconds, "audio": audio}
    options = {option: value for option, value in given.items() if value is not None}
    if options and name != "streams":
        raise ConfigError(f"--{min(options)}: an option of 'bench streams', not of 'bench {name}'")
    result = run_benchmark(name, **options)
    _print(result)
    if json_file is not None:
        _write(json_file, name, result)


def _print(result: BenchmarkResult) -> None:
    table = Table(title=result.title, title_justify="left", box=box.SIMPLE_HEAD)
    for i, column in enumerate(result.columns):
        table.add_column(column, justify="right" if i else "left")
    for row in result.rows:
        table.add_row(*(_text(cell) for cell in row))
    PipedConsole().print(table)
    typer.echo(f"{result.figure}: {_text(result.value)} {result.unit}".rstrip())


def _text(cell: str | float | None) -> str:
    if cell is None:
        return "-"
    return cell if isinstance(cell, str) else f"{cell:.4g}"


def _check_writable(file: Path) -> None:
    try:
        check_place(file)
    except OSError as error:
        raise sink_error(file, str(file), "cannot be written", error) from error


def _write(file: Path, name: str, result: BenchmarkResult) -> None:
    content = {
        "benchmark": name,
        "version": __version__,
        "machine": {
            "platform": platform.platform(),
            "python": platform.python_version(),
            "cores": os.cpu_count(),
        },
        **asdict(result),
    }
    try:
        file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise sink_error(file, str(file), "cannot be written", error) from error
