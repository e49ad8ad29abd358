"""Folders that commands write into."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from realtime_ser.errors import SinkError

if TYPE_CHECKING:
    from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make a folder for results, and try it: what takes hours shall not end in an error.

    Raises:
        SinkError: it cannot be made, or no file in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except (OSError, ValueError) as error:  # ValueError: a name that no disk could hold
        reason = getattr(error, "strerror", None) or error
        raise SinkError(
            f"{folder}: cannot be written ({reason}); see to it that you may write there"
        ) from error
