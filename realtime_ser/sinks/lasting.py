"""A file that outlives the engines that write to it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from realtime_ser.errors import RealtimeSerError, SinkError

if TYPE_CHECKING:
    from realtime_ser.sinks.sink import Sink
    from realtime_ser.types import TimelineRow


class LastingSink:
    """Opened by the first engine, closed by ``finish`` only. Implements ``Sink``.

    One engine writes at a time.
    """

    def __init__(self, sink: Sink, *, dispensable: bool = False) -> None:
        """Wrap a sink.

        Args:
            sink: what is written.
            dispensable: when it cannot be written any more the session goes on without it.
        """
        self._sink = sink
        self._dispensable = dispensable
        self._open = False
        self.failure: str | None = None
        """Why a dispensable file is written no more."""

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
        if self.failure is not None:
            return
        try:
            self._sink.write(row)
        except (OSError, RealtimeSerError) as error:
            if not self._dispensable:
                raise
            self.failure = str(error)

    def close(self) -> None:
        """The next engine may want to write."""

    def finish(self) -> None:
        """Close the file. May be called twice.

        Raises:
            SinkError: see ``Sink.close``; or rows are missing since a failure.
        """
        self._open = False
        if self.failure is not None:
            with suppress(OSError, RealtimeSerError):
                self._sink.close()
            raise SinkError(self.failure)
        self._sink.close()
