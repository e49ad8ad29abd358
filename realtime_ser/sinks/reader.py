"""Reads timelines back: CSV or JSON Lines, version 1."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from realtime_ser.errors import DataError
from realtime_ser.sinks.csv import HEADER, decode_csv
from realtime_ser.sinks.jsonl import decode_json
from realtime_ser.sinks.line_file import BOM

if TYPE_CHECKING:
    from realtime_ser.types import TimelineRow


def read_timeline(path: str | Path) -> list[TimelineRow]:
    """Read a whole timeline; its content tells the format.

    A last line without a line feed that is no row is passed over: a writer was killed inside it.
    An empty file is a timeline without rows.

    Args:
        path: what ``CsvSink`` or ``JsonlSink`` wrote, also while they are still writing.

    Raises:
        DataError: it cannot be read, or is not a timeline of this version; the text names the line.
    """
    try:
        data = Path(path).read_bytes().removeprefix(BOM)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    *lines, unfinished = data.split(b"\n")
    is_json = data.startswith(b"{")
    decode = decode_json if is_json else decode_csv
    body = lines if is_json else lines[1:]
    if not is_json and (lines or unfinished):
        header = lines[0].rstrip(b"\r") if lines else unfinished
        if header != HEADER.encode() and (lines or not HEADER.encode().startswith(header)):
            raise DataError(f"{path}: not a timeline of this version (its header is another)")
    rows = []
    for number, line in enumerate(body, start=len(lines) - len(body) + 1):
        try:
            rows.append(decode(line.decode("utf-8")))
        except ValueError as error:
            raise DataError(f"{path}: line {number} is not a timeline row ({error})") from error
    if unfinished and (lines or is_json):
        with suppress(ValueError):
            rows.append(decode(unfinished.decode("utf-8")))
    return rows
