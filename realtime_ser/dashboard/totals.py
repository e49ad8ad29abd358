"""The floor as a whole: numbers, and the share of each emotion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from realtime_ser.dashboard.columns import fit_middle
from realtime_ser.ui.line_widget import LineWidget
from realtime_ser.ui.times import clock_text, percent_text
from realtime_ser.ui.widgets.health_line import latency_text
from realtime_ser.ui.widgets.item_line import Item, ItemLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.dashboard.calls import Call, Floor
    from realtime_ser.dashboard.picture import FloorPicture
    from realtime_ser.ui.display import Display
    from realtime_ser.ui.line_widget import Line
    from realtime_ser.ui.widgets.item_line import Items

FULL: Final = 0.95
"""Load from which a server has no time to spare."""
_STATES: Final = {
    "connecting": ("◌ connecting", "muted"),
    "connected": ("● connected", "ink"),
    "lost": ("▲ no connection", "alarm"),
}
"""State -> what it is called, and the role of its colour."""


class FloorLine(LineWidget):
    """The first line: which server, how the connection is, for how long it has been up."""

    ground = "raised"

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self._state = "connecting"
        self._uptime = ""

    def show(self, floor: Floor | None, display: Display, state: str) -> None:
        """Draw again if anything has changed; ``state`` is one of ``_STATES``."""
        self._uptime = "" if floor is None else clock_text(floor.uptime)
        self._state, self._display = state, display
        self.redraw()

    def lines(self) -> list[Line]:
        """Address to the left, the rest to the right."""
        palette = self._display.palette
        text, role = _STATES[self._state]
        up = f"   up {self._uptime}" if self._uptime else ""
        room = max(0, self.size.width - len(text) - len(up) - 1)
        return [
            [
                (fit_middle(f"floor of {self._address}", room) + " ", f"bold {palette.ink}"),
                (text, f"bold {getattr(palette, role)}"),
                (up, palette.ink),
            ]
        ]


class FloorTotals(ItemLine):
    """Numbers."""

    def show(self, picture: FloorPicture, display: Display) -> None:
        """Draw again if anything has changed."""
        if picture.floor is not None:
            self.show_items(floor_items(picture.floor, picture), display)


def floor_items(floor: Floor, picture: FloorPicture) -> Items:
    """How many, and how well the server keeps up; what is wrong in red."""
    alerts = picture.alerts_lately()
    stretched = floor.hop > floor.usual_hop * 1.01
    hop = f"{floor.hop:g} s" + (f" for {floor.usual_hop:g} s" if stretched else "")
    many = [
        Item("calls", f"{floor.streams}/{floor.capacity}", bad=0 < floor.capacity <= floor.streams),
        Item("speaking", f"{floor.speaking}"),
        Item("alerts in 5 min", f"{alerts}", bad=alerts > 0),
    ]
    well = [
        Item("load", percent_text(floor.load), bad=floor.load >= FULL),
        Item("hop", hop, bad=stretched),
        Item("p50/p95", latency_text(floor.latency)),
        Item("dropped", f"{floor.dropped:.1f} s", bad=floor.dropped > 0.0),
        Item("refused", f"{floor.refused}", bad=floor.refused > 0),
    ]
    return many, well


class ShareBar(LineWidget):
    """All calls as one bar, cut in proportion to their emotions."""

    def __init__(self) -> None:
        super().__init__()
        self._shares: tuple[tuple[str, float], ...] = ()
        self._calls = 0

    def show(self, floor: Floor | None, display: Display) -> None:
        """Draw again if anything has changed."""
        self._shares = () if floor is None else floor.shares
        self._calls = 0 if floor is None else floor.streams
        self._display = display
        self.redraw()

    def lines(self) -> list[Line]:
        """A stretch an emotion; what is left is silent."""
        display, palette = self._display, self._display.palette
        shares = [(name, share) for name, share in self._shares if share > 0.0]
        rest = max(0.0, 1.0 - sum(share for _, share in shares)) if self._calls else 0.0
        widths = proportional([share for _, share in shares] + [rest], self.size.width)
        line = []
        for (name, share), width in zip(shares, widths, strict=False):
            color = display.look(name).color
            look, percent = display.look(name), percent_text(share)
            mark = look.emoji if display.emoji else look.letter
            words = (
                f" {mark} {name} {percent}", f" {mark} {percent}", f" {look.letter} {percent}",
                look.letter,
            )  # fmt: skip
            line.append((_first_that_fits(words, width), f"{palette.ink_on(color)} on {color}"))
        silent = (f" silent {percent_text(rest)}", " silent")
        line.append((_first_that_fits(silent, widths[-1]), f"{palette.muted} on {palette.track}"))
        return [[piece for piece in line if piece[0]]]


def proportional(shares: Sequence[float], width: int) -> list[int]:
    """Whole cells in proportion to shares; together ``width``, or nothing where all are 0."""
    total = sum(shares)
    if total <= 0.0:
        return [0] * len(shares)
    exact = [share * width / total for share in shares]
    cells = [int(each) for each in exact]
    by_rest = sorted(range(len(shares)), key=lambda i: cells[i] - exact[i])
    for i in by_rest[: width - sum(cells)]:
        cells[i] += 1
    return cells


def _first_that_fits(words: Sequence[str], width: int) -> str:
    text = next((each for each in words if cell_len(each) <= width), "")
    return text + " " * (width - cell_len(text))


class CallDetail(LineWidget):
    """The selected call in full: what the table has no room for."""

    ground = "raised"

    def __init__(self) -> None:
        super().__init__()
        self._call: Call | None = None

    def show(self, call: Call | None, display: Display) -> None:
        """Draw again if anything has changed."""
        self._call, self._display = call, display
        self.redraw()

    def lines(self) -> list[Line]:
        """Name, channel, role, begin, and what the client said of it."""
        call, palette = self._call, self._display.palette
        if call is None:
            return [[]]
        rest = [f"channel {call.channel}", call.role, f"since {call.started[11:19]} UTC"]
        rest += [f"{name} {value}" for name, value in call.metadata]
        if call.dropped > 0.0:
            rest.insert(0, f"{call.dropped:.1f} s dropped")
        text = "  ·  ".join(part for part in rest if part)
        room = self.size.width
        name = fit_middle(call.name, min(cell_len(call.name), max(0, room * 2 // 3)))
        return [[(name, f"bold {palette.ink}"), ("  ·  " + text, palette.muted)]]
