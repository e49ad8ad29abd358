"""The highest level of the last moments, as meters on mixing desks show it."""

from __future__ import annotations

from typing import Final

HOLD: Final = 1.5
"""Seconds a peak stays before it falls."""
FALL: Final = 20.0
"""Decibels a second at which it falls then."""


class PeakHold:
    """One meter. Time comes from the caller, in seconds, and never goes back."""

    def __init__(self, floor: float = -120.0) -> None:
        self._peak = floor
        self._at = 0.0

    def update(self, now: float, level: float) -> float:
        """Take a level; returns the held peak. Both in dBFS."""
        if level >= self.held(now):
            self._peak, self._at = level, now
        return self.held(now)

    def held(self, now: float) -> float:
        """The peak as it stands at ``now``."""
        return self._peak - FALL * max(0.0, now - self._at - HOLD)
