"""What the screen asks of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from realtime_ser.stats import Health


class Monitor(Protocol):
    """The running engine, as the screen sees it. None of these may block."""

    def health(self) -> Health:
        """A picture of the whole engine; asked for about ten times a second."""

    def pause(self) -> None:
        """Stop to listen."""

    def resume(self) -> None:
        """Listen again."""

    def stop(self) -> None:
        """Begin to end: what has been captured so far still becomes rows."""
