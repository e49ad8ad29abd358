"""How the screen draws into the server's pipe. Runs in the screen's own process."""

from __future__ import annotations

import contextlib
import os

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

    def on_meta(self, packet_type: str, payload: dict[str, object]) -> None:
        """See ``WebDriver.on_meta``; the size is also that of the next screen of the process."""
        if packet_type == "resize":
            os.environ |= {"COLUMNS": str(payload["width"]), "ROWS": str(payload["height"])}
        super().on_meta(packet_type, payload)

    def stop_application_mode(self) -> None:
        """See ``WebDriver.stop_application_mode``; keys are for the next screen from now on."""
        super().stop_application_mode()
        if self._key_thread.is_alive():
            self._key_thread.join()

    def run_input_thread(self) -> None:
        """See ``WebDriver.run_input_thread``; it returns when its pipe has been closed."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            self._app.post_message(ExitApp())
