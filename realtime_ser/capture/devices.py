"""Which devices there are, and which of them a user means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_ser.capture.portaudio import PortAudio
from realtime_ser.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.capture.driver import DeviceInfo, Driver

COMMON_RATES = (8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000)


def list_devices(driver: Driver | None = None) -> list[DeviceInfo]:
    """All devices that can record, with those of ``COMMON_RATES`` that they offer.

    Args:
        driver: the audio system; PortAudio when None.

    Raises:
        SourceError: there is no usable audio system.
    """
    used = PortAudio() if driver is None else driver
    try:
        return used.devices(COMMON_RATES)
    finally:
        used.close()


def find_device(devices: Sequence[DeviceInfo], wanted: str | int | None, uri: str) -> DeviceInfo:
    """The device that a user means.

    Args:
        devices: to choose from.
        wanted: an index, a name (any case; the whole of it, or a part that only one has), or None
            for the default.
        uri: for the message.

    Raises:
        SourceError: none or several fit.
    """
    if not devices:
        raise SourceError(f"{uri}: no device to record from was found; connect a microphone")
    if wanted is None:
        # Some systems name no default; the first is what the user would pick.
        return next((d for d in devices if d.is_default), devices[0])
    if isinstance(wanted, int):
        for device in devices:
            if device.index == wanted:
                return device
        raise SourceError(f"{uri}: no device to record from has this index; {_choices(devices)}")
    name = wanted.casefold()
    exact = [d for d in devices if d.name.casefold() == name]
    found = exact or [d for d in devices if name in d.name.casefold()]
    if not found:
        raise SourceError(f"{uri}: no device to record from has this name; {_choices(devices)}")
    # The same device under several host APIs (Windows) is no ambiguity: the default's comes first.
    if len({d.name for d in found}) > 1:
        raise SourceError(f"{uri}: several devices have this in their name; {_choices(found)}")
    return next((d for d in found if d.is_default), found[0])


def _choices(devices: Sequence[DeviceInfo]) -> str:
    return "choose one of " + ", ".join(f"{d.index} ({d.name})" for d in devices)
