"""What the screen would show of an engine's health, as lines for those who run without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from realtime_ser.stats import Health, StreamStatus

AT_MOST_EVERY: Final = 5.0
"""Seconds between two lines on the level of a stream."""


class Notices:
    """Says what has changed."""

    def __init__(self) -> None:
        self._problem: str | None = None
        self._webhook: str | None = None
        self._overflows = 0
        self._dropped = 0.0
        self._levels: dict[int, _Level] = {}
        """Channel -> what was said of it last."""

    def update(self, health: Health, webhook: str | None = None) -> list[str]:
        """Lines on what is new since the last call.

        Args:
            health: of the engine.
            webhook: what is wrong with it; None when all is well.
        """
        lines = []
        if webhook != self._webhook:
            lines.append(webhook or "alerts.webhook: alerts are delivered again")
            self._webhook = webhook
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
        for stream in health.streams:
            lines += self._level(stream, health)
        self._problem, self._overflows = health.problem, health.overflows
        self._dropped = health.dropped
        return lines

    def _level(self, stream: StreamStatus, health: Health) -> list[str]:
        """What has changed about a stream's level; its figure alone is nothing new."""
        last = self._levels.get(stream.channel, _Level())
        trouble = "" if stream.trouble is None else stream.trouble.partition(":")[0]
        too_soon = last.said is not None and health.elapsed - last.said < AT_MOST_EVERY
        if trouble == last.trouble or too_soon:
            return []
        self._levels[stream.channel] = _Level(trouble, health.elapsed)
        name = stream.stream
        if len(health.streams) > 1:
            name = f"{name}, channel {stream.channel}"
        return [f"{name}: {stream.trouble or 'the level is fine again'}"]


@dataclass(frozen=True, slots=True)
class _Level:
    trouble: str = ""
    """Its first words; empty where all is well."""
    said: float | None = None
    """Seconds since the engine started."""
