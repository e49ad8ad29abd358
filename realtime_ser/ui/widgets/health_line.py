"""Whether the machine keeps up, in numbers; what is wrong in red."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from realtime_ser.ui.line_widget import LineWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.geometry import Size

    from realtime_ser.stats import Health
    from realtime_ser.ui.display import Display
    from realtime_ser.ui.line_widget import Line
    from realtime_ser.ui.palette import Palette
    from realtime_ser.ui.session import Session

_GAP: Final = 2
_LATE: Final = 1000.0
"""Milliseconds of p95 latency from which it is shown as a problem."""
_LONG_QUEUE: Final = 1.0
"""Seconds of waiting audio from which it is shown as a problem."""


@dataclass(frozen=True, slots=True)
class Item:
    """A label and a value."""

    label: str
    value: str
    bad: bool = False

    @property
    def width(self) -> int:
        """Cells."""
        return len(self.label) + len(self.value) + (1 if self.label and self.value else 0)


class HealthLine(LineWidget):
    """Items in a row, in as many lines as they need."""

    def __init__(self) -> None:
        super().__init__()
        self._items: tuple[list[Item], list[Item]] = ([], [])

    def show(self, session: Session, display: Display, written: Sequence[str]) -> None:
        """Draw again if anything has changed; ``written`` are the files that rows go to."""
        if session.health is None:
            return
        items = health_items(session.health, written)
        if (items, display) != (self._items, self._display):
            self._display = display
            width = self.size.width
            grown = len(_lines(items, width)) != len(_lines(self._items, width))
            self._items = items
            if grown:
                self.refresh(layout=True)
            self.redraw()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One line, or as many as it takes."""
        return max(1, len(_lines(self._items, width)))

    def lines(self) -> list[Line]:
        """Labels muted, values bright."""
        palette = self._display.palette
        if not any(self._items):
            return [[("starting", palette.muted)]]
        return [
            [piece for item in line for piece in _pieces(item, palette)]
            for line in _lines(self._items, self.size.width)
        ]


def health_items(health: Health, written: Sequence[str]) -> tuple[list[Item], list[Item]]:
    """What runs and where it goes; how well it runs. Of a replay only what is to be seen."""
    if health.device == "replay":
        return [Item(health.source, ""), Item("rows", f"{health.rows}")], []
    p50, p95 = health.latency.p50, health.latency.p95
    latency = "—" if p50 is None or p95 is None else f"{p50:.0f}/{p95:.0f} ms"
    rate = f"{health.sample_rate / 1000:g} kHz" if health.sample_rate else ""
    files = " + ".join(PurePath(file).name for file in written)
    rows = f"{health.rows} → {files}" if files else f"{health.rows}, not written"
    what = [
        Item(health.source, rate),
        *([Item("reopened", str(health.reopened), bad=True)] if health.reopened else []),
        Item("on", health.device),
        Item("model", f"{health.model} {health.model_version}".strip()),
        Item("rows", rows),
    ]
    factor = health.realtime_factor
    how = [
        *([] if health.cpu is None else [Item("cpu", f"{health.cpu:.0%}".replace("%", " %"))]),
        Item("RTF", f"{factor:.2f}", bad=factor >= 1.0),
        Item("p50/p95", latency, bad=p95 is not None and p95 >= _LATE),
        Item("overflows", str(health.overflows), bad=health.overflows > 0),
        Item("dropped", f"{health.dropped:.1f} s", bad=health.dropped > 0),
        Item("queue", f"{health.queue:.1f} s", bad=health.queue >= _LONG_QUEUE),
    ]
    return [item for item in what if item.value], how


def _pieces(item: Item, palette: Palette) -> list[tuple[str, str]]:
    style = palette.alarm if item.bad else palette.muted
    label = [(item.label + " ", style)] if item.label else []
    value = (item.value + " " * _GAP, f"bold {palette.alarm}" if item.bad else palette.ink)
    return [*label, value]


def _lines(groups: tuple[list[Item], list[Item]], width: int) -> list[list[Item]]:
    """All in one line where that fits; else a group a line, broken where it has to be."""
    together = [*groups[0], *groups[1]]
    if sum(item.width + _GAP for item in together) - _GAP <= width:
        return [together]
    return [line for group in groups for line in _broken(group, width)]


def _broken(items: list[Item], width: int) -> list[list[Item]]:
    lines: list[list[Item]] = []
    used = 0
    for item in items:
        if lines and used + _GAP + item.width <= width:
            lines[-1].append(item)
            used += _GAP + item.width
        else:
            lines.append([item])
            used = item.width
    return lines
