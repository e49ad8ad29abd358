"""Timeline rows as JSON Lines: one object a line, the fields and values of the CSV."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from realtime_ser.sinks.line_file import LineFileSink
from realtime_ser.sinks.row_format import SCHEMA, parse_record, to_record

if TYPE_CHECKING:
    from realtime_ser.types import TimelineRow


class JsonlSink(LineFileSink):
    """Writes ``docs/timeline-format.md`` as JSON Lines."""

    format_name = "JSON Lines"
    header = None
    opening = f'{{"schema":{SCHEMA},'

    def encode(self, row: TimelineRow) -> str:
        """The row as one line."""
        return encode_json(row)

    def decode(self, line: str) -> TimelineRow:
        """The row of a line; ValueError when it is none."""
        return decode_json(line)


def encode_json(row: TimelineRow) -> str:
    """The row as one JSON object on one line, without the line feed."""
    record = to_record(row)
    return json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def decode_json(line: str) -> TimelineRow:
    """The row of a line.

    Raises:
        ValueError: not a row of version 1.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({error})") from error
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")
    return parse_record(record)
