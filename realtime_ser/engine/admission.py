"""How much a floor takes on: when rows become rarer, and when a stream is refused. No threads."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from realtime_ser.errors import RefusedError

if TYPE_CHECKING:
    from realtime_ser.config import FloorConfig

LOOK_BACK: Final = 5.0
"""Seconds over which the load is measured."""
EVERY: Final = 1.0
"""Seconds between two decisions."""
BUSY: Final = 0.95
"""Load from which the hop is stretched."""
CALM: Final = 0.8
"""Load below which it shrinks again: that it was stretched saves a tenth."""
JOINS: Final = (100, 10)
"""Streams more than those whose load is known that are let in at least; and when that is too much
already. After a restart all calls may come back at once."""
BEHIND: Final = 0.5
"""Seconds of audio that wait: analysis is behind, whatever the load."""


class Admission:
    """One floor's. Its gate measures, those who open streams ask: under the floor's lock."""

    def __init__(self, config: FloorConfig, hop: float) -> None:
        """Begin with no load.

        Args:
            config: its limits.
            hop: seconds between window rows where there is time for it.
        """
        self.capacity = config.max_streams
        self.stretch = 1
        """Hops that a window row has to wait for."""
        self.refused = 0
        self.load = 0.0
        """Share of the worker's time that it works, over the last seconds."""
        self._hop = hop
        self._most = max(1, int(config.max_hop / hop + 1e-9))
        self._passes: deque[tuple[float, float, int]] = deque()
        self._work = 0.0
        self._anew = False
        """The hop has changed, and the load was not measured since."""
        self._decided = 0.0
        self._behind = 0.0

    @property
    def hop(self) -> float:
        """Seconds between window rows now."""
        return self.stretch * self._hop

    def admit(self, name: str, streams: int) -> None:
        """Let one more stream in, beside so many.

        Raises:
            RefusedError: there is no place, or not enough time for those that are in.
        """
        if streams >= self.capacity:
            self.refused += 1
            raise RefusedError(
                "full", f"{name}: {streams} streams are heard, the most that are allowed; try later"
            )
        if self.stretch == self._most and (self.load > BUSY or self._behind > BEHIND):
            self.refused += 1
            raise RefusedError(
                "busy",
                f"{name}: {streams} streams take all of the machine's time; try later or elsewhere",
            )
        if streams >= self._room:
            self.refused += 1
            raise RefusedError(
                "busy",
                f"{name}: so many streams have just joined that their load is not known yet; "
                f"try again in {LOOK_BACK:g} s",
            )

    @property
    def _room(self) -> float:
        """Streams that there can be until more is known."""
        known = self._passes[0][2] if self._passes else 0
        if self.load > BUSY:
            return known + JOINS[1]
        return max(known + JOINS[0], known * BUSY / max(self.load, 1e-3))

    def measure(self, now: float, work: float, waiting: float, streams: int) -> None:
        """Count one pass.

        Args:
            now: monotonic seconds at its end.
            work: seconds that it took.
            waiting: seconds of audio that wait, of most streams.
            streams: that there were.
        """
        self._passes.append((now, work, streams))
        self._work += work
        while self._passes[0][0] < now - LOOK_BACK:
            self._work -= self._passes.popleft()[1]
        span = now - self._passes[0][0]
        self._behind = waiting
        known = span >= LOOK_BACK / 2
        if known or not self._anew:
            self.load = min(1.0, self._work / max(span, EVERY))
        if known and now - self._decided >= EVERY:
            self._anew = False
            self._decided = now
            self._decide()

    def _decide(self) -> None:
        if (self.load > BUSY or self._behind > BEHIND) and self.stretch < self._most:
            self.stretch += 1
        elif self.load < CALM and self._behind < BEHIND and self.stretch > 1:
            self.stretch -= 1
        else:
            return
        # What was measured was another hop's; until there is more it is all that is known.
        self._anew = True
        self._passes.clear()
        self._work = 0.0
