"""[1] What every audio source promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from realtime_ser.types import CapturedBlock


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of a source once it is open."""

    uri: str
    """As the user named it."""
    name: str
    """Short, for screens and the ``stream`` column: file stem, device name, ``stdin``."""
    sample_rate: int
    """Hz at which blocks are delivered (the device's or the file's own)."""
    channels: int
    live: bool
    """True: audio that is not taken in time is lost (microphone). False: the source waits."""
    duration: float | None = None
    """Seconds, where it is known beforehand."""
    start: float = 0.0
    """Seconds of it that are passed over: the first block is said to have lost them."""


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """Counts since the source was opened; safe to read from any thread."""

    overflows: int = 0
    """Times the driver said that it had to drop input."""
    reopened: int = 0
    """Times a lost device was opened again."""
    problem: str | None = None
    """What is wrong right now, in words for a user; None when all is well."""


class Source(Protocol):
    """A source of audio. One thread opens it; then one, perhaps another, reads and closes it."""

    def open(self) -> SourceInfo:
        """Start to deliver.

        Raises:
            SourceError: it cannot be opened; one line with the reason and the remedy.
        """

    def read(self, timeout: float) -> CapturedBlock | None:
        """The next block, or None when none came within ``timeout`` seconds.

        Raises:
            EOFError: the source has ended; every block has been delivered.
            SourceError: it broke for good.
        """

    def close(self) -> None:
        """Stop to deliver and free the device. May be called twice, also before ``open``."""

    def health(self) -> SourceHealth:
        """How it is doing; called from other threads."""
