"""Puts the server together: its parts, and what each path leads to."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from realtime_ser.server.assets import page_routes
from realtime_ser.server.book import Book
from realtime_ser.server.calls import Calls, Terms
from realtime_ser.server.feed import EVERY, Feed
from realtime_ser.server.gate import Gate
from realtime_ser.server.metrics import CONTENT_TYPE, Metrics
from realtime_ser.server.seats import Seats
from realtime_ser.server.switchboard import Switchboard

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from realtime_ser.clock import Clock
    from realtime_ser.config import Config
    from realtime_ser.engine import Floor
    from realtime_ser.server.auth import Rules
    from realtime_ser.server.files import Disk, Folder
    from realtime_ser.sinks.sink import Sink


@dataclass(frozen=True, slots=True)
class Heard:
    """What the server says of the model that listens."""

    model: str
    classes: tuple[str, ...]


class Server:
    """Everything behind the listening socket. Make it in the event loop."""

    def __init__(
        self,
        floor: Floor,
        heard: Heard,
        config: Config,
        rules: Rules,
        clock: Clock,
        *,
        folder: Folder | None = None,
        webhook: Sink | None = None,
        disk: Disk | None = None,
        disguise: Callable[[str], str] | None = None,
        feed_every: float = EVERY,
    ) -> None:
        """Put it together.

        Args:
            floor: started.
            heard: the model.
            config: limits.
            rules: what a request must bring.
            clock: of the floor.
            folder: where timelines go; None: nowhere.
            webhook: see ``Switchboard``.
            disk: how that does.
            disguise: makes pseudonyms.
            feed_every: see ``Feed``.
        """
        limits = config.server
        self._floor = floor
        self._model = heard.model
        self._disk = disk
        self._metrics = Metrics()
        self.book = Book()
        seats = Seats(limits.streams_a_client, config.floor.max_streams)
        self.board = Switchboard(
            floor, self.book, self._metrics, seats, clock,
            folder=folder, webhook=webhook, analyse_agent=limits.analyse_agent, disguise=disguise,
        )  # fmt: skip
        self._metrics.health = floor.health
        self._metrics.accounts = self.board.accounts
        if disk is not None:
            self._metrics.unwritten = lambda: disk.failures
        terms = Terms(
            max_message=limits.max_message,
            idle=limits.idle,
            ahead=config.capture.ring / 2,
            hop=config.recognizer.hop,
            model=heard.model,
            classes=heard.classes,
        )
        self._calls = Calls(self.board, seats, self._metrics, rules, terms)
        self.feed = Feed(self.book, self._metrics, clock, self._floor_picture, every=feed_every)
        self.ending = False
        self.app = Starlette(
            routes=[
                *page_routes(),
                Route("/healthz", self._healthz),
                Route("/metrics", self._show_metrics),
                Route("/v1/streams", self._streams),
                WebSocketRoute("/v1/stream", self._calls.stream),
                WebSocketRoute("/v1/twilio", self._calls.twilio),
                WebSocketRoute("/v1/feed", self.feed.serve),
            ],
            middleware=[Middleware(Gate, rules=rules, on_refused=self._metrics.refused)],
        )

    async def drain(self) -> None:
        """End every call in order; returns when all that was heard has been told."""
        self.ending = True
        await self._calls.end()
        await self.feed.end()

    async def _healthz(self, _: Request) -> Response:
        trouble = None if self._disk is None else self._disk.trouble()
        if self.ending:
            trouble = "ending"
        status = {"status": "ok"} if trouble is None else {"status": "trouble", "why": trouble}
        return JSONResponse(status, 200 if trouble is None else 503)

    async def _show_metrics(self, _: Request) -> Response:
        return Response(self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def _streams(self, _: Request) -> Response:
        return Response(f"{{{self.feed.everything()}}}", media_type="application/json")

    def _floor_picture(self) -> dict[str, Any]:
        """The FLOOR of docs/serve.md."""
        health = self._floor.health()
        return {
            "streams": health.streams,
            "capacity": health.capacity,
            "speaking": health.speaking,
            "load": round(health.load, 3),
            "hop": health.hop,
            "usual_hop": health.usual_hop,
            "latency_ms": {
                name: None if value is None else round(value, 1)
                for name, value in dataclasses.asdict(health.latency).items()
            },
            "dropped": round(health.dropped, 3),
            "refused": self._metrics.refusals,
            "uptime": round(health.uptime, 1),
            "model": self._model,
            "shares": self.book.shares(),
        }  # fmt: skip
