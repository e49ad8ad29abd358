"""What the microphone needs of an audio system, so that tests can bring their own."""

from __future__ import annotations

from collections.abc import Callable
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


OnBlock = Callable[[AudioArray, bool], None]
"""Gets (n, channels) samples, its own copy, and whether input was lost before them."""


class InputStream(Protocol):
    """An open device."""

    def close(self) -> None:
        """Stop it and free it. May take for ever when the audio system hangs."""


class Driver(Protocol):
    """An audio system. All calls come from one thread; any may take for ever."""

    def devices(self) -> list[DeviceInfo]:
        """Those that can record.

        Raises:
            SourceError: the audio system is not installed or does not start.
        """

    def refresh(self) -> None:
        """Look again for devices that came or went."""

    def offers(self, device: DeviceInfo, sample_rate: int, channels: int) -> bool:
        """Whether the device can be opened like that."""

    def open(
        self,
        device: DeviceInfo,
        sample_rate: int,
        channels: int,
        block_samples: int,
        on_block: OnBlock,
        on_end: Callable[[], None],
    ) -> InputStream:
        """Start to deliver.

        Args:
            device: one of ``devices``.
            sample_rate: Hz.
            channels: how many.
            block_samples: samples a block.
            on_block: called from the driver's own thread.
            on_end: called from the driver's own thread when the stream stops.

        Raises:
            SourceError: it cannot be opened.
        """

    def abandon(self) -> None:
        """A call never returned: do nothing more, not even at the end of the process."""
