"""Who needs attention: a level for each call, which rises at once and sinks slowly."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from realtime_ser.types import NEGATIVE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from realtime_ser.dashboard.calls import Call, Heard, Key

FRESH: Final = 60.0
"""Seconds of the call for which an alert is fresh."""
LOOK_BACK: Final = 60.0
"""Seconds of the call over which negative emotion counts."""
ENTRY: Final = 5.0
"""Seconds that an entry of ``Call.recent`` speaks for at most."""
SINK_AFTER: Final = 10.0
"""Seconds of the call at a lower level before it takes it."""

ENDED, CALM, SLIGHT, CLEAR, STRONG, ALERTED = range(6)
"""The levels."""
_CLEAR_FROM: Final = 6.0
_STRONG_FROM: Final = 18.0
"""Of ``concern``."""


def concern(call: Call) -> float:
    """Seconds of the last minute in negative emotion, each weighted by its confidence."""
    since = call.duration - LOOK_BACK
    first = bisect_right(call.recent, since, key=_end)
    before = max(since, call.recent[first - 1][0]) if first else since
    total = 0.0
    for end, emotion, confidence in call.recent[first:]:
        if emotion in NEGATIVE:
            total += confidence * min(ENTRY, end - before)
        before = end
    return total


def _end(heard: Heard) -> float:
    return heard[0]


def is_fresh(call: Call) -> bool:
    """Its newest alert is."""
    return call.alert is not None and call.duration - call.alert.end < FRESH


def level_now(call: Call) -> int:
    """One of the levels, of this moment alone."""
    if not call.live:
        return ENDED
    if is_fresh(call):
        return ALERTED
    heard = concern(call)
    if heard >= _STRONG_FROM:
        return STRONG
    if heard >= _CLEAR_FROM:
        return CLEAR
    return SLIGHT if heard > 0.0 or call.now in NEGATIVE else CALM


class Ranking:
    """Remembers levels, so that rows do not jump about with every word."""

    def __init__(self) -> None:
        self._held: dict[Key, tuple[int, float]] = {}
        """Level, and until when it was the right one, in seconds of the call."""

    def update(self, calls: Iterable[Call]) -> None:
        """Look at all calls anew."""
        held = {}
        for call in calls:
            level, (before, until) = level_now(call), self._held.get(call.key, (CALM, 0.0))
            again = call.duration < until  # another call of the same name
            if level >= before or again or not call.live or call.duration - until >= SINK_AFTER:
                held[call.key] = (level, call.duration)
            else:
                held[call.key] = (before, until)
        self._held = held

    def level(self, call: Call) -> int:
        """As held."""
        return self._held.get(call.key, (level_now(call), 0.0))[0]

    def ordered(self, calls: Iterable[Call]) -> list[Call]:
        """The highest level first.

        Alerted ones by their newest alert, newest first; all others, and equal ones, by when they
        began, longest first, which does not change.
        """
        first = sorted(calls, key=_age)
        first.sort(key=self._newest_alert, reverse=True)
        return first

    def _newest_alert(self, call: Call) -> tuple[int, str]:
        level = self.level(call)
        return level, call.alert.utc if level == ALERTED and call.alert is not None else ""


def _age(call: Call) -> tuple[str, str, int]:
    return call.started, call.stream, call.channel
