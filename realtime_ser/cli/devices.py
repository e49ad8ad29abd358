"""``realtime-ser devices``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from realtime_ser.capture.devices import list_devices
from realtime_ser.cli.consoles import PipedConsole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.capture.driver import DeviceInfo


def command() -> None:
    """List the microphones that can be opened.

    The index or the name goes behind "mic:" as the source of the other commands.
    """
    devices = list_devices()
    if not devices:
        typer.echo("No device to record from was found; connect a microphone.")
        return
    PipedConsole().print(device_table(devices))


def device_table(devices: Sequence[DeviceInfo]) -> Table:
    """A row a device; the default is marked with a star.

    Args:
        devices: in the order of the rows.
    """
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("")
    table.add_column("index", justify="right")
    # A long name is folded, never cut: users copy it behind "mic:".
    table.add_column("name", overflow="fold")
    table.add_column("system", overflow="fold")
    table.add_column("channels", justify="right")
    table.add_column("default Hz", justify="right")
    table.add_column("offers Hz", overflow="fold")
    for device in devices:
        table.add_row(
            "*" if device.is_default else "",
            str(device.index),
            Text(device.name),  # brackets in names are no markup
            Text(device.host_api),
            str(device.channels),
            str(device.sample_rate),
            " ".join(map(str, device.sample_rates)),
        )
    return table
