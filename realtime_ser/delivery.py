"""[9] Rows to every sink, with the last of their stamps. No threads."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from realtime_ser.errors import RealtimeSerError
from realtime_ser.marks import mark_flag
from realtime_ser.stats import StageMeters
from realtime_ser.timeline import DERIVED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack

    from realtime_ser.marks import Mark
    from realtime_ser.sinks.sink import Sink
    from realtime_ser.stats import Stamps
    from realtime_ser.types import TimelineRow


def emitted_row(row: TimelineRow, stamps: Stamps, emitted: float) -> TimelineRow:
    """The row with the latency that it has when it is handed out.

    Args:
        row: its latency ends when it was inferred.
        stamps: of its way so far.
        emitted: monotonic seconds, now.
    """
    if row.latency_ms is None:
        return row
    waited = (emitted - stamps.inferred) * 1000.0
    return replace(row, latency_ms=round(row.latency_ms + waited, 1))


class Delivery:
    """The sinks of one run."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = list(sinks)
        self._writing = threading.Lock()
        self.newest: TimelineRow | None = None
        """What a mark repeats; to begin with a row of time 0, without scores."""
        self.stages = StageMeters()
        self.rows = 0
        """Handed out so far."""

    def open(self, closing: ExitStack) -> None:
        """Open all sinks or none.

        Args:
            closing: gets what closes those that are open.

        Raises:
            SinkError: what cannot be opened. Where a sink's ``check`` finds it, which is the rule,
                no file that was there before has been touched.
        """
        for sink in self._sinks:
            sink.check()
        for sink in self._sinks:
            closing.callback(sink.close)
            sink.open()

    def close(self, ending: ExitStack) -> None:
        """Have ``ending`` close every sink, whatever the others do."""
        for sink in self._sinks:
            ending.callback(sink.close)

    def add(self, sink: Sink) -> None:
        """Hand out to one more sink, which is open; from any thread."""
        with self._writing:
            self._sinks.append(sink)

    def remove(self, sink: Sink) -> None:
        """Hand out no more to a sink, whose last row is written then; from any thread."""
        with self._writing:
            if sink in self._sinks:
                self._sinks.remove(sink)

    def mark(self, mark: Mark, on_error: Callable[[Exception], None]) -> None:
        """Hand out the newest row once more, as an alert with the mark.

        Args:
            mark: a moment since the streams' start.
            on_error: as for ``write``.
        """
        self._hand_out(self.marked(mark), on_error)

    def marked(self, mark: Mark) -> TimelineRow:
        """The newest row once more, as an alert with the mark."""
        assert self.newest is not None
        flags = (*(flag for flag in self.newest.flags if flag == DERIVED), mark_flag(mark))
        return replace(self.newest, kind="alert", flags=flags, detail=None)

    def write(
        self,
        row: TimelineRow,
        stamps: Stamps,
        emitted: float,
        on_error: Callable[[Exception], None],
    ) -> None:
        """Hand a row to every sink; one that fails gets no more, the others get all.

        Args:
            row: its latency ends when it was inferred.
            stamps: of its way so far.
            emitted: monotonic seconds, now.
            on_error: told at once of a sink that failed.
        """
        row = emitted_row(row, stamps, emitted)
        self.stages.add(stamps, emitted, row.latency_ms)
        self._hand_out(row, on_error)
        if row.kind != "alert":
            self.newest = row

    def _hand_out(self, row: TimelineRow, on_error: Callable[[Exception], None]) -> None:
        with self._writing:
            for sink in list(self._sinks):
                try:
                    sink.write(row)
                except (OSError, RealtimeSerError) as error:
                    self._sinks.remove(sink)
                    on_error(error)
            self.rows += 1
