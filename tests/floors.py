"""What a server's feed says, made up: messages of ``/v1/feed``, and a server that sends them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import serve

from realtime_ser.dashboard.feed import LinkError
from realtime_ser.sinks.row_format import to_record
from realtime_ser.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from websockets.asyncio.server import Request, Response, ServerConnection

    from realtime_ser.dashboard.calls import Key
    from realtime_ser.dashboard.feed import Connect
    from realtime_ser.types import TimelineRow

Message = dict[str, Any]
STARTED = "2026-11-23T10:00:00.000Z"


def make_stream(stream: str = "call-42", **changes: Any) -> Message:
    """A calm customer; name what shall differ."""
    return {
        "stream": stream, "channel": 0, "role": "customer", "metadata": {}, "started": STARTED,
        "state": "live", "duration": 100.0, "speaking": True, "level_dbfs": -22.5,
        "emotion": "neutral", "confidence": 0.71, "valence": 0.1, "speech": 60.0, "negative": 0.0,
        "recent": [], "alert": None, "alerts": 0, "dropped": 0.0, **changes,
    }  # fmt: skip


def make_alert(end: float, name: str = "long-anger", started: str = STARTED) -> Message:
    utc = datetime.fromisoformat(started) + timedelta(seconds=end)
    return {"name": name, "end": end, "utc": utc.isoformat(timespec="milliseconds")}


def said(emotions: str, until: float = 100.0, confidence: float = 0.7) -> list[list[Any]]:
    """A letter each 5 s, the last one up to ``until``; a blank is silence."""
    names = dict(zip("adfhnsp?", (*EMOTIONS, "uncertain"), strict=True))
    start = until - 5.0 * len(emotions)
    return [
        [start + 5.0 * (i + 1), names[letter], confidence]
        for i, letter in enumerate(emotions)
        if letter != " "
    ]


def make_floor(**changes: Any) -> Message:
    return {
        "streams": 3, "capacity": 200, "speaking": 2, "load": 0.31, "hop": 0.5, "usual_hop": 0.5,
        "latency_ms": {"p50": 31.0, "p95": 88.0, "p99": 140.0}, "dropped": 0.0, "refused": 0,
        "uptime": 4000.0, "model": "default", "shares": {"angry": 0.1, "neutral": 0.6, "sad": 0.05},
        **changes,
    }  # fmt: skip


def snapshot(*streams: Message, **floor: Any) -> Message:
    floor = {"streams": len(streams), **floor}
    return {"type": "snapshot", "floor": make_floor(**floor), "streams": list(streams)}


def update(*streams: Message, ended: Sequence[Any] = (), **floor: Any) -> Message:
    return {
        "type": "update", "floor": make_floor(**floor), "streams": list(streams),
        "ended": list(ended),
    }  # fmt: skip


def row_message(row: TimelineRow) -> Message:
    """A row as it is on the wire."""
    return {"type": row.kind, **to_record(row)}


def history(stream: Message, rows: Iterable[TimelineRow] = ()) -> Message:
    return {"type": "history", "stream": stream, "rows": [row_message(row) for row in rows]}


def busy_floor(count: int, seed: int = 1) -> list[Message]:
    """As many calls as on a busy day, of all kinds."""
    draw = random.Random(seed)
    return [_call(number, draw) for number in range(count)]


def _call(number: int, draw: random.Random) -> Message:
    duration = round(draw.uniform(20.0, 3000.0), 1)
    began = datetime.fromisoformat(STARTED) - timedelta(seconds=duration)
    mood = draw.choice(("neutral",) * 12 + ("happy", "happy", "sad", "angry", "angry", "fear"))
    recent, end, emotion = [], max(5.0, duration - 300.0), "neutral"
    while end < duration:
        if draw.random() < 0.6:
            if draw.random() < 0.3:
                emotion = draw.choice((mood, mood, mood, "neutral", "neutral", "uncertain"))
            sure = 0.35 if emotion == "uncertain" else round(draw.uniform(0.45, 0.95), 3)
            recent.append([round(end, 1), emotion, sure])
        end += 5.0
    alerted = mood == "angry" and draw.random() < 0.6
    speaking = draw.random() < 0.6 and bool(recent)
    return make_stream(
        f"call-{4200 + number}",
        channel=number % 2,
        role=("customer", "agent")[number % 2],
        metadata={"queue": draw.choice(("billing", "support", "sales"))},
        started=began.isoformat(timespec="milliseconds"),
        duration=duration,
        speaking=speaking,
        emotion=recent[-1][1] if speaking else None,
        confidence=recent[-1][2] if speaking else None,
        negative=float(sum(5 for _, name, _ in recent if name in ("angry", "sad", "fear"))),
        recent=recent,
        alert=make_alert(max(1.0, duration - draw.uniform(2.0, 200.0)), started=began.isoformat())
        if alerted
        else None,
        alerts=int(alerted) * draw.randint(1, 4),
    )


class ScriptedFeed:
    """Says what the test tells it, as JSON; each connection takes the next script.

    A script is a list of messages; behind it the connection stays open until ``cut``. An exception
    in the place of a script is what the connection ends with before it is open.
    """

    def __init__(self, *scripts: Sequence[Message | str] | Exception) -> None:
        self._scripts = list(scripts)
        self._queue: asyncio.Queue[Message | str | Exception | None] = asyncio.Queue()
        self.opened = 0
        self.closed = 0

    def connect(self, _: Key | None = None) -> Connect:
        @contextlib.asynccontextmanager
        async def opened() -> AsyncIterator[AsyncIterator[str | bytes]]:
            script = self._scripts.pop(0) if self._scripts else LinkError("nobody is there")
            if isinstance(script, Exception):
                raise script
            self.opened += 1
            self._queue = asyncio.Queue()
            for message in script:
                self._queue.put_nowait(message)
            try:
                yield self._messages(self._queue)
            finally:
                self.closed += 1

        return opened

    def say(self, message: Message | str) -> None:
        self._queue.put_nowait(message)

    def cut(self, error: Exception | None = None) -> None:
        """The connection ends: in order, or with an error."""
        self._queue.put_nowait(error)

    @staticmethod
    async def _messages(
        queue: asyncio.Queue[Message | str | Exception | None],
    ) -> AsyncIterator[str | bytes]:
        while (message := await queue.get()) is not None:
            if isinstance(message, Exception):
                raise message
            yield message if isinstance(message, str) else json.dumps(message)


class FloorServer:
    """A WebSocket server that speaks as the contract says, on a port of its own."""

    def __init__(self, *streams: Message, token: str | None = None) -> None:
        self.streams = {(each["stream"], each["channel"]): each for each in streams}
        self.rows: dict[Key, list[TimelineRow]] = {}
        self.port = 0
        self.asked: list[str] = []
        self._token = token
        self._watchers: set[ServerConnection] = set()

    @contextlib.asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[str]:
        """Its address while it runs."""
        async with serve(
            self._serve, "127.0.0.1", port, process_request=self._admit, close_timeout=0.1
        ) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            yield f"http://127.0.0.1:{self.port}"

    async def tell(self, message: Message) -> None:
        """Send to all who watch the floor."""
        for watcher in list(self._watchers):
            await watcher.send(json.dumps(message))

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.asked.append(request.path)
        given = request.headers.get("Authorization")
        if self._token is not None and given != f"Bearer {self._token}":
            return connection.respond(401, "no\n")
        if urlsplit(request.path).path != "/v1/feed":
            return connection.respond(404, "no such page\n")
        key = _asked_for(request.path)
        if key is not None and key not in self.streams:
            return connection.respond(404, "no such call\n")
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        key = _asked_for(connection.request.path)
        if key is None:
            self._watchers.add(connection)
            await connection.send(json.dumps(snapshot(*self.streams.values())))
            await connection.wait_closed()
            self._watchers.discard(connection)
            return
        await connection.send(json.dumps(history(self.streams[key], self.rows.get(key, ()))))
        await connection.wait_closed()


def _asked_for(path: str) -> Key | None:
    query = parse_qs(urlsplit(path).query)
    return (query["stream"][0], int(query["channel"][0])) if "stream" in query else None
