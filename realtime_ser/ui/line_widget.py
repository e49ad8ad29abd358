"""A widget that sends to the terminal only the cells that have changed."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from realtime_ser.ui.display import Display

if TYPE_CHECKING:
    from collections.abc import Sequence

Line: TypeAlias = "Sequence[tuple[str, str]]"
"""Pieces of text with their style, from left to right."""


class LineWidget(Widget):
    """Draws lines of styled text.

    Whole widgets are what Textual draws anew; ten times a second that costs more than all else.
    """

    ground: ClassVar[str] = "background"
    """The role of the colour below the text."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[Line] = []
        self._drawn_for: object = None
        self._base = Style()
        self._display = Display()
        self._captions: object = None

    def lines(self) -> list[Line]:
        """What is to be seen, for the present size."""
        raise NotImplementedError

    def caption(self, title: Content, subtitle: str) -> None:
        """Set what the frame says, where it has changed: it costs a draw of all.

        Where there is no lower edge to say it, the subtitle stands behind the title.
        """
        framed = self.styles.border_bottom[0] not in ("", "none", "hidden")
        if not framed and subtitle:
            title, subtitle = title + Content(f"  ·  {subtitle}"), ""
        # Contents of other colours count as equal.
        captions = (title.plain, title.spans, subtitle)
        if captions != self._captions:
            self._captions = captions
            self.border_title, self.border_subtitle = title, subtitle

    def redraw(self) -> None:
        """Draw what differs from what is there."""
        before = self._lines
        if self._drawn_for != (self.size, self._display.palette):
            self._make_lines()
            self.refresh()
            return
        self._make_lines()
        changed = [
            _difference(y, old, new)
            for y, (old, new) in enumerate(zip(before, self._lines, strict=False))
            if old != new
        ]
        changed += [
            Region(0, y, self.size.width, 1)
            for y in range(*sorted((len(before), len(self._lines))))
        ]
        if changed:
            self.refresh(*changed)

    def render_line(self, y: int) -> Strip:
        """See ``Widget.render_line``."""
        if self._drawn_for != (self.size, self._display.palette):
            self._make_lines()
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, self._base)
        strip = Strip(
            [Segment(text, self._base + Style.parse(style)) for text, style in self._lines[y]]
        )
        return strip.adjust_cell_length(width, self._base)

    def _make_lines(self) -> None:
        palette = self._display.palette
        self._drawn_for = (self.size, palette)
        self._base = Style.parse(f"{palette.ink} on {getattr(palette, self.ground)}")
        self._lines = self.lines()


def with_cell(line: Line, column: int, style: str) -> Line:
    """The line with one cell in another style; blanks make up what is missing before it.

    All characters of the line are one cell wide.
    """
    pieces: list[tuple[str, str]] = []
    left = column
    done = False
    for text, own in line:
        if not done and left < len(text):
            pieces += [(text[:left], own), (text[left], f"{own} {style}"), (text[left + 1 :], own)]
            done = True
        else:
            pieces.append((text, own))
        left -= len(text)
    if not done:
        pieces += [(" " * left, ""), (" ", style)]
    return [piece for piece in pieces if piece[0]]


def _difference(y: int, old: Line, new: Line) -> Region:
    """The cells of a line between what both begin with and what both end with."""
    start = _same_cells(old, new)
    widths = [sum(cell_len(text) for text, _ in line) for line in (old, new)]
    if widths[0] != widths[1]:
        return Region(start, y, max(widths) - start, 1)
    mirrored = ([(text[::-1], style) for text, style in reversed(line)] for line in (old, new))
    end = widths[0] - _same_cells(*mirrored)
    return Region(start, y, max(1, end - start), 1)


def _same_cells(old: Line, new: Line) -> int:
    """Width of what both begin with."""
    width = 0
    for (text, style), (other, other_style) in zip(old, new, strict=False):
        if style != other_style:
            break
        same = sum(
            1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(text, other, strict=False))
        )
        width += cell_len(text[:same])
        if text != other:
            break
    return width
