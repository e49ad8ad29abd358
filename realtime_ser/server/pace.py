"""How fast a call's audio is read: whoever sends faster than time passes must cost nobody anything.

After a stall of the network a backlog comes all at once. It is read as fast as it is heard, which
brings the call up to date and drops nothing. Where analysis is too slow for a call that comes in
real time, nothing is held back: its oldest audio is dropped and counted.
"""

from __future__ import annotations

from typing import Final

LATE: Final = 1.0
"""Seconds by which audio is behind time once something has held it up."""
LOOK: Final = 0.05
"""Seconds between looks at how much waits."""
CATCH_UP: Final = 5.0
"""Seconds in which a backlog shrinks; where it does not, nothing was sent, as on hold."""


class Pace:
    """Of one call. Pure; times are monotonic seconds."""

    def __init__(self, ahead: float) -> None:
        """Begin with the first audio.

        Args:
            ahead: seconds that audio may come faster than time passes; less than its ring holds.
        """
        self._ahead = ahead
        self._began: float | None = None
        self._late: tuple[float, float] | None = None
        """When the call was found to be late, and how far ahead it was (less than 0) then."""

    def pause(self, now: float, received: float, waiting: float) -> float:
        """Seconds for which nothing is to be read before this is asked again; 0: go on.

        Args:
            now: the time.
            received: seconds of audio that have come.
            waiting: seconds of them that have not been heard yet.
        """
        if self._began is None:
            self._began = now
        ahead = received - (now - self._began)
        if self._late is None and ahead < -LATE:
            self._late = now, ahead
        if self._late is not None and now - self._late[0] >= CATCH_UP:
            if ahead - self._late[1] < LATE:
                self._began, ahead = now - received, 0.0
            else:
                self._late = now, ahead
        if ahead >= 0.0:
            self._late = None
            return max(0.0, ahead - self._ahead)
        return LOOK if self._late is not None and waiting > self._ahead / 2 else 0.0
