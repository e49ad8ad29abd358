"""What is said on stderr, one line a message."""

from __future__ import annotations

import contextlib
import sys
from typing import Final

PROGRAM: Final = "realtime-ser"


def tell(text: str) -> None:
    """One line, whatever characters a file name in it has; nobody is there to be told: no error."""
    line = "".join(c if c.isprintable() else " " for c in text)
    if sys.stderr is None:  # closed by the caller; print would take stdout instead
        return
    with contextlib.suppress(OSError):  # the work goes on, and the exit status tells
        print(f"{PROGRAM}: {line}", file=sys.stderr, flush=True)  # noqa: T201  # its one place
