"""Who may ask: a page of this server's own, on this machine, that came with the token.

The token keeps other users and programs of the machine out. A page from elsewhere that the same
browser has open could send requests, too; it cannot say where they come from, and a foreign name
that was made to lead here (DNS rebinding) is not one of ours.
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, Final

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TOKEN_FIELD: Final = "token"
"""Of the address that is printed."""
OWN_NAME: Final = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
"""As a browser says whom it asks; any port, because a tunnel may begin at another one."""
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Sent with everything: nothing is loaded from elsewhere, shown inside of another page or kept."""


class Guard:
    """Answers 403, with one line that says why, in the place of whatever was asked for."""

    def __init__(self, token: str, cookie: str) -> None:
        """Guard with a secret.

        Args:
            token: what the address must bring once.
            cookie: name under which the browser brings it from then on.
        """
        self._token = token
        self._cookie = cookie

    @web.middleware
    async def admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Middleware of an application."""
        refusal = self._refusal(request)
        if refusal is not None:
            return web.Response(status=403, text=f"realtime-ser: {refusal}\n")
        response = await handler(request)
        if not response.prepared and TOKEN_FIELD in request.query:
            response.set_cookie(self._cookie, self._token, httponly=True, samesite="Strict")
        return response

    def _refusal(self, request: web.Request) -> str | None:
        if not OWN_NAME.fullmatch(request.host):
            return "ask for 127.0.0.1 or localhost"
        origin = request.headers.get("Origin")
        if origin is None:
            if "Upgrade" in request.headers:  # every browser says where a WebSocket comes from
                return "a WebSocket must come from a page of this server"
        elif origin != f"http://{request.host}":
            return "the request comes from another page"
        shown = (request.cookies.get(self._cookie), request.query.get(TOKEN_FIELD))
        if not any(self._is_token(given) for given in shown if given is not None):
            return "open the address that realtime-ser --web has printed, with its token"
        return None

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(errors="replace"), self._token.encode())


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Signal handler for ``on_response_prepare``."""
    response.headers.update(HEADERS)
