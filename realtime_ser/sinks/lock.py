"""One process at a time works on a file that several write to."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # mypy knows the module, where there is one


@contextlib.contextmanager
def alone(fd: int) -> Iterator[None]:
    """Nobody else who asks the same writes a line or looks for the end of the last one meanwhile.

    Where files cannot be locked (Windows, some network drives) this does nothing.

    Args:
        fd: of the open file; devices and pipes are not locked.
    """
    locked = False
    if fcntl is not None and stat.S_ISREG(os.fstat(fd).st_mode):
        with contextlib.suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_EX)
            locked = True
    try:
        yield
    finally:
        if locked:
            with contextlib.suppress(OSError):
                fcntl.flock(fd, fcntl.LOCK_UN)
