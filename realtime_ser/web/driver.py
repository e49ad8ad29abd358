"""How the screen draws into the server's pipe. Runs in the screen's own process."""

from __future__ import annotations

import contextlib

from textual.drivers.web_driver import WebDriver
from textual.messages import ExitApp


class PageDriver(WebDriver):
    """Textual's web driver, except that the screen ends when the server is gone, however it went.

    Nobody could see or close a screen without a server, and it would go on listening.
    """

    def write(self, data: str) -> None:
        """See ``WebDriver.write``; without a reader, nothing happens."""
        with contextlib.suppress(BrokenPipeError):
            super().write(data)

    def write_meta(self, data: dict[str, object]) -> None:
        """See ``WebDriver.write_meta``; without a reader, nothing happens."""
        with contextlib.suppress(BrokenPipeError):
            super().write_meta(data)

    def run_input_thread(self) -> None:
        """See ``WebDriver.run_input_thread``; it returns when its pipe has been closed."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            self._app.post_message(ExitApp())
