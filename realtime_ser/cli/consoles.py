"""Where tables and progress bars go."""

from __future__ import annotations

from rich.console import Console


class PipedConsole(Console):
    """A reader that went away is told of as everywhere else, not by a status of rich's own."""

    def on_broken_pipe(self) -> None:
        """See ``Console.on_broken_pipe``.

        Raises:
            BrokenPipeError: always.
        """
        raise BrokenPipeError
