"""A file that outlives the engines that write to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from realtime_ser.sinks.sink import Sink
    from realtime_ser.types import TimelineRow


class LastingSink:
    """Opened by the first engine, closed by ``finish`` only. Implements ``Sink``.

    One engine writes at a time.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._open = False

    def check(self) -> None:
        """See ``Sink.check``; an open file is in order."""
        if not self._open:
            self._sink.check()

    def open(self) -> None:
        """See ``Sink.open``; an open file goes on."""
        if not self._open:
            self._sink.open()
            self._open = True

    def write(self, row: TimelineRow) -> None:
        """See ``Sink.write``."""
        self._sink.write(row)

    def close(self) -> None:
        """The next engine may want to write."""

    def finish(self) -> None:
        """Close the file. May be called twice.

        Raises:
            SinkError: see ``Sink.close``.
        """
        self._open = False
        self._sink.close()
