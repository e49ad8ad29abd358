"""One call over one connection."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from realtime_ser.errors import RealtimeSerError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Mapping, Sequence
    from types import TracebackType

LARGEST_MESSAGE = 1 << 22
"""Bytes that the server may send at once."""


class ServerError(RealtimeSerError):
    """The server cannot be reached, refuses the call, or has ended it."""

    def __init__(self, code: str, text: str) -> None:
        """Say why.

        Args:
            code: as the server gives it; ``connection`` where there was none.
            text: one line.
        """
        super().__init__(text)
        self.code = code


class Client:
    """One call. Of its messages one task reads; any may send."""

    def __init__(
        self, url: str, *, token: str | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        """Name a server; ``async with`` connects.

        Args:
            url: ``ws://HOST:PORT`` or ``wss://``; with or without a path.
            token: where the server demands one.
            tls: for certificates that this machine does not know.
        """
        scheme, _, rest = url.partition("://")
        self._shown = url.partition("?")[0]
        """Without a token that may be in its query."""
        self._url = url if "/" in rest.rstrip("/") else f"{scheme}://{rest.rstrip('/')}/v1/stream"
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._tls = tls
        self._socket: ClientConnection | None = None

    async def __aenter__(self) -> Client:
        """Connect.

        Raises:
            ServerError: that is not possible.
        """
        more: dict[str, Any] = {} if self._tls is None else {"ssl": self._tls}
        try:
            self._socket = await connect(
                self._url,
                additional_headers=self._headers,
                compression=None,
                max_size=LARGEST_MESSAGE,
                # Audio that waits to be sent would delay the answer to a ping.
                ping_interval=None,
                proxy=None,
                **more,
            )
        except (OSError, InvalidHandshake, InvalidURI, TimeoutError, ValueError) as error:
            raise ServerError("connection", f"{self._shown}: {_in_one_line(error)}") from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection, whatever of the call is left."""
        if self._socket is not None:
            await self._socket.close()

    async def start(
        self,
        stream: str | None = None,
        *,
        sample_rate: int,
        encoding: str,
        channels: int | Sequence[str] = ("speaker",),
        metadata: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        """Begin the call.

        Args:
            stream: its name; None: the server makes one up.
            sample_rate: Hz.
            encoding: s16le, f32le, mulaw or alaw.
            channels: how many, or a role for each, such as customer and agent.
            metadata: small and flat; shown on dashboards.

        Returns:
            The server's ``ready`` message.

        Raises:
            ServerError: it refuses.
        """
        message: dict[str, Any] = {
            "type": "start",
            "sample_rate": sample_rate,
            "encoding": encoding,
            "channels": channels if isinstance(channels, int) else list(channels),
            "metadata": dict(metadata or {}),
        }
        if stream is not None:
            message["stream"] = stream
        with suppress(ConnectionClosed):  # it is said why in what can still be read
            await self._open().send(json.dumps(message))
        async for ready in self:
            return ready
        raise ServerError("connection", f"{self._shown}: closed without an answer")

    async def send(self, audio: bytes) -> None:
        """Send interleaved samples; waits while the server takes no more.

        Raises:
            ServerError: the connection has ended; reading says why, where that was said.
        """
        try:
            await self._open().send(audio)
        except ConnectionClosed as error:
            raise ServerError("connection", f"{self._shown}: {_in_one_line(error)}") from error

    async def stop(self) -> None:
        """Say that no more audio comes; what came is still analysed and told."""
        with suppress(ConnectionClosed):
            await self._open().send('{"type":"stop"}')

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        """The server's messages until it closes the connection.

        Raises:
            ServerError: it says that something is wrong.
        """
        try:
            async for text in self._open():
                message = json.loads(text)
                if message["type"] == "error":
                    raise ServerError(message["code"], message["message"])
                yield message
        except ConnectionClosed as error:
            raise ServerError("connection", f"{self._shown}: {_in_one_line(error)}") from error

    def _open(self) -> ClientConnection:
        if self._socket is None:
            raise RuntimeError("not connected; use 'async with'")
        return self._socket


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
