"""When the audio of a recording would come if it were captured now, at a speed that may change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from realtime_ser.clock import Clock

MIN_SPEED: Final = 0.25
MAX_SPEED: Final = 16.0

_CATCH_UP = 0.5
"""Seconds of lateness of the reader that are caught up; after a longer pause playing resumes."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """``position`` is reached at ``time``; from there on it goes at ``speed``."""

    time: float
    position: float
    speed: float

    def due(self, position: float) -> float:
        return self.time + (position - self.position) / self.speed

    def reached(self, time: float) -> float:
        return self.position + (time - self.time) * self.speed


class Pacer:
    """The pace of one recording. One thread asks ``due``; any thread may set ``speed``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._speed = 1.0
        self._plan: _Plan | None = None

    @property
    def speed(self) -> float:
        """Seconds of the recording a second; the next call of ``due`` heeds a change.

        Raises:
            ValueError: set to less than ``MIN_SPEED`` or more than ``MAX_SPEED``.
        """
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        if not MIN_SPEED <= speed <= MAX_SPEED:
            raise ValueError(f"a speed of {speed} is not within {MIN_SPEED:g} to {MAX_SPEED:g}")
        self._speed = speed

    def restart(self) -> None:
        """The next call of ``due`` sets out anew."""
        self._plan = None

    def due(self, start: float, end: float) -> float:
        """Monotonic seconds at which the last sample of [start, end) is to be delivered.

        Args:
            start: seconds of the recording, up to which it has been delivered.
            end: of the block that comes next.
        """
        now, speed, plan = self._clock.monotonic(), self._speed, self._plan
        if plan is None:
            plan = _Plan(now, start, speed)
        elif plan.speed != speed:
            # From where it is, inside the block; what is overdue is not caught up at another speed.
            plan = _Plan(now, min(plan.reached(now), end), speed)
        if now - plan.due(end) > _CATCH_UP:
            plan = _Plan(now, end, speed)
        self._plan = plan
        return plan.due(end)
