"""Folders that commands write into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_ser.errors import SinkError

if TYPE_CHECKING:
    from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make a folder for results.

    Raises:
        SinkError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"{folder}: cannot be made ({error.strerror or error})") from error
