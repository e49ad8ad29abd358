"""What the microphone needs of an audio system, so that tests can bring their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from realtime_ser.types import AudioArray


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device that audio can come from."""

    index: int
    """As in ``mic:INDEX``; may change when devices come and go."""
    name: str
    host_api: str
    channels: int
    """Most that can be recorded at once. Virtual devices claim 32 or more."""
    sample_rate: int
    """The device's default, Hz."""
    is_default: bool
    sample_rates: tuple[int, ...] = ()
    """Which of the common rates it offers; empty where that was not asked for."""


OnBlock = Callable[[AudioArray, float, bool], None]
"""Gets (n, channels) samples, its own copy; the monotonic time of the last of them in seconds; and
whether input was lost before them."""


class Driver(Protocol):
    """An audio system that records from one device at a time.

    Calls come from one thread, may take long and always return; ``close`` may come from any.
    """

    def devices(self, sample_rates: Sequence[int] = ()) -> list[DeviceInfo]:
        """Those that can record, as they are now. Closes what is open.

        Args:
            sample_rates: to be tried, Hz; those that a device offers are told of it.

        Raises:
            SourceError: the audio system is not installed, does not start or does not answer.
        """

    def open(
        self,
        device: DeviceInfo,
        sample_rates: Sequence[int],
        channels: int,
        block: float,
        on_block: OnBlock,
        on_end: Callable[[], None],
    ) -> int:
        """Start to deliver.

        Args:
            device: one of the latest ``devices``.
            sample_rates: Hz, the best first; the last of them is tried whatever the device says.
            channels: how many.
            block: seconds a block.
            on_block: called from a thread of the driver.
            on_end: called from a thread of the driver when the stream has stopped, once.

        Returns:
            The sample rate that it has, Hz.

        Raises:
            SourceError: it cannot be opened, or the audio system does not answer.
        """

    def close(self) -> None:
        """Stop what is open and end a call that is under way. Returns within two seconds."""
