"""What the screen would show of an engine's health, as lines for those who run without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from realtime_ser.stats import Health


class Notices:
    """Says what has changed."""

    def __init__(self) -> None:
        self._problem: str | None = None
        self._overflows = 0
        self._dropped = 0.0

    def update(self, health: Health) -> list[str]:
        """Lines on what is new since the last call."""
        lines = []
        if health.problem != self._problem:
            lines.append(health.problem or f"{health.source}: audio is back")
        if health.overflows > self._overflows:
            lines.append(
                f"{health.source}: {health.overflows} overflows so far, the driver lost audio"
            )
        if int(health.dropped) > int(self._dropped):
            lines.append(
                f"{health.source}: analysis is behind, {health.dropped:.1f} s of audio dropped "
                "so far; see [recognizer] hop"
            )
        self._problem, self._overflows = health.problem, health.overflows
        self._dropped = health.dropped
        return lines
