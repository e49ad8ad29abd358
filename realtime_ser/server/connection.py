"""One WebSocket: what comes in, what goes out, and how it ends. Used by the event loop's thread."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from starlette.websockets import WebSocketDisconnect

from realtime_ser.server.protocol import ABORT
from realtime_ser.server.wire import WireError, error_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.websockets import WebSocket

WAITING: Final = 256
"""Messages that may wait for a client; one that lets more wait is cut off."""
FAREWELL: Final = 5.0
"""Seconds that a client has for the last messages."""
SLOW_FAREWELL: Final = 1.0

SLOW: Final = "messages are read too slowly; read them as they come"


class Connection:
    """Reads in the task that made it; a task of its own sends."""

    def __init__(self, websocket: WebSocket, *, waiting: int = WAITING) -> None:
        """Take a WebSocket that is not accepted yet.

        Args:
            websocket: of starlette.
            waiting: messages that may wait.
        """
        self.gone = False
        """Nobody is at the other end any more."""
        self._websocket = websocket
        self._over = False
        """Nothing is wanted of the other end any more."""
        self._queue: asyncio.Queue[str | None] = asyncio.Queue(waiting)
        self._loop = asyncio.get_running_loop()
        self._error: WireError | None = None
        self._reader: asyncio.Task[object] | None = None
        self._sender: asyncio.Task[None] | None = None
        self._sent = asyncio.Event()
        """Nothing waits to be sent."""
        self._heard = self._loop.time()
        self._patience: float | None = None
        self._renewed = True
        self._timer: asyncio.TimerHandle | None = None
        self._silence: WireError | None = None

    @property
    def client(self) -> str:
        """The address at the other end."""
        client = self._websocket.client
        return "" if client is None else client.host

    async def accept(self) -> None:
        """Answer the handshake."""
        await self._websocket.accept()
        self._sender = asyncio.create_task(self._send())

    @property
    def is_there(self) -> bool:
        """Something may still come, and is wanted."""
        return not (self.gone or self._over or self._error is not None)

    def expect(self, seconds: float, otherwise: WireError, *, renewed: bool = True) -> None:
        """From now on, cut the connection when nothing comes for so long.

        Args:
            seconds: that it has.
            otherwise: why it is cut.
            renewed: each message gives it as long again; else they are all that it has.
        """
        self._patience, self._silence, self._renewed = seconds, otherwise, renewed
        self._heard = self._loop.time()
        self._watch()

    async def receive(self) -> str | bytes | None:
        """The next message; None when there will be none, or nobody wants any.

        Raises:
            WireError: the connection was cut.
        """
        if self._error is not None:
            raise self._error
        if self.gone or self._over:
            return None
        self._reader = asyncio.current_task()
        try:
            message = await self._websocket.receive()
        except asyncio.CancelledError:
            cut = self._error is not None or self._over
            if not cut or self._reader is None or self._reader.uncancel() > 0:
                raise
            if self._error is not None:
                raise self._error from None
            return None
        finally:
            self._reader = None
        self._note()
        if message["type"] == "websocket.disconnect":
            self.gone = True
            return None
        text: str | None = message.get("text")
        data: bytes | None = message.get("bytes")
        return data if text is None else text

    async def pause(self, seconds: float) -> None:
        """Read nothing for a while; ends early when the connection is cut."""
        deadline = self._loop.time() + seconds
        while self._error is None and (left := deadline - self._loop.time()) > 0.0:
            await asyncio.sleep(min(left, 0.1))
        self._note()

    def put(self, text: str) -> None:
        """Send a message when its turn comes; never waits."""
        if self.gone or (self._error is not None and self._error.code == "slow"):
            return
        try:
            self._queue.put_nowait(text)
        except asyncio.QueueFull:
            self.cut(WireError("slow", SLOW))

    async def deliver(self, text: str, patience: float) -> bool:
        """Send a message and wait until it is on its way; False when it is not in time."""
        if self.gone:
            return True
        self._sent.clear()
        self.put(text)
        try:
            async with asyncio.timeout(patience):
                await self._sent.wait()
        except TimeoutError:
            return False
        return True

    def cut(self, error: WireError) -> None:
        """Have the reader end with an error; the first one counts."""
        if self._error is None and not self._over:
            self._error = error
            if self._reader is not None:
                self._reader.cancel()

    def end(self) -> None:
        """Have the reader end in order."""
        if not self._over and self._error is None:
            self._over = True
            if self._reader is not None:
                self._reader.cancel()

    async def finish(self, error: WireError | None = None, *, tell: bool = True) -> None:
        """Send what waits and close; a client that takes none of it is cut.

        Args:
            error: why it ends, where it does not end in order.
            tell: also as a message.
        """
        if self._timer is not None:
            self._timer.cancel()
        slow = error is not None and error.code == "slow"
        patience = SLOW_FAREWELL if slow else FAREWELL
        try:
            async with asyncio.timeout(patience):
                await self._last_words(error_text(error) if error and tell else None, slow=slow)
                if not self.gone:
                    code, reason = (1000, "") if error is None else (error.close_code, error.code)
                    await self._websocket.close(code, reason)
                    # It was handed to the system; whether the other end reads it is another matter.
                    self._loop.call_later(patience, self.abort)
        except TimeoutError:
            self.abort()
        except (WebSocketDisconnect, RuntimeError):  # it went away meanwhile
            self.gone = True
        finally:
            if self._sender is not None:
                self._sender.cancel()

    def abort(self) -> None:
        """End the connection now, without a word."""
        self.gone = True
        abort = self._websocket.scope.get("extensions", {}).get(ABORT)
        if abort is not None:
            abort()

    async def _last_words(self, text: str | None, *, slow: bool) -> None:
        if self._sender is None or self.gone:
            return
        if slow:
            while not self._queue.empty():
                self._queue.get_nowait()
        if text is not None:
            await self._queue.put(text)
        await self._queue.put(None)
        await asyncio.wait([self._sender])

    async def _send(self) -> None:
        try:
            while (text := await self._queue.get()) is not None:
                await self._websocket.send_text(text)
                if self._queue.empty():
                    self._sent.set()
        except (WebSocketDisconnect, RuntimeError):
            self.gone = True
            self._sent.set()
            while True:  # nobody may wait for a place in the queue
                if await self._queue.get() is None:
                    return

    def _note(self) -> None:
        """Something came, or was let wait."""
        if self._renewed:
            self._heard = self._loop.time()

    def _watch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._patience is None or self.gone:
            return
        left = self._heard + self._patience - self._loop.time()
        if left > 0.0:
            self._timer = self._loop.call_later(left, self._watch)
        elif self._silence is not None:
            self.cut(self._silence)


class Connections:
    """Those that are there; at the end all of them are sent away in order."""

    def __init__(self) -> None:
        self._there: set[Connection] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._ending = False

    def __len__(self) -> int:
        """How many there are."""
        return len(self._there)

    @contextlib.contextmanager
    def there(self, connection: Connection) -> Iterator[None]:
        """A connection, from its handshake until it has been closed."""
        self._there.add(connection)
        self._empty.clear()
        if self._ending:
            connection.cut(_ending())
        try:
            yield
        finally:
            self._there.discard(connection)
            if not self._there:
                self._empty.set()

    async def end(self) -> None:
        """Cut all, also those that still come, and wait until they have been closed."""
        self._ending = True
        for connection in list(self._there):
            connection.cut(_ending())
        await self._empty.wait()


def _ending() -> WireError:
    return WireError("ending", "the server is ending; go on with another one")
