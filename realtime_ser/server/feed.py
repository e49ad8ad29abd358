"""What dashboards get: all streams in coalesced pictures, or one stream with its history."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from realtime_ser.server.connection import Connection, Connections
from realtime_ser.server.wire import WireError, to_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.websockets import WebSocket

    from realtime_ser.clock import Clock
    from realtime_ser.server.book import Book
    from realtime_ser.server.metrics import Metrics

EVERY: Final = 0.5
"""Seconds between two pictures, at least."""
QUIET: Final = 5.0
"""Seconds after which a picture comes though no stream has changed."""
MOST: Final = 64
"""Dashboards at once."""
PATIENCE: Final = 30.0
"""Seconds in which one picture must be taken."""


class Changes:
    """What of a book is news to one dashboard, which has seen it as it is now."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._sent = {entry.key: entry.version for entry in book}
        """Version of each stream that the dashboard has."""
        self._gone = {entry.key for entry in book if not entry.live}
        """Streams whose end it knows of."""

    def since_last(self) -> str | None:
        """The newest picture of what has changed, as the inside of an ``update``; None: nothing."""
        changed, ended = [], []
        here = set()
        for entry in self._book:
            here.add(entry.key)
            if self._sent.get(entry.key) == entry.version:
                continue
            self._sent[entry.key] = entry.version
            changed.append(entry.text())
            if entry.live:
                self._gone.discard(entry.key)
            elif entry.key not in self._gone:
                self._gone.add(entry.key)
                ended.append(entry.key)
        for key in [key for key in self._sent if key not in here]:
            del self._sent[key]
            if key not in self._gone:
                ended.append(key)
            self._gone.discard(key)
        if not changed and not ended:
            return None
        return f'"streams":[{",".join(changed)}],"ended":{to_text(ended)}'


class Feed:
    """Serves ``/v1/feed``."""

    def __init__(
        self,
        book: Book,
        metrics: Metrics,
        clock: Clock,
        floor: Callable[[], dict[str, Any]],
        *,
        every: float = EVERY,
    ) -> None:
        """Connect.

        Args:
            book: of the streams.
            metrics: what is counted.
            clock: of the streams.
            floor: makes the FLOOR of docs/serve.md.
            every: seconds between two pictures, at least.
        """
        self._book = book
        self._metrics = metrics
        self._clock = clock
        self._floor = floor
        self._every = every
        self._connections = Connections()

    def everything(self) -> str:
        """Floor and streams, as the inside of a JSON object."""
        self._look()
        streams = ",".join(entry.text() for entry in self._book)
        return f'"floor":{to_text(self._floor())},"streams":[{streams}]'

    async def end(self) -> None:
        """Send everybody away."""
        await self._connections.end()

    async def serve(self, websocket: WebSocket) -> None:
        """The endpoint."""
        connection = Connection(websocket)
        with self._connections.there(connection):
            await self._serve_one(connection, websocket)

    async def _serve_one(self, connection: Connection, websocket: WebSocket) -> None:
        await connection.accept()
        error: WireError | None = None
        self._metrics.feeds += 1
        try:
            if len(self._connections) > MOST:
                raise WireError("full", f"{MOST} dashboards look on already; close one")
            name = websocket.query_params.get("stream")
            if name is None:
                await self._all(connection)
            else:
                await self._one(connection, name, websocket.query_params.get("channel", "0"))
        except WireError as caught:
            error = caught
            self._metrics.refused(caught.code)
        finally:
            self._metrics.feeds -= 1
        await connection.finish(error)

    async def _all(self, connection: Connection) -> None:
        """Pictures, each when the one before has been taken: a slow reader gets newer ones."""
        reading = asyncio.create_task(_read(connection))
        sending = asyncio.create_task(self._pictures(connection))
        try:
            await asyncio.wait((reading, sending), return_when=asyncio.FIRST_COMPLETED)
            for task in (reading, sending):
                if task.done():
                    task.result()
        finally:
            reading.cancel()
            sending.cancel()
            await asyncio.gather(reading, sending, return_exceptions=True)

    async def _pictures(self, connection: Connection) -> None:
        self._look()
        changes = Changes(self._book)
        await self._send(connection, f'{{"type":"snapshot",{self.everything()}}}')
        quiet = 0.0
        while not connection.gone:
            await asyncio.sleep(self._every)
            quiet += self._every
            self._look()
            text = changes.since_last()
            if text is not None or quiet >= QUIET:
                quiet = 0.0
                streams = text or '"streams":[],"ended":[]'
                floor = to_text(self._floor())
                await self._send(connection, f'{{"type":"update","floor":{floor},{streams}}}')

    async def _send(self, connection: Connection, text: str) -> None:
        if not await connection.deliver(text, PATIENCE):
            raise WireError("slow", "a picture was not taken in time")

    async def _one(self, connection: Connection, name: str, channel: str) -> None:
        """The history of one stream, then every message on it until its end."""
        number = (
            int(channel) if channel.isascii() and channel.isdigit() and len(channel) < 5 else -1
        )
        entry = self._book.get((name, number))
        if entry is None:
            raise WireError("unknown", "there is no such stream now; /v1/streams lists them")
        self._look()
        stream, rows = entry.text(), entry.history()
        connection.put(f'{{"type":"history","stream":{stream},"rows":[{rows}]}}')

        def watch(text: str) -> None:
            connection.put(text)
            if not entry.live and text.startswith('{"type":"end"'):
                connection.end()

        entry.watchers.append(watch)
        try:
            if entry.live:
                await _read(connection)
        finally:
            entry.watchers.remove(watch)

    def _look(self) -> None:
        self._book.look(self._clock.monotonic(), self._every * 0.9)


async def _read(connection: Connection) -> None:
    """Until the other end goes; raises when the connection is cut."""
    while await connection.receive() is not None:
        pass
