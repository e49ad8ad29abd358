"""A file that grows by whole lines, whatever happens to the process or the disk.

Every line is handed to the system in one unbuffered write, so nothing of it waits in the process:
once ``write`` has returned, a kill cannot take the line away. A line that fits only in part (a full
disk) is taken back. The one tear left is a SIGKILL that hits Linux inside the write call, between
two memory pages that a line straddles: a line without its line feed. It was never acknowledged;
readers pass over it and appending repairs it.
"""

from __future__ import annotations

import os
import select
import stat
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from realtime_ser.errors import SinkError
from realtime_ser.sinks.lock import alone
from realtime_ser.sinks.place import check_place, sink_error
from realtime_ser.sinks.row_format import one_line

if TYPE_CHECKING:
    from realtime_ser.types import TimelineRow

FileMode = Literal["new", "append", "overwrite"]

STDOUT: Final = "-"
BOM: Final = b"\xef\xbb\xbf"
LONGEST_LINE: Final = 1 << 16
"""Bytes; a row has some 250 and its stream's name."""
_BINARY: Final = getattr(os, "O_BINARY", 0)  # Windows would write carriage returns


class LineFileSink(ABC):
    """A ``Sink`` of lines of text.

    ``-`` is standard output; devices and named pipes are written as they are, whatever the mode
    (opening a named pipe waits for its reader).
    """

    format_name: ClassVar[str]
    header: ClassVar[str | None]
    opening: ClassVar[str]
    """Every file of the format begins with this."""

    def __init__(self, path: str | Path, mode: FileMode = "new") -> None:
        """Nothing is opened yet.

        Args:
            path: file to write, or ``-``.
            mode: what to do with a file that is there: ``new`` refuses it, ``append`` continues
                it, ``overwrite`` replaces it.
        """
        self._path = Path(path)
        self._mode = mode
        self._stdout = str(path) == STDOUT
        self._name = "stdout" if self._stdout else one_line(str(path))
        self._fd: int | None = None

    @property
    def path(self) -> Path:
        """As it was named."""
        return self._path

    @abstractmethod
    def encode(self, row: TimelineRow) -> str:
        """The row as one line, without the line feed."""

    @abstractmethod
    def decode(self, line: str) -> TimelineRow:
        """The row of a line.

        Raises:
            ValueError: it is not a row.
        """

    def check(self) -> None:
        """Refuse what ``open`` would refuse; nothing is created or changed.

        Raises:
            SinkError: as ``open``. That the disk is full, only writing shows.
        """
        try:
            if self._stdout:
                os.fstat(1)
            elif check_place(self._path) and self._path.is_file():
                self._check_existing()
        except OSError as error:
            raise self._failed("cannot be written", error) from error

    def open(self) -> None:
        """Create or check the file; a header is written where one belongs.

        Raises:
            SinkError: it exists and the mode is ``new``, it is not a timeline of this format and
                the mode is ``append``, or it cannot be written. A file that was there is as it
                was, a new one is not left behind.
        """
        if self._fd is not None:
            raise RuntimeError(f"{self._name} is open")
        created = False
        try:
            if self._stdout:
                self._fd = os.dup(1)
            else:
                self._fd, created = self._open_path()
            with alone(self._fd):
                self._prepare()
        except BaseException as error:
            self._abandon(created)
            if isinstance(error, OSError):
                raise self._failed("cannot be written", error) from error
            raise

    def write(self, row: TimelineRow) -> None:
        """Append the row; when this returns, a kill of the process cannot take it away.

        Other processes may append to the same file.

        Raises:
            SinkError: it could not be written. The rows before it are whole, and writing may be
                tried again.
        """
        if self._fd is None:
            raise RuntimeError(f"{self._name} is not open")
        with alone(self._fd):
            self._append(self._fd, self.encode(row))

    def close(self) -> None:
        """Finish. May be called twice, also before ``open``.

        Raises:
            SinkError: the system reports only now that rows could not be stored (network drives).
        """
        fd, self._fd = self._fd, None
        if fd is not None:
            try:
                os.close(fd)
            except OSError as error:
                raise self._failed("the last rows may be missing", error) from error

    def _open_path(self) -> tuple[int, bool]:
        """The file's descriptor, and whether it is new."""
        flags = os.O_RDWR | os.O_APPEND | _BINARY
        try:
            return os.open(self._path, flags | os.O_CREAT | os.O_EXCL, 0o666), True
        except FileExistsError:
            if not self._path.is_file():
                # A device or a pipe. Opened for reading too, a pipe would never see its reader go.
                return os.open(self._path, os.O_WRONLY | _BINARY), False
        if self._mode == "new":
            raise self._exists()
        if self._mode == "overwrite":
            self._replace()
        return os.open(self._path, flags), False

    def _exists(self) -> SinkError:
        return SinkError(
            f"{self._name}: already exists; use --append to continue it, --overwrite to replace "
            "it, or another name"
        )

    def _check_existing(self) -> None:
        """A regular file is there: may the mode have it?"""
        if self._mode == "new":
            raise self._exists()
        fd = os.open(self._path, os.O_RDWR | _BINARY)
        try:
            if self._mode == "append":
                self._continuation(fd)
        finally:
            os.close(fd)

    def _replace(self) -> None:
        """Leave nothing but the header in a file that is there.

        The header goes over the old one before the rest is cut off: an old timeline is whole until
        it is gone, and links to the file and its permissions stay.
        """
        header = b"" if self.header is None else self.header.encode() + b"\n"
        fd = os.open(self._path, os.O_RDWR | _BINARY)
        try:
            written = 0
            while written < len(header):
                written += os.write(fd, header[written:])
            os.ftruncate(fd, len(header))
        finally:
            os.close(fd)

    def _prepare(self) -> None:
        """Bring an open file to where the next row can follow."""
        assert self._fd is not None
        if self._regular() and not self._stdout:
            if self._mode == "append":
                self._continue(self._fd)
            if os.fstat(self._fd).st_size > 0:
                return
        if self.header is not None:
            self._append(self._fd, self.header)

    def _continue(self, fd: int) -> None:
        """Repair the last line of a timeline."""
        keep, ending = self._continuation(fd)
        if keep < os.fstat(fd).st_size:
            os.ftruncate(fd, keep)
        if ending:
            os.write(fd, ending)

    def _continuation(self, fd: int) -> tuple[int, bytes]:
        """How a timeline is to be continued: bytes of it to keep, and what to write behind them.

        Raises:
            SinkError: not a timeline of this format.
        """
        size = os.fstat(fd).st_size
        first, newline, _ = _read(fd, 0, LONGEST_LINE).removeprefix(BOM).partition(b"\n")
        if not newline and size < LONGEST_LINE and self._is_torn_start(first):
            return 0, b""
        tail = _read(fd, max(0, size - LONGEST_LINE), LONGEST_LINE)
        last = tail[tail.rfind(b"\n") + 1 :]
        if not self._is_start(first) or len(last) == LONGEST_LINE:
            raise SinkError(
                f"{self._name}: not a {self.format_name} timeline of this version; use another "
                "name, or --overwrite to replace it"
            )
        if last and self._is_row(last):
            return size, b"\n"  # an editor took the line feed of the last row away
        return size - len(last), b""

    def _is_start(self, line: bytes) -> bool:
        """A whole first line."""
        if self.header is None:
            return self._is_row(line)
        return line.rstrip(b"\r") == self.header.encode()

    def _is_torn_start(self, line: bytes) -> bool:
        """What a kill may leave of a first line."""
        opening = self.opening.encode()
        if self.header is None and line.startswith(opening):
            return not self._is_row(line)
        return opening.startswith(line)

    def _is_row(self, line: bytes) -> bool:
        try:
            self.decode(line.decode("utf-8"))
        except ValueError:
            return False
        return True

    def _append(self, fd: int, line: str) -> None:
        """One write for the whole line; what cannot be completed is taken back."""
        data = line.encode() + b"\n"
        written = 0
        while written < len(data):
            try:
                written += os.write(fd, data[written:])
            except BlockingIOError:  # a terminal or pipe that a neighbour made non-blocking
                select.select([], [fd], [])
            except OSError as error:
                self._take_back(fd, written)
                raise self._failed("cannot be written", error) from error

    def _take_back(self, fd: int, count: int) -> None:
        """Cut off the last ``count`` bytes, unless somebody else has written behind them."""
        if count and self._regular():
            end = os.lseek(fd, 0, os.SEEK_CUR)
            if end == os.fstat(fd).st_size:
                os.ftruncate(fd, end - count)
                os.lseek(fd, end - count, os.SEEK_SET)

    def _regular(self) -> bool:
        assert self._fd is not None
        return stat.S_ISREG(os.fstat(self._fd).st_mode)

    def _abandon(self, created: bool) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)
        if created:
            self._path.unlink(missing_ok=True)

    def _failed(self, what: str, error: OSError) -> SinkError:
        return sink_error(self._path, self._name, what, error)


def _read(fd: int, start: int, count: int) -> bytes:
    """Up to ``count`` bytes from ``start``."""
    os.lseek(fd, start, os.SEEK_SET)
    data = b""
    while len(data) < count and (more := os.read(fd, count - len(data))):
        data += more
    return data
