"""A stretch of the live timeline as files: a picture (SVG and PNG) and its rows (CSV)."""

from __future__ import annotations

import math
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Final

from realtime_ser.errors import SinkError
from realtime_ser.sinks.csv import CsvSink
from realtime_ser.types import EMOTIONS, UNCERTAIN
from realtime_ser.ui.palette import LIGHT
from realtime_ser.ui.times import clock_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from realtime_ser.ui.lane import Painted
    from realtime_ser.ui.shown import Excerpt

_LANE: Final = 0.9
"""Inches a lane is high."""
_MOST_LANES: Final = 12
"""In a picture; the timeline has all."""
_GAP: Final = 1.0
"""Seconds of silence over which no curve is drawn."""
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
"""Seconds between marks of the axis."""


def write_excerpt(excerpt: Excerpt, folder: Path, stem: str) -> list[str]:
    """Write STEM.svg, STEM.png and STEM.csv; returns their names.

    Raises:
        SinkError: nothing is in sight, a file is there already, or cannot be written.
    """
    if not excerpt.rows:
        raise SinkError("no speech is in sight; scroll to some, then export")
    files = [folder / f"{stem}.{ending}" for ending in ("svg", "png", "csv")]
    for file in files:
        if file.exists():
            raise SinkError(f"{file}: is there already; wait a second and try again")
    rows = CsvSink(files[2])
    rows.open()  # of two that write at once one is refused here, before anything is written
    try:
        with closing(rows):
            for row in excerpt.rows:
                rows.write(row)
        figure = _draw(excerpt)
        for file in files[:2]:
            figure.savefig(file, dpi=150)
    except (OSError, SinkError, ValueError) as error:
        for each in files:
            with suppress(OSError):
                each.unlink(missing_ok=True)
        if isinstance(error, SinkError):
            raise
        if isinstance(error, ValueError):  # rows that somebody else wrote
            raise SinkError(f"these rows cannot be written ({error})") from error
        raise SinkError(f"{folder}: cannot be written ({error.strerror or error})") from error
    return [file.name for file in files]


def _draw(excerpt: Excerpt) -> Any:
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    lanes = excerpt.lanes[:_MOST_LANES]
    count = len(lanes)
    figure = Figure(figsize=(11, 1.6 + _LANE * (count + 1)), layout="constrained")
    axes = figure.subplots(
        count + 1, 1, sharex=True, squeeze=False, height_ratios=[1.0] * count + [1.2]
    )[:, 0]  # fmt: skip
    for ax, (label, spans) in zip(axes, lanes, strict=False):
        _lane(ax, label, spans)
    _curves(axes[-1], [span for _, spans in lanes for span in spans])
    for ax in axes:
        for moment in excerpt.moments:
            ax.axvline(moment.seconds, color=LIGHT.alarm if moment.alert else LIGHT.ink, lw=1)
        ax.spines[["top", "right"]].set_visible(False)
    for moment in excerpt.moments:
        axes[0].annotate(
            moment.note, (moment.seconds, 1.0), xycoords=("data", "axes fraction"),
            xytext=(2, 2), textcoords="offset points", fontsize=7, parse_math=False,
        )  # fmt: skip
    axes[-1].set_xlim(excerpt.start, max(excerpt.end, excerpt.start + 1.0))
    length = excerpt.end - excerpt.start
    step = next((step for step in _STEPS if length / step <= 12), _STEPS[-1])
    axes[-1].xaxis.set_major_locator(MultipleLocator(step))
    axes[-1].xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: clock_text(seconds)))
    figure.suptitle(excerpt.title, x=0.01, ha="left", fontsize=10, parse_math=False)
    shown = {row.emotion for row in excerpt.rows}
    looks = [(name, LIGHT.looks[name]) for name in (*EMOTIONS, UNCERTAIN) if name in shown]
    figure.legend(
        handles=[Patch(color=look.color, label=f"{look.letter} {name}") for name, look in looks],
        loc="outside lower left", ncols=len(looks), frameon=False, fontsize=8,
    )  # fmt: skip
    return figure


def _lane(ax: Any, label: str, spans: Sequence[Painted]) -> None:
    """Height is confidence, as on the screen."""
    ax.bar(
        [span.start for span in spans],
        [span.row.confidence for span in spans],
        [span.end - span.start for span in spans],
        align="edge",
        edgecolor=LIGHT.background,  # neighbours that touch are hard to tell apart
        linewidth=0.8,
        color=[LIGHT.looks[span.row.emotion].color for span in spans],
    )
    ax.set_ylim(0, 1)
    ax.set_ylabel(label or "confidence", fontsize=8, parse_math=False)


def _curves(ax: Any, spans: Sequence[Painted]) -> None:
    ordered = sorted(spans, key=lambda span: span.end)
    for name, color, line in (("arousal", LIGHT.arousal, "-"), ("valence", LIGHT.valence, "--")):
        times, values, before = [], [], None
        for span in ordered:
            value = getattr(span.row, name)
            if value is None:
                continue
            if before is not None and span.start - before > _GAP:
                times.append(before)
                values.append(math.nan)
            times.append((span.start + span.end) / 2)
            values.append(value)
            before = span.end
        ax.plot(times, values, line, marker=".", ms=3, color=color, lw=1.2, label=name)
    ax.axhline(0, color=LIGHT.rule, lw=0.5)
    ax.set_ylim(-1, 1)
    ax.legend(loc="upper right", fontsize=7, frameon=False, ncols=2)
