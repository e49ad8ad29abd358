"""Serves the live screen to one page at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp import WSCloseCode, WSMsgType, web
from textual_serve.server import Server

from realtime_ser.errors import ConfigError
from realtime_ser.web.guard import TOKEN_FIELD, Guard, add_headers
from realtime_ser.web.process import PATIENCE, ScreenProcess, as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HOST: Final = "127.0.0.1"
USUAL_PORT: Final = 8000
PAGE: Final = Path(__file__).parent / "page"
LEAVING: Final = "leaving"
"""Cookie of a page that is about to be loaded anew: it still looks while it asks."""
TAKE_OVER: Final = 3.0
"""Seconds in which a page that is loaded anew must have let go of the screen."""
HEARTBEAT: Final = 15.0
"""Seconds between questions whether a page is still there."""
MOST_CELLS: Final = 1000
"""Columns and rows that a page can have."""
WATCHED: Final = "already open in another window"


class ScreenServer(Server):
    """Starts a process of the screen for the page that looks, and ends it with the page."""

    def __init__(
        self,
        first: Sequence[str],
        again: Sequence[str],
        *,
        replaces: bool,
        title: str,
        port: int,
        report: Callable[[str], None],
    ) -> None:
        """Prepare; ``run`` serves.

        Args:
            first: command that opens the screen.
            again: the same for later pages, which must go on in the files of the first.
            replaces: the first command replaces files; until it has, it is to be used again.
            title: of the page.
            port: that is listened to.
            report: takes each line that the user should read.
        """
        super().__init__("", HOST, port, title, templates_path=PAGE)
        self._next = first
        self._again = again
        self._replaces = replaces
        self._report = report
        self._token = secrets.token_urlsafe()
        self._guard = Guard(self._token, f"realtime-ser-{port}")
        self._free = asyncio.Event()
        """No page looks."""
        self._free.set()
        self._turn = asyncio.Lock()
        """Held while there is a process."""
        self._page: web.WebSocketResponse | None = None

    @property
    def address(self) -> str:
        """For the user's browser."""
        return f"http://{self.host}:{self.port}/?{TOKEN_FIELD}={self._token}"

    async def run(self, listener: socket.socket, on_ready: Callable[[], None]) -> None:
        """Serve until cancelled; the screen has ended in order then.

        Args:
            listener: bound to the port.
            on_ready: called when pages can be loaded.
        """
        runner = web.AppRunner(
            await self._make_app(), access_log=None, shutdown_timeout=PATIENCE + TAKE_OVER
        )
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            on_ready()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.router.add_static("/page", PAGE)
        app.middlewares.append(self._guard.admit)
        app.on_response_prepare.append(add_headers)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Without the banner of the library."""

    async def on_shutdown(self, app: web.Application) -> None:
        """The page goes first; the screen's process follows it."""
        if self._page is not None:
            await self._page.close(code=WSCloseCode.GOING_AWAY)

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        """The page with the screen, or one that says that it is open elsewhere."""
        if not self._free.is_set() and LEAVING not in request.cookies:
            text = (PAGE / "open_elsewhere.html").read_text(encoding="utf-8")
            return web.Response(status=409, text=text, content_type="text/html")
        return await super().handle_index(request)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """The page's terminal: the screen's process lives as long as this."""
        websocket = web.WebSocketResponse(heartbeat=HEARTBEAT)
        await websocket.prepare(request)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TAKE_OVER):
                await self._free.wait()
        if not self._free.is_set():
            with contextlib.suppress(ConnectionError):
                await websocket.send_bytes(as_text([f"realtime-ser: {WATCHED}"]))
                await websocket.close()
            return websocket
        self._free.clear()  # nothing is awaited in between: of two pages that wait, one goes on
        self._page = websocket
        try:
            async with self._turn:
                await self._show(request, websocket)
        finally:
            self._free.set()
        return websocket

    async def _show(self, request: web.Request, websocket: web.WebSocketResponse) -> None:
        process = ScreenProcess(
            self._next,
            websocket,
            self.download_manager,
            on_open=self._go_on_in_files,
            report=self._report,
        )
        if not self._replaces:
            self._go_on_in_files()
        await process.start(
            _cells(request.query.get("width"), 80), _cells(request.query.get("height"), 24)
        )
        try:
            async for message in websocket:
                if message.type is WSMsgType.TEXT:
                    await _pass_on(message.data, websocket, process)
        finally:
            self._free.set()  # the next page may come, and waits until the process has ended
            await process.stop()

    def _go_on_in_files(self) -> None:
        self._next = self._again


async def _pass_on(text: str, websocket: web.WebSocketResponse, process: ScreenProcess) -> None:
    """What the page says to the screen; what cannot be understood is left out."""
    with contextlib.suppress(ValueError, RecursionError, ConnectionError):
        match json.loads(text):
            case ["stdin", str(keys)]:
                await process.send_bytes(keys.encode(errors="replace"))
            case ["resize", {"width": width, "height": height}]:
                await process.set_terminal_size(_cells(width, 80), _cells(height, 24))
            case ["ping", sent]:
                await websocket.send_json(["pong", sent])
            case ["focus"]:
                await process.focus()
            case ["blur"]:
                await process.blur()


def _cells(given: object, otherwise: int) -> int:
    """A number of columns or rows that a terminal could have."""
    try:
        return min(max(int(str(given)), 1), MOST_CELLS)
    except ValueError:
        return otherwise


def listen(port: int | None) -> socket.socket:
    """Take a port of the loopback interface.

    Args:
        port: to take; 0 for any that is free, None for 8000 or, where that is taken, any.

    Raises:
        ConfigError: it cannot be had.
    """
    listener = socket.socket()
    if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows, where SO_REUSEADDR means to share
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, USUAL_PORT if port is None else port))
        listener.listen()
    except OSError as error:
        listener.close()
        if port is None:
            return listen(0)
        raise ConfigError(
            f"--port {port}: cannot be listened to ({error.strerror or error}); name another, or "
            "leave it out"
        ) from error
    return listener
