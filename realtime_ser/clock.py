"""Time, so that tests can inject it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from realtime_ser.types import SAMPLE_RATE

if TYPE_CHECKING:
    import threading


class Clock(Protocol):
    """A monotonic clock, and UTC for headers."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""

    def utc(self) -> datetime:
        """The wall clock, with time zone UTC."""

    def wait(self, wake: threading.Event, timeout: float) -> bool:
        """Wait until ``wake`` is set or ``timeout`` seconds have passed; True when it was set."""


class SystemClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        return time.monotonic()

    def utc(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, wake: threading.Event, timeout: float) -> bool:
        return wake.wait(timeout)


def to_seconds(sample: int, sample_rate: int = SAMPLE_RATE) -> float:
    """Sample index -> seconds."""
    return sample / sample_rate


def to_samples(seconds: float, sample_rate: int = SAMPLE_RATE) -> int:
    """Seconds -> nearest sample index."""
    return round(seconds * sample_rate)
