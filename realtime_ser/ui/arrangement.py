"""How the timeline shares its lines out among lanes, curves and marks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from realtime_ser.ui.layout import TALL

MOST_LANES: Final = 8
_EACH: Final = 7
"""Lines a lane from which it has curves of its own: two, a line of names, and 3 + 1 below."""
_ROOMY: Final = 16
"""Lines of a timeline from which marks may have one of their own."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What is on which line; the last one is the time axis."""

    lanes: int
    """Those that are shown."""
    high: int
    """Lines of blocks of a lane."""
    named: bool
    """A line below them has the names."""
    plane: int
    """Lines of arousal and valence."""
    loud: int
    """Lines of loudness."""
    each: bool
    """Every lane has curves below it; else one stream's stand below all lanes."""
    gap: int
    """Blank lines behind a lane and its curves."""
    spare: int
    """Blank lines below the lanes."""
    marks: bool = False
    """Marks have a line of their own, above the axis."""

    @property
    def group(self) -> int:
        """Lines from the top of a lane to that of the next."""
        below = self.plane + self.loud if self.each else 0
        return self.high + self.named + below + self.gap

    def lane_at(self, line: int) -> int | None:
        """The lane that a line belongs to, from 0; None: to none."""
        return line // self.group if 0 <= line < self.group * self.lanes else None


def arrange(height: int, lanes: int, *, curves: bool, marked: bool) -> Arrangement:
    """Share ``height`` lines out.

    Args:
        height: lines of the timeline, its axis included.
        lanes: streams that have something to show.
        curves: arousal, valence and loudness are wanted.
        marked: there are marks; a line of their own must not cost the lanes their curves.
    """
    rows = max(1, height - 1)
    shown = max(1, min(MOST_LANES, rows, lanes))
    found = _arrange(rows, shown, curves)
    if marked and height >= _ROOMY:
        lower = _arrange(rows - 1, shown, curves)
        if (lower.each, lower.plane > 0) == (found.each, found.plane > 0):
            return replace(lower, marks=True)
    return found


def wanted_height(terminal: int, lanes: int, *, curves: bool) -> int:
    """Lines for a timeline that stands above the utterances, in a terminal so high.

    The timeline has what it can use, as long as some utterances stay in sight.
    """
    lanes = max(1, lanes)
    if terminal < TALL:
        left = terminal - 14 - min(2, lanes)  # what the other parts and the frames take
        kept, most = max(4, left // 5), min(6, lanes)
        least = 4 if lanes == 1 else 2 * lanes if lanes < 4 else most
        wanted = 11 if lanes == 1 else _EACH * lanes if lanes < 4 else 4 + 2 * most
    else:
        left = terminal - 20 - min(4, lanes)
        kept, most = max(3, left // 5), min(MOST_LANES, lanes)
        least = most
        wanted = 13 if lanes == 1 else 9 * lanes if lanes < 4 else 4 + 3 * most
    if not curves:
        wanted = 7 if lanes == 1 else 4 * lanes if lanes < 4 else 2 * most
    return max(1 + least, min(1 + wanted, left - kept))


def _arrange(rows: int, lanes: int, curves: bool) -> Arrangement:
    group = rows // lanes
    if curves and group >= _EACH:
        gap = int(lanes > 1 and group >= _EACH + 3)
        left = group - gap
        plane = max(3, left // 3 | 1)  # odd: 0 is in the middle of a line
        loud = min(5, max(1, left // 6))
        high = left - 1 - plane - loud
        return Arrangement(lanes, high, True, plane, loud, True, gap, rows - lanes * group)
    plane, loud = _shared(rows, lanes) if curves else (0, 0)
    left = rows - plane - loud
    lane = left // lanes
    named = lane > 1
    return Arrangement(
        lanes, lane - named, named, plane, loud, each=False, gap=0, spare=left - lanes * lane
    )


def _shared(rows: int, lanes: int) -> tuple[int, int]:
    """Lines of arousal and valence, and of loudness, where all lanes share them."""
    few = 3 if lanes < 3 else 2
    for plane, loud, least in ((5, 2, 4), (3, 1, few), (0, 1, 2)):
        if rows - plane - loud >= least * lanes:
            return plane, loud
    if rows < 2 * lanes:  # no names in the lanes: what they leave would be blank
        left = rows - lanes
        return (3, 1) if left >= 4 else (0, min(1, left))
    return 0, 0
