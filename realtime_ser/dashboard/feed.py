"""A connection to a server's feed that comes back; its messages are handed on one by one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from typing import TYPE_CHECKING, Final

from realtime_ser.dashboard.fields import shown
from realtime_ser.errors import DataError, RealtimeSerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from realtime_ser.clock import Clock
    from realtime_ser.dashboard.fields import Record

    Connect = Callable[[], AbstractAsyncContextManager[AsyncIterable[str | bytes]]]
    """Opens a connection, whose messages end when the server closes it in order. Raises
    ``LinkError`` and ``FeedRefusedError``, also while it lasts."""
    Take = Callable[[Record], bool]
    """Takes a message; True when nothing more will come. Raises ``DataError``."""

DELAYS: Final = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before the next try; the last one from then on."""
FINAL: Final = ("unauthorized", "unknown")
"""Codes of errors that another try would meet again; a full server will have room some day."""


class LinkError(Exception):
    """The connection cannot be had or is lost, in words; another try may help."""


class FeedRefusedError(RealtimeSerError):
    """The server does not want us, and will not on another try."""


class Feed:
    """Connects, listens, and connects again. Belongs to one event loop."""

    def __init__(
        self,
        connect: Connect,
        take: Take,
        clock: Clock,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Prepare; ``run`` connects.

        Args:
            connect: opens a connection.
            take: what becomes of a message.
            clock: for the time until the next try.
            pause: waits for so many seconds of that clock.
        """
        self._connect = connect
        self._take = take
        self._clock = clock
        self._pause = pause
        self._tries = 0
        self.trouble = ""
        """What went wrong last, in words."""
        self._again = 0.0
        """When it tries again, monotonic seconds."""
        self.connected = False
        self.refusal = ""
        """Why the server does not want us; ``run`` has returned then."""
        self.over = False
        """``run`` has ended, however it did."""

    @property
    def words(self) -> str:
        """What is wrong with the connection; empty while nothing is, and before the first try."""
        if self.over or self.connected or not self.trouble:
            return self.refusal
        left = math.ceil(self._again - self._clock.monotonic())
        when = f"trying again in {left} s" if left > 0 else "trying again"
        return f"{self.trouble}, {when}"

    async def run(self) -> None:
        """Until it is cancelled, refused, or nothing more will come."""
        try:
            await self._listen_for_ever()
        finally:
            self.over = True

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                if await self._listen():
                    return
                self.trouble = "connection lost"
            except FeedRefusedError as error:
                self.refusal = str(error)
                return
            except (DataError, LinkError) as error:
                self.trouble = str(error)
            finally:
                self.connected = False
            delay = DELAYS[min(self._tries, len(DELAYS) - 1)]
            self._tries += 1
            self._again = self._clock.monotonic() + delay
            await self._pause(delay)

    async def _listen(self) -> bool:
        """One connection; whether it said that nothing more will come."""
        async with self._connect() as messages:
            async for message in messages:
                over = self._take(_decoded(message))
                self.connected, self._tries = True, 0
                if over:
                    return True
        return False


def _decoded(message: str | bytes) -> Record:
    try:
        value = json.loads(message)
    except (ValueError, RecursionError):
        raise DataError("the server's feed cannot be read: not JSON") from None
    if not isinstance(value, dict):
        raise DataError("the server's feed cannot be read: not an object")
    if value.get("type") == "error":
        text = f"the server refuses: {shown(str(value.get('message')))}"
        raise FeedRefusedError(text) if value.get("code") in FINAL else LinkError(text)
    return value


@contextlib.asynccontextmanager
async def listening(feed: Feed) -> AsyncIterator[None]:
    """The feed runs as long as this lasts; what broke it is raised at the end."""
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
