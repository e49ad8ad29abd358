"""How far a terminal is behind, as over a slow connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.driver import Driver


def waiting_writes(driver: Driver | None) -> int:
    """What the driver has not yet handed to the terminal.

    Textual queues up to 30 writes and then blocks the whole screen, keys included. It has no name
    for the length of that queue; a driver without one counts as never behind.
    """
    writer = getattr(driver, "_writer_thread", None)
    waiting = getattr(writer, "_queue", None)
    return 0 if waiting is None else int(waiting.qsize())
