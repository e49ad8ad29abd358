"""[9] What every sink of timeline rows promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from realtime_ser.types import TimelineRow


class Sink(Protocol):
    """Takes rows, in order. One thread opens it; then one, perhaps another, writes and closes it.

    Of several sinks all are checked before one is opened: then none has touched its file when
    another is refused.
    """

    def check(self) -> None:
        """Refuse what ``open`` would refuse, without changing anything.

        Raises:
            SinkError: as ``open``; what only writing can show (a full disk, say) stays to it.
        """

    def open(self) -> None:
        """Get ready to write.

        Raises:
            SinkError: it cannot be written; one line with the reason and the remedy.
        """

    def write(self, row: TimelineRow) -> None:
        """Take one row; when this returns the row survives a kill of the process.

        Raises:
            SinkError: the row could not be written (a full disk, say).
        """

    def close(self) -> None:
        """Finish. May be called twice."""
