"""Whether a file can be written at a place, and what to say when not."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Final

from realtime_ser.errors import SinkError

if TYPE_CHECKING:
    from pathlib import Path

REMEDIES: Final = {
    errno.ENOSPC: "free some space or use another drive",
    errno.EDQUOT: "free some space or use another drive",
    errno.EFBIG: "use a new file: this one has reached the largest size allowed here",
    errno.EACCES: "use a place where you may write",
    errno.EPERM: "use a place where you may write",
    errno.EROFS: "use a place where you may write",
}
"""Error number -> what the user can do."""


def check_place(path: Path) -> bool:
    """Find out whether a file can be written, without opening or creating anything.

    Returns:
        Whether something is there.

    Raises:
        OSError: it cannot be written.
    """
    try:
        path.lstat()
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise
        _check_access(path.parent, os.W_OK | os.X_OK)
        return False
    if stat.S_ISDIR(path.stat().st_mode):  # of a link: what it leads to, which may be nothing
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    _check_access(path, os.W_OK)
    return True


def sink_error(path: Path, name: str, what: str, error: OSError) -> SinkError:
    """One line about what the system has refused.

    Args:
        path: of the file.
        name: of the file, as the user is told it.
        what: did not work.
        error: what the system says.
    """
    if isinstance(error, BrokenPipeError):
        return SinkError(f"{name}: closed by the reader")
    if isinstance(error, FileNotFoundError) and not path.parent.is_dir():
        return SinkError(f"{name}: its folder does not exist; create it first")
    if isinstance(error, IsADirectoryError):
        return SinkError(f"{name}: is a folder; name a file in it")
    remedy = REMEDIES.get(error.errno or 0, "use another place")
    return SinkError(f"{name}: {what} ({error.strerror or error}); {remedy}")


def _check_access(path: Path, mode: int) -> None:
    if not os.access(path, mode):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
