"""A stretch of the live timeline as a figure: a lane a stream, each with its own curves."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from realtime_ser.types import EMOTIONS, UNCERTAIN
from realtime_ser.ui.arrangement import MOST_LANES
from realtime_ser.ui.lane import SHORTEST
from realtime_ser.ui.palette import LIGHT
from realtime_ser.ui.timeline_model import divisions
from realtime_ser.ui.times import clock_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.types import TimelineRow
    from realtime_ser.ui.lane import Painted
    from realtime_ser.ui.shown import Excerpt

_LANE: Final = 0.9
_CURVES: Final = 0.75
"""Inches a lane and the curves below it are high."""
_HAIR: Final = 0.001
"""Of the width: what is narrower cannot be seen."""
_PAUSE: Final = 2.0
"""Seconds of silence over which no curve is drawn."""
_LABEL: Final = 24
"""Characters of a stream's name."""
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
"""Seconds between marks of the axis."""
_POINTS: Final = 300
"""Of a curve, at most."""
Corner: TypeAlias = tuple[float, float]
_LINES: Final = (("arousal", LIGHT.arousal, "-"), ("valence", LIGHT.valence, "--"))


def draw(excerpt: Excerpt) -> Any:
    """A figure of Matplotlib, with at most ``MOST_LANES`` lanes."""
    from matplotlib.figure import Figure

    lanes = excerpt.lanes[:MOST_LANES]
    plane = any(row.arousal is not None or row.valence is not None for row in excerpt.rows)
    heights = ([_LANE, _CURVES] if plane else [_LANE]) * len(lanes)
    figure = Figure(figsize=(11, 1.7 + sum(heights)), layout="constrained")
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    length = max(excerpt.end - excerpt.start, 1.0)
    each = len(heights) // len(lanes)
    for number, (label, spans) in enumerate(lanes):
        lane = axes[each * number]
        _lane(lane, spans, length)
        _label(lane, label, "confidence")
        if plane:
            below = axes[each * number + 1]
            _curves(below, spans, length)
            _label(below, label, "arousal, valence")
    for ax in axes:
        for moment in excerpt.moments:
            ax.axvline(moment.seconds, color=LIGHT.alarm if moment.alert else LIGHT.ink, lw=1)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
    for moment in excerpt.moments:
        axes[0].annotate(
            moment.note, (moment.seconds, 1.0), xycoords=("data", "axes fraction"),
            xytext=(2, 2), textcoords="offset points", fontsize=7, parse_math=False,
        )  # fmt: skip
    _time(axes[-1], excerpt, length)
    figure.suptitle(excerpt.title, x=0.01, ha="left", fontsize=10, parse_math=False)
    axes[0].set_title(
        about(excerpt), loc="left", fontsize=8, color=LIGHT.muted, pad=14, parse_math=False
    )
    _legend(figure, excerpt.rows, plane)
    return figure


def about(excerpt: Excerpt) -> str:
    """When it was, which models made it, and what the picture leaves out."""
    parts = [_when(excerpt)]
    if excerpt.models:
        parts.append(f"model {', then '.join(excerpt.models)}")
    left_out = len(excerpt.lanes) - MOST_LANES
    if left_out > 0:
        channels = "channel is" if left_out == 1 else "channels are"
        parts.append(f"{left_out} more {channels} in the CSV file only")
    return "  ·  ".join(part for part in parts if part)


def outlines(spans: Sequence[Painted], hair: float) -> list[tuple[str, list[Corner]]]:
    """Emotion and outline of each stretch of speech that shows the same.

    Rows that follow each other without silence make one outline: bars side by side have seams.
    Where another emotion was before, a hair stays free, because colours that touch are hard to tell
    apart; short stretches need all of their width to be seen.

    Args:
        spans: of one stream, in order.
        hair: seconds that cannot be seen.

    Returns:
        (seconds, confidence) corners, from the lower left to the lower right one.
    """
    found: list[tuple[str, list[Corner]]] = []
    touching: list[bool] = []
    end = -math.inf
    for span in spans:
        height, follows = span.row.confidence, span.start - end < max(SHORTEST, hair)
        if follows and found[-1][0] == span.row.emotion:
            corners = found[-1][1]
            corners[-1:] = [(span.start, corners[-2][1])]  # on, without a foot
        else:
            corners = [(span.start, 0.0)]
            found.append((span.row.emotion, corners))
            touching.append(follows)
        corners += [(span.start, height), (span.end, height), (span.end, 0.0)]
        end = span.end
    for (_, corners), touches in zip(found, touching, strict=True):
        if touches and corners[-1][0] - corners[0][0] >= 4 * hair:
            corners[:2] = [(seconds + hair, height) for seconds, height in corners[:2]]
    return found


def curve(
    spans: Sequence[Painted], name: str, least: float = 0.0
) -> tuple[list[float], list[float]]:
    """Arousal or valence of one stream.

    Args:
        spans: in order.
        name: ``arousal`` or ``valence``.
        least: seconds between points; what is closer together is shown by its mean.

    Returns:
        seconds of the points, and values; NaN where the stream pauses.
    """
    times: list[float] = []
    values: list[float] = []
    began, weight, end = -math.inf, 0.0, math.inf
    for span in spans:
        value = getattr(span.row, name)
        if value is None:
            continue
        middle, length = (span.start + span.end) / 2, span.end - span.start
        paused = span.start - end > _PAUSE
        if paused:
            times.append(end)
            values.append(math.nan)
        if paused or span.end - began > least:
            began, weight = span.start, 0.0
            times.append(middle)
            values.append(value)
        weight += length
        times[-1] += (middle - times[-1]) * length / weight
        values[-1] += (value - values[-1]) * length / weight
        end = span.end
    return times, values


def _lane(ax: Any, spans: Sequence[Painted], length: float) -> None:
    """Height is confidence, as on the screen."""
    from matplotlib.collections import PolyCollection

    found = outlines(spans, _HAIR * length)
    colors = [LIGHT.looks[emotion].color for emotion, _ in found]
    corners = [each for _, each in found]
    # Moved to whole pixels, narrow stretches would fall apart.
    ax.add_collection(PolyCollection(corners, facecolors=colors, linewidths=0, snap=False))
    ax.set_ylim(0, 1)
    ax.set_yticks([0, 0.5, 1])


def _curves(ax: Any, spans: Sequence[Painted], length: float) -> None:
    for name, color, line in _LINES:
        points = curve(spans, name, length / _POINTS)
        ax.plot(*points, line, marker=".", ms=3, color=color, lw=1.2)
    ax.axhline(0, color=LIGHT.rule, lw=0.5)
    ax.set_ylim(-1.05, 1.05)
    ax.set_yticks([-1, 0, 1])


def _label(ax: Any, label: str, what: str) -> None:
    """What it is and, where there are several streams, whose."""
    short = label if len(label) <= _LABEL else label[: _LABEL - 1] + "…"
    text = f"{short}\n{what}" if short else what
    ax.set_ylabel(text, fontsize=8, rotation=0, ha="right", va="center", parse_math=False)


def _time(ax: Any, excerpt: Excerpt, length: float) -> None:
    """The axis; each run has times of its own, without a label just before the next."""
    step = next((step for step in _STEPS if length / step <= 12), _STEPS[-1])
    left, right = excerpt.start, excerpt.start + length
    ax.set_xlim(left, right)
    found = divisions(left, right + step / 2, step, step / 2, excerpt.starts)
    labels = [(at, own) for at, own in found if at >= left]
    ax.set_xticks([at for at, _ in labels], [clock_text(own) for _, own in labels])
    longest = max((own for _, own in labels), default=0)
    ax.set_xlabel(f"time ({'h:min:s' if longest >= 3600 else 'min:s'})", fontsize=8)


def _legend(figure: Any, rows: Sequence[TimelineRow], plane: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    shown = {row.emotion for row in rows}
    looks = [(name, LIGHT.looks[name]) for name in (*EMOTIONS, UNCERTAIN) if name in shown]
    handles: list[Any] = [
        Patch(color=look.color, label=f"{look.letter} {name}") for name, look in looks
    ]
    if plane:
        handles += [
            Line2D([], [], color=color, ls=line, label=name) for name, color, line in _LINES
        ]
    figure.legend(
        handles=handles, loc="outside lower left", ncols=len(handles), frameon=False, fontsize=8
    )


def _when(excerpt: Excerpt) -> str:
    """From the first to the last speech in sight; empty where the rows do not say."""
    starts, ends = [], []
    for span in (span for _, spans in excerpt.lanes for span in spans):
        try:
            end = datetime.fromisoformat(span.row.utc).astimezone(UTC)
            starts.append(end - timedelta(seconds=span.end - max(span.start, excerpt.start)))
            ends.append(end - timedelta(seconds=max(0.0, span.end - excerpt.end)))
        except (ValueError, OverflowError):  # rows that somebody else wrote
            continue
    if not starts:
        return ""
    first, last = min(starts), max(ends)
    until = f"{last:%H:%M:%S}" if last.date() == first.date() else f"{last:%Y-%m-%d %H:%M:%S}"
    return f"{first:%Y-%m-%d %H:%M:%S} to {until} UTC"
