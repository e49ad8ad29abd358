"""A real terminal to run the screen in: a shell in tmux."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MISSING = "tmux is not installed" if shutil.which("tmux") is None else ""


class Terminal:
    """A shell in tmux, on a server of its own."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        """Open it.

        Args:
            folder: to work in; also has the screen's remembered looks.
            environment: of the shell; that of the tests when None.
        """
        self._name = f"test-{uuid4().hex}"
        environment = dict(os.environ if environment is None else environment)
        environment |= {"XDG_CONFIG_HOME": str(folder), "TERM": "xterm-256color"}
        for name in ("TMUX", "COLUMNS", "LINES"):  # the terminal says what its size is
            environment.pop(name, None)
        subprocess.run(
            ["tmux", "-L", self._name, "-f", os.devnull, "new-session", "-d", "-x", "110", "-y",
             "32", "-c", str(folder), "sh"],
            env=environment, check=True, timeout=20,
        )  # fmt: skip

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def text(self) -> str:
        return self._tmux("capture-pane", "-p")

    def wait_for(self, text: str, timeout: float = 60.0) -> None:
        try:
            wait_until(lambda: text in self.text(), timeout, text)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.text()}") from None

    def resize(self, width: int, height: int) -> None:
        self._tmux("resize-window", "-x", str(width), "-y", str(height))

    def in_screen(self) -> bool:
        return self._tmux("display-message", "-p", "#{alternate_on}").strip() == "1"

    def end(self) -> None:
        self._tmux("kill-server")

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._name, *arguments],
            capture_output=True, text=True, check=False, timeout=20,
        )  # fmt: skip
        return done.stdout
