"""What reaches the screen from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from realtime_ser.stats import Health
    from realtime_ser.types import TimelineRow


class RowArrived(Message):
    """One more row of the timeline; every one counts."""

    def __init__(self, row: TimelineRow) -> None:
        super().__init__()
        self.row = row


class HealthChanged(Message):
    """A newer picture of the engine; it supersedes those that still wait."""

    def __init__(self, health: Health) -> None:
        super().__init__()
        self.health = health

    def can_replace(self, message: Message) -> bool:
        """Only the newest picture is worth drawing."""
        return isinstance(message, HealthChanged)
