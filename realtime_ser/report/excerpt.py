"""A stretch of the live timeline as files: a picture (SVG and PNG) and its rows (CSV)."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING

from realtime_ser.errors import SinkError
from realtime_ser.report.picture import draw
from realtime_ser.sinks.csv import CsvSink

if TYPE_CHECKING:
    from pathlib import Path

    from realtime_ser.ui.shown import Excerpt


def write_excerpt(excerpt: Excerpt, folder: Path, stem: str) -> list[str]:
    """Write STEM.svg, STEM.png and STEM.csv; returns their names.

    Raises:
        SinkError: nothing is in sight, a file is there already, or cannot be written.
    """
    if not excerpt.lanes:
        raise SinkError("no speech is in sight; scroll to some, then export")
    files = [folder / f"{stem}.{ending}" for ending in ("svg", "png", "csv")]
    for file in files:
        if file.exists():
            raise SinkError(f"{file}: is there already; wait a second and try again")
    rows = CsvSink(files[2])
    rows.open()  # of two that write at once one is refused here, before anything is written
    try:
        with closing(rows):
            for row in excerpt.rows:
                rows.write(row)
        figure = draw(excerpt)
        for file in files[:2]:
            figure.savefig(file, dpi=150)
    except (OSError, SinkError, ValueError) as error:
        for each in files:
            with suppress(OSError):
                each.unlink(missing_ok=True)
        if isinstance(error, SinkError):
            raise
        if isinstance(error, ValueError):  # rows that somebody else wrote
            raise SinkError(f"these rows cannot be written ({error})") from error
        raise SinkError(f"{folder}: cannot be written ({error.strerror or error})") from error
    return [file.name for file in files]
