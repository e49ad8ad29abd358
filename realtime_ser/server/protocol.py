"""uvicorn's protocols, with limits to what a peer that does nothing can hold on to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    import asyncio

    import h11
    from uvicorn._types import ASGISendEvent
    from websockets.http11 import Request

ABORT: Final = "realtime_ser.abort"
"""Key of the scope's extensions: ends the connection now, even if the peer reads nothing. Closing
in order waits for it to read what was sent."""
UNREAD: Final = 2**20
"""Bytes that may wait for a peer that asks for answers and does not read them."""
REQUEST_PATIENCE: Final = 10.0
"""Seconds in which a peer must have said what it wants."""


class PatientHttp(H11Protocol):
    """Does not wait for ever for a request, be it the first or a later one."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See ``asyncio.Protocol``."""
        super().connection_made(transport)
        self._patience: asyncio.TimerHandle | None = None
        self._handed_over = False
        self._mind()

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._handed_over = True
        self._mind()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        super().data_received(data)
        self._mind()

    def on_response_complete(self) -> None:
        """An answer has been given; the next request has as long as the first."""
        super().on_response_complete()
        self._mind()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """The connection is another protocol's from here on."""
        self._handed_over = True
        super().handle_websocket_upgrade(event)

    def _mind(self) -> None:
        """Time runs as long as no request is being answered."""
        answering = self.cycle is not None and not self.cycle.response_complete
        if self._handed_over or answering:
            if self._patience is not None:
                self._patience.cancel()
                self._patience = None
        elif self._patience is None:
            self._patience = self.loop.call_later(REQUEST_PATIENCE, self.transport.abort)


class AbortableWebSocket(WebSocketsSansIOProtocol):
    """Can be cut."""

    def handle_connect(self, event: Request) -> None:
        """The request of a handshake."""
        super().handle_connect(event)
        if not self.close_sent:
            extensions: dict[str, object] = self.scope["extensions"]  # type: ignore[assignment]
            extensions[ABORT] = self.transport.abort

    def send_receive_event_to_app(self) -> None:
        """A whole message has come. One that is no text is refused as any other nonsense: uvicorn
        would log a traceback for each."""
        if self.curr_msg_data_type == "text":
            text = b"".join(self.frames).decode(errors="replace")
            self.frames = [text.encode()]
        super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        """Answer, unless answers pile up: whoever does not read them is cut."""
        super().handle_ping()
        if self.transport.get_write_buffer_size() > UNREAD:
            self.transport.abort()

    async def send(self, message: ASGISendEvent) -> None:
        """See ASGI. A refusal completes the handshake; uvicorn would report each as an error."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True
