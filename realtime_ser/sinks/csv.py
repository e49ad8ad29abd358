"""Timeline rows as CSV: UTF-8, a header row, lines end in a line feed."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from realtime_ser.sinks.line_file import LineFileSink
from realtime_ser.sinks.row_format import FIELDS, parse_record, to_record

if TYPE_CHECKING:
    from realtime_ser.types import TimelineRow

HEADER: Final = ",".join(FIELDS)


class CsvSink(LineFileSink):
    """Writes ``docs/timeline-format.md`` as CSV."""

    format_name = "CSV"
    header = HEADER
    opening = HEADER

    def encode(self, row: TimelineRow) -> str:
        """The row as one line."""
        return encode_csv(row)

    def decode(self, line: str) -> TimelineRow:
        """The row of a line; ValueError when it is none."""
        return decode_csv(line)


def encode_csv(row: TimelineRow) -> str:
    """The row as one line, without the line feed."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(to_record(row).values())
    return line.getvalue()


def decode_csv(line: str) -> TimelineRow:
    """The row of a line under the header.

    Raises:
        ValueError: not a row of version 1.
    """
    try:
        values = next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        raise ValueError(str(error)) from error
    if len(values) != len(FIELDS):
        raise ValueError(f"{len(values)} columns instead of {len(FIELDS)}")
    return parse_record(dict(zip(FIELDS, values, strict=True)))
