"""The process behind a page: the screen, as textual's web driver draws it into a pipe."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import signal
from asyncio import IncompleteReadError, StreamReader
from asyncio.subprocess import PIPE, Process
from typing import TYPE_CHECKING, Final

from textual_serve.app_service import AppService

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiohttp import web
    from textual_serve.download_manager import DownloadManager

READY: Final = b"__GANGLION__\n"
"""What the driver writes before the first packet of each screen that the process shows."""
PICTURE: Final = b"D"
"""Kind of the packets that are for the terminal."""
PATIENCE: Final = 20.0
"""Seconds in which a process must end once it was asked; rows on disk survive the kill."""
QUIET: Final = (0, 130, 143, -signal.SIGTERM)
"""Statuses of a screen that was closed: nothing has to be said."""
MOST_ERRORS: Final = 8192
"""Bytes of stderr that are kept, the last ones."""
DRIVER: Final = "realtime_ser.web.driver:PageDriver"
PLAIN: Final = (
    "\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l"  # the mouse marks text again
    "\x1b[0;38;2;232;236;242;48;2;15;18;24m\x1b[2J\x1b[H"  # the colours of page.css
)
"""Clears a terminal for text."""


class ScreenProcess(AppService):
    """Starts the screen, carries what it draws to the page, and ends it in order."""

    def __init__(
        self,
        command: Sequence[str],
        websocket: web.WebSocketResponse,
        downloads: DownloadManager,
        *,
        on_open: Callable[[], None],
        report: Callable[[str], None],
    ) -> None:
        """Prepare; ``start`` starts.

        Args:
            command: program and arguments.
            websocket: of the page.
            downloads: of the server; the screen offers none.
            on_open: called when the screen has opened: source and files are open, too.
            report: takes each line of what the process said of its failure.
        """
        super().__init__(
            shlex.join(command),
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=self._close_page,
            download_manager=downloads,
        )
        self._arguments = command
        self._websocket = websocket
        self._on_open = on_open
        self._report = report
        self._opened = False

    async def run(self) -> None:
        """Carry until the process has ended, also when nobody looks any more."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        assert process.stderr is not None
        errors = asyncio.create_task(_tail(process.stderr))
        try:
            with contextlib.suppress(IncompleteReadError):  # the pipe's end
                await process.stdout.readuntil(READY)
                self._opened = True
                self._on_open()
                await self._carry(process.stdout)
            said = await errors
            await self._say(await process.wait(), said.decode(errors="replace"))
            await self._close_page()
        finally:
            errors.cancel()

    async def on_data(self, payload: bytes) -> None:
        """Draw on the page. A page that has gone must not keep the process from going on."""
        with contextlib.suppress(ConnectionError):
            await self.remote_write_bytes(payload)

    async def stop(self) -> None:
        """End the process in order, and wait until it has ended."""
        task, self._task = self._task, None
        process = self._process
        if task is None or process is None:
            return
        try:
            async with asyncio.timeout(PATIENCE):
                if self._opened:
                    await self.send_meta({"type": "quit"})
                else:
                    with contextlib.suppress(ProcessLookupError):
                        process.terminate()
                await task
        except TimeoutError:
            self._report(f"the screen did not end within {PATIENCE:g} s; it was killed")
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        """Without a shell, and out of reach of the terminal's Ctrl-C: the server ends it."""
        self._process = process = await asyncio.create_subprocess_exec(
            *self._arguments,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._build_environment(width, height) | {"TEXTUAL_DRIVER": DRIVER},
            start_new_session=True,
        )
        self._stdin = process.stdin
        return process

    async def _carry(self, stream: StreamReader) -> None:
        while True:
            kind = await stream.readexactly(1)
            if kind == READY[:1]:  # one screen after another
                await stream.readuntil(READY[1:])
                continue
            size = int.from_bytes(await stream.readexactly(4), "big")
            payload = await stream.readexactly(size)
            if kind == PICTURE:
                await self.on_data(payload)

    async def _say(self, status: int, errors: str) -> None:
        if status in QUIET:
            return
        lines = errors.splitlines() or [f"the screen ended with status {status}"]
        for line in lines:
            self._report(line)
        await self.on_data(as_text(lines))

    async def _close_page(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self._websocket.close()


def as_text(lines: Sequence[str]) -> bytes:
    """Lines for a terminal in the place of the screen, whatever characters they have."""
    shown = ("".join(c if c.isprintable() else " " for c in line) for line in lines)
    return (PLAIN + "".join(f"{line}\r\n" for line in shown)).encode(errors="replace")


async def _tail(stream: StreamReader) -> bytes:
    kept = b""
    while data := await stream.read(4096):
        kept = (kept + data)[-MOST_ERRORS:]
    return kept
