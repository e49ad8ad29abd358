"""Labels with their values, in a row: numbers that tell whether all is well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from realtime_ser.ui.line_widget import LineWidget

if TYPE_CHECKING:
    from textual.geometry import Size

    from realtime_ser.ui.display import Display
    from realtime_ser.ui.line_widget import Line
    from realtime_ser.ui.palette import Palette

_GAP: Final = 2


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


Items: TypeAlias = tuple[list[Item], list[Item]]
"""Two groups: where there is no room for both in one line, each has its own."""


class ItemLine(LineWidget):
    """Items in a row, in as many lines as they need."""

    def __init__(self) -> None:
        super().__init__()
        self._items: Items = ([], [])

    def show_items(self, items: Items, display: Display) -> None:
        """Draw again if anything has changed."""
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
