"""What is said on stderr, one line a message."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM: Final = "realtime-ser"


def tell(text: str) -> None:
    """One line, whatever characters a file name in it has; nobody is there to be told: no error."""
    line = "".join(c if c.isprintable() else " " for c in text)
    if sys.stderr is None:  # closed by the caller; print would take stdout instead
        return
    with contextlib.suppress(OSError):  # the work goes on, and the exit status tells
        print(f"{PROGRAM}: {line}", file=sys.stderr, flush=True)  # noqa: T201  # its one place


@contextlib.contextmanager
def told_while(text: str) -> Iterator[None]:
    """On a terminal a line that is there while something takes long, and gone afterwards."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    line = f"{PROGRAM}: {text}"

    def show(what: str) -> None:
        with contextlib.suppress(OSError):
            print(what, end="", file=sys.stderr, flush=True)  # noqa: T201

    show(line)
    try:
        yield
    finally:
        show("\r" + " " * len(line) + "\r")
