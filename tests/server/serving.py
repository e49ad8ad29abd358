"""A real server on a free port of the loopback interface; its recogniser is made up by default."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from realtime_ser.assembly import pipeline_factory
from realtime_ser.capture import g711
from realtime_ser.clock import SystemClock
from realtime_ser.config import Config, ServerConfig, VadConfig
from realtime_ser.engine import Floor
from realtime_ser.recognizer import Recognizer
from realtime_ser.server.app import Heard, Server
from realtime_ser.server.auth import Rules
from realtime_ser.server.files import Disk, Folder
from realtime_ser.server.listening import listen
from realtime_ser.server.run import Tls, run_server
from realtime_ser.sinks.reader import read_timeline
from realtime_ser.testing import CollectSink, ConstantRecognizer
from realtime_ser.types import TimelineRow
from tests.signals import silence, speech_like

PATIENCE = 20.0
"""Seconds that anything may take in these tests."""
RATE = 8000
START = {"sample_rate": RATE, "encoding": "mulaw"}
ANGRY = (0.7, 0.1, 0.1, 0.1)


def settings(**server: Any) -> Config:
    """A cheap detector, and limits of the server."""
    return Config(vad=VadConfig(backend="webrtc"), server=ServerConfig(port=0, **server))


@functools.cache
def spoken(seconds: float = 2.0, pause: float = 1.0, *, channels: int = 1) -> bytes:
    """mu-law at 8 kHz: silence, speech, silence, the same on every channel."""
    parts = [silence(0.2, sample_rate=RATE), speech_like(seconds, sample_rate=RATE)]
    voice = np.concatenate([*parts, silence(pause, sample_rate=RATE)])
    return g711.encode(np.repeat(voice[:, None], channels, axis=1), "mulaw").tobytes()


@dataclass
class Talk:
    """What a connection has brought."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    code: int | None = None
    """With which it was closed."""
    reason: str = ""

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    @property
    def error(self) -> str:
        """Code of the only error."""
        (error,) = self.of("error")
        assert "\n" not in error["message"]
        return error["code"]  # type: ignore[no-any-return]


class Stage:
    """A running server."""

    def __init__(self, url: str, floor: Floor, server: Server, folder: Path | None) -> None:
        self.url = url
        self.floor = floor
        self.server = server
        self.folder = folder
        self.told: list[str] = []
        self.stop = asyncio.Event()

    def socket(self, path: str = "/v1/stream", **more: Any) -> connect:
        return connect(f"ws://{self.url}{path}", compression=None, proxy=None, **more)

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{self.url}{path}", headers=headers) as answer,
        ):
            return answer.status, await answer.text()

    async def streams(self) -> dict[str, Any]:
        return json.loads((await self.get("/v1/streams"))[1])  # type: ignore[no-any-return]

    async def call(self, audio: bytes, *, block: int = 4000, **start: Any) -> Talk:
        """A call from its beginning to its end."""
        async with self.socket() as socket:
            await socket.send(json.dumps(START | start))
            for at in range(0, len(audio), block):
                await socket.send(audio[at : at + block])
            await socket.send('{"type":"stop"}')
            return await listen_to(socket)

    def rows(self) -> dict[str, list[TimelineRow]]:
        """File name -> its rows."""
        assert self.folder is not None
        return {file.name: read_timeline(file) for file in sorted(self.folder.iterdir())}


async def listen_to(socket: ClientConnection) -> Talk:
    """Everything until the connection is closed."""
    talk = Talk()
    async with asyncio.timeout(PATIENCE):
        with contextlib.suppress(ConnectionClosed):
            while True:
                talk.messages.append(json.loads(await socket.recv()))
    talk.code, talk.reason = socket.close_code, socket.close_reason or ""
    return talk


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def serving(
    config: Config | None = None,
    *,
    rules: Rules | None = None,
    folder: Path | None = None,
    disguise: Callable[[str], str] | None = None,
    max_streams: int = 400,
    recognizer: Recognizer | None = None,
    in_time: bool = True,
    tls: Tls | None = None,
    webhook: CollectSink | None = None,
) -> AsyncIterator[Stage]:
    """Run a server as the command does; at the end it must have drained ``in_time``."""
    config = config or settings()
    config = replace(config, floor=replace(config.floor, max_streams=max_streams))
    clock = SystemClock()
    recognizer = recognizer or ConstantRecognizer(probabilities=ANGRY)
    floor = Floor(recognizer, pipeline_factory(config, recognizer), config, clock=clock)
    told: list[str] = []
    disk = Disk(clock, told.append)
    files = None if folder is None else Folder(folder, config.server.format, clock, disk)
    listener = listen(config.server.host, 0)
    server = Server(
        floor, Heard("constant", recognizer.classes), config, rules or Rules(), clock,
        folder=files, webhook=webhook, disk=disk, disguise=disguise, feed_every=0.05,
    )  # fmt: skip
    host, port = listener.getsockname()[:2]
    stage = Stage(f"{host}:{port}", floor, server, folder)
    stage.told = told
    ready = asyncio.Event()
    floor.start()
    running = asyncio.create_task(
        run_server(server, floor, listener, config.server, stage.stop, ready.set, tls=tls)
    )
    try:
        async with asyncio.timeout(PATIENCE):
            await ready.wait()
        yield stage
    finally:
        stage.stop.set()
        with contextlib.closing(listener):
            assert await running is in_time
        if isinstance(recognizer, ConstantRecognizer):
            assert recognizer.open_slots == set()
