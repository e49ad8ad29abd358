"""What a process that runs many streams asks of the interpreter and the C library.

The C library gives large blocks back to the system and gets them page by page again, which costs
more than what most operations on a batch compute: a piece of speech took 2.7 ms with, 2.2 ms
without it (16 at once).

The inference thread takes the lock of the interpreter hundreds of times a batch. While the gate has
work, too, it waits for it, 5 ms at a time by default.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Final

_MMAP_THRESHOLD: Final = (-3, 32 << 20)
"""Blocks up to 32 MiB, the most that is allowed, are taken from memory that is kept."""
_TRIM_THRESHOLD: Final = (-1, 64 << 20)
"""So much free memory is kept: more than a forward pass takes."""
_TOP_PAD: Final = (-2, 16 << 20)
"""So much more is asked for at once."""


SWITCH: Final = 0.0005
"""Seconds after which a thread hands the interpreter's lock to one that waits."""


def prepare_process() -> None:
    """For commands that run many streams, before they make anything large."""
    sys.setswitchinterval(SWITCH)
    keep_freed_memory()


def keep_freed_memory() -> bool:
    """False where the C library is not glibc."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    taken = [mallopt(*option) for option in (_MMAP_THRESHOLD, _TRIM_THRESHOLD, _TOP_PAD)]
    return all(taken)
