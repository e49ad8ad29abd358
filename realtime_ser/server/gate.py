"""Refuses requests before anything of the server hears of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse

from realtime_ser.server.assets import FILES
from realtime_ser.server.auth import TOKEN_FIELD

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from realtime_ser.server.auth import Rules

OPEN: Final = ("/healthz", *FILES)
"""Paths that need no token."""
LATER: Final = ("/v1/twilio",)
"""Paths whose first message may bring the token."""
TRUSTED: Final = "realtime_ser.trusted"
"""Key of the scope: whether the request brought the token."""
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Gate:
    """Middleware of an ASGI application."""

    def __init__(self, app: ASGIApp, rules: Rules, on_refused: Callable[[str], None]) -> None:
        """Stand before an application.

        Args:
            app: what is behind.
            rules: what a request must bring.
            on_refused: told the reason, in one word.
        """
        self._app = app
        self._rules = rules
        self._on_refused = on_refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 or 401 with one line, or pass on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        stranger = self._rules.stranger(asked.headers.get("host", ""), asked.headers.get("origin"))
        trusted = self._rules.may_ask(
            asked.headers.get("authorization"), asked.query_params.get(TOKEN_FIELD)
        )
        scope[TRUSTED] = trusted
        if stranger is not None:
            await self._refuse(403, "origin", stranger, scope, receive, send)
        elif not trusted and scope["path"] not in OPEN + LATER:
            text = "bring the token: 'Authorization: Bearer TOKEN' or ?token=TOKEN"
            await self._refuse(401, "unauthorized", text, scope, receive, send)
        else:
            await self._app(scope, receive, _with_headers(send))

    async def _refuse(
        self, status: int, reason: str, text: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._on_refused(reason)
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
        response = PlainTextResponse(f"realtime-ser: {text}\n", status, headers)
        await response(scope, receive, _with_headers(send))


def _with_headers(send: Send) -> Send:
    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sender
