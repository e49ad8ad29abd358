"""Old timelines are removed: files that this program wrote, and no others."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Final

from realtime_ser.server.file_names import is_ours
from realtime_ser.sinks.csv import HEADER
from realtime_ser.sinks.jsonl import JsonlSink

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from pathlib import Path

DAY: Final = 86_400.0
EVERY: Final = 3600.0
"""Seconds between two looks."""


def remove_old(
    folder: Path, keep_days: float, now: datetime, in_use: Collection[str] = ()
) -> tuple[int, int]:
    """Remove the timelines of calls whose last row is older than so many days.

    A file goes only if all of this is true: it lies in the folder itself, is a plain file and no
    link, has a name as ``file_names.file_name`` makes them, begins like a timeline, was written
    last before that time, and is not in use.

    Args:
        folder: where timelines are written.
        keep_days: more than 0.
        now: UTC.
        in_use: names of files that are being written.

    Returns:
        How many were removed, and how many could not be.
    """
    oldest = now.timestamp() - keep_days * DAY
    removed = failed = 0
    try:
        files = sorted(folder.iterdir())
    except OSError:
        return 0, 1
    for file in files:
        if file.name in in_use or not is_ours(file.name):
            continue
        try:
            status = file.lstat()
            if not stat.S_ISREG(status.st_mode) or status.st_mtime >= oldest:
                continue
            if _is_timeline(file):
                file.unlink()
                removed += 1
        except OSError:
            failed += 1
    return removed, failed


def _is_timeline(file: Path) -> bool:
    """It begins like one; a file that a kill left empty counts."""
    opening = (HEADER if file.suffix == ".csv" else JsonlSink.opening).encode()
    with file.open("rb") as stream:
        start = stream.read(len(opening))
    return opening.startswith(start)
