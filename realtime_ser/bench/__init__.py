"""Benchmarks of ``realtime-ser bench``: what is measured on the user's own machine."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """A table and the one figure that matters."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]
    """None: there is nothing to measure."""
    figure: str
    """What the figure is, in words."""
    value: float
    unit: str


BENCHMARKS: Final[Mapping[str, str]] = {
    "stream": "what one live stream costs on one core",
    "streams": "how many live streams this machine serves at once; takes some minutes",
    "latency": "how late rows are, stage by stage; plays the demo recording (66 s)",
    "startup": "how long commands take to answer, in fresh processes",
}
"""Name -> help; each is the function ``run`` of the module of that name."""


def run_benchmark(name: str, **options: object) -> BenchmarkResult:
    """Run a benchmark, importing only that one.

    Args:
        name: a key of ``BENCHMARKS``.
        options: of that one.
    """
    result = import_module(f"realtime_ser.bench.{name}").run(**options)
    assert isinstance(result, BenchmarkResult)
    return result
