"""The user's terminal, kept from what libraries chat, and outlived when it is closed.

Decoders (mpg123) write remarks to file descriptor 2 themselves, while a screen is up: they would
break the screen, and the promise of one line a problem.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def native_stderr_muted() -> Iterator[None]:
    """While it lasts only Python reaches the terminal's stderr, through ``sys.stderr``.

    And a terminal that is closed meanwhile is no error: what nobody can read is dropped.

    For the outermost frame of a command: it changes the whole process, and a console or handler
    that took ``sys.stderr`` before is muted, too. Where stderr is not a plain file descriptor (a
    test's capture, a notebook) nothing is changed.
    """
    try:
        plain = sys.stderr.fileno() == 2
    except (AttributeError, OSError, ValueError):
        plain = False
    if not plain:
        yield
        return
    before, before_original = sys.stderr, sys.__stderr__
    before.flush()
    ours = _Forgiving(
        os.fdopen(os.dup(2), "wb"),
        encoding=before.encoding,
        errors="backslashreplace",
        line_buffering=True,
    )
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    # Screens write to the original.
    sys.stderr = sys.__stderr__ = ours  # type: ignore[misc]
    try:
        yield
    finally:
        ours.flush()
        os.dup2(ours.fileno(), 2)
        sys.stderr, sys.__stderr__ = before, before_original  # type: ignore[misc]
        ours.close()


class _Forgiving(io.TextIOWrapper):
    """With the error of a closed terminal the screen's writer would end, and the screen wait for it
    for ever."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except BlockingIOError:
            self.flush()
        except OSError:
            self._drop()
        return len(text)

    def flush(self) -> None:
        while True:
            try:
                super().flush()
            except BlockingIOError:  # somebody made the terminal so; it only takes its time
                select.select([], [self], [])
            except OSError:
                self._drop()
                return
            else:
                return

    def _drop(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        super().flush()
