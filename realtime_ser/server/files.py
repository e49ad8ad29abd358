"""Timelines of calls on disk: one file a call.

The floor's output thread writes, so a row is on disk before anybody is sent it, and there is no
second queue in which rows could be lost. A disk that hangs makes that thread wait; what was heard
meanwhile waits in the floor's own bounded queue, then in the rings, and what does not fit there is
dropped and counted. A disk that is full costs rows, which are counted; each later row is tried
anew. Both are said once, and ``/healthz`` knows them.
"""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from realtime_ser.errors import RealtimeSerError
from realtime_ser.server.file_names import file_name
from realtime_ser.server.wire import WireError
from realtime_ser.sinks.csv import CsvSink
from realtime_ser.sinks.jsonl import JsonlSink

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from realtime_ser.clock import Clock
    from realtime_ser.server.file_names import Format
    from realtime_ser.sinks.line_file import LineFileSink
    from realtime_ser.types import TimelineRow

HANGING: Final = 5.0
"""Seconds after which a write that has not come back is said to hang."""
_BEHIND_NAME: Final = re.compile(r"^.*?@[^@]*?\.(csv|jsonl): ")
MOST_ATTEMPTS: Final = 1000
"""Calls of one name within one second."""


class Disk:
    """How the disk is doing; told by the threads that write, asked by any."""

    def __init__(self, clock: Clock, tell: Callable[[str], None]) -> None:
        """Begin.

        Args:
            clock: times writes.
            tell: takes a line for the operator.
        """
        self._clock = clock
        self._tell = tell
        self._lock = threading.Lock()
        self._since: float | None = None
        self._failing = False
        self._hanging = False
        self.failures = 0
        """Rows, or ends of files, that it did not take."""

    def try_to(self, work: Callable[[], None], *, proves: bool = True) -> bool:
        """Write something; False when the disk did not take it. From one thread.

        Args:
            work: the writing.
            proves: that it has come back says that the disk takes rows again.
        """
        self._since = self._clock.monotonic()
        try:
            work()
        except (OSError, RealtimeSerError) as error:
            self.failed(error)
            return False
        finally:
            self._since = None
        self._hanging = False
        if proves:
            self._failing = False
        return True

    def trouble(self) -> str | None:
        """What is wrong, in one line; a write that hangs is told here for the first time."""
        since = self._since
        if since is not None and self._clock.monotonic() - since > HANGING:
            if not self._hanging:
                self._hanging = True
                self._tell("the disk of the timelines hangs; audio is dropped when it goes on so")
            return "the disk of the timelines hangs"
        return "timelines cannot be written" if self._failing else None

    def failed(self, error: Exception) -> None:
        """Something was not taken; from any thread."""
        with self._lock:
            self.failures += 1
            if not self._failing:
                # The file's name has the call's in it, which is nobody's business here.
                reason = _BEHIND_NAME.sub("", str(error))
                self._tell(f"a timeline {reason}; rows are being lost")
            self._failing = True


class CallFile:
    """The timeline of one call. Opened by any thread, written and left by one."""

    def __init__(
        self, sink: LineFileSink, disk: Disk, channels: int, on_closed: Callable[[], None]
    ) -> None:
        """Take an open sink.

        Args:
            sink: of the file.
            disk: told of every write.
            channels: that write to it.
            on_closed: told when the last of them has left.
        """
        self._sink = sink
        self._disk = disk
        self._channels = channels
        self._on_closed = on_closed

    def write(self, row: TimelineRow) -> bool:
        """Append a row; False when the disk did not take it."""
        return self._disk.try_to(lambda: self._sink.write(row))

    def leave(self) -> None:
        """One channel has ended; with the last one the file is closed."""
        self._channels -= 1
        if self._channels == 0:
            self._disk.try_to(self._sink.close, proves=False)
            self._on_closed()

    def discard(self) -> None:
        """The call was not taken in: remove the file, in which there is nothing."""
        self._channels = 0
        with suppress(OSError, RealtimeSerError):
            self._sink.close()
            self._sink.path.unlink()
        self._on_closed()


class Folder:
    """Where the timelines of calls go."""

    def __init__(self, folder: Path, suffix: Format, clock: Clock, disk: Disk) -> None:
        self._folder = folder
        self._suffix: Format = suffix
        self._clock = clock
        self._disk = disk
        self._lock = threading.Lock()
        self._open: set[str] = set()

    def open(self, call: str, channels: int) -> CallFile:
        """A new file for a call; a later call of the same name gets another one. Any thread.

        Raises:
            WireError: it cannot be made.
        """
        make = CsvSink if self._suffix == "csv" else JsonlSink
        started = self._clock.utc()
        for attempt in range(1, MOST_ATTEMPTS):
            name = file_name(call, started, self._suffix, attempt)
            with self._lock:
                if name in self._open or (self._folder / name).exists():
                    continue
                self._open.add(name)
            sink = make(self._folder / name)
            try:
                sink.open()
            except RealtimeSerError as error:
                self._closed(name)
                if (self._folder / name).exists():  # another process was faster
                    continue
                self._disk.failed(error)
                raise WireError(
                    "storage", "the server cannot write timelines now; try later"
                ) from error
            return CallFile(sink, self._disk, channels, partial(self._closed, name))
        raise WireError("storage", "too many calls of one name within a second; try later")

    def in_use(self) -> frozenset[str]:
        """Names of the files that are being written."""
        with self._lock:
            return frozenset(self._open)

    def _closed(self, name: str) -> None:
        with self._lock:
            self._open.discard(name)
