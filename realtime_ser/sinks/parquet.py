"""Parquet: the timeline as one typed table, written when the recording has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtime_ser.errors import SinkError
from realtime_ser.sinks.place import check_place, sink_error
from realtime_ser.sinks.row_format import FIELDS, to_record

if TYPE_CHECKING:
    from pathlib import Path

    from realtime_ser.types import TimelineRow

TEXT = ("stream", "kind", "utc", "emotion", "flags")
WHOLE = ("schema", "channel")


class ParquetSink:
    """Collects rows and writes them at ``close``; for recordings, not for live use.

    Implements ``Sink``, except that a row is on disk only after ``close``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._records: list[dict[str, Any]] = []
        self._open = False

    def check(self) -> None:
        """See ``Sink.check``: pyarrow is there, and the file can be written."""
        _pyarrow()
        try:
            check_place(self._path)
        except OSError as error:
            raise self._failed(error) from error

    def open(self) -> None:
        """See ``Sink.open``. A file that is there is replaced at ``close``."""
        self.check()
        self._open = True

    def write(self, row: TimelineRow) -> None:
        """See ``Sink.write``."""
        self._records.append(dict(to_record(row)))

    def close(self) -> None:
        """Write the file.

        Raises:
            SinkError: it cannot be written.
        """
        if not self._open:
            return
        self._open = False
        pa = _pyarrow()
        import pyarrow.parquet as pq

        types = {name: pa.string() for name in TEXT} | {name: pa.int32() for name in WHOLE}
        schema = pa.schema([(name, types.get(name, pa.float64())) for name in FIELDS])
        try:
            with self._path.open("wb") as file:  # pyarrow takes no name that is no UTF-8
                pq.write_table(pa.Table.from_pylist(self._records, schema=schema), file)
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> SinkError:
        return sink_error(self._path, str(self._path), "cannot be written", error)


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise SinkError(
            "--format parquet needs pyarrow; pip install pyarrow, or name another format"
        ) from error
    return pyarrow
