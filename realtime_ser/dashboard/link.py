"""WebSockets to the server: its address, the key to it, and what goes wrong in words."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import ssl
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from realtime_ser.dashboard.feed import FeedRefusedError, LinkError
from realtime_ser.dashboard.fields import shown
from realtime_ser.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from realtime_ser.dashboard.calls import Key
    from realtime_ser.dashboard.feed import Connect

TOKEN: Final = "REALTIME_SER_TOKEN"
"""Of the environment."""
_LONGEST: Final = 4096
"""Characters that are read of a token's file: it may be a device without an end."""
LARGEST: Final = 64 * 2**20
"""Bytes of a message: thousands of calls."""
PATIENCE: Final = 10.0
"""Seconds in which a connection must be open."""
_SCHEMES: Final = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_POLICY: Final = 1008
"""How a WebSocket is closed to whom it does not want."""


def checked_address(url: str) -> str:
    """The address of a server, without a slash at its end.

    Raises:
        ConfigError: it is none.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
        (parts.hostname or "").encode("idna")
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise ConfigError(f"--connect {url}: not an address like http://127.0.0.1:8765")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigError(
            f"--connect: give the address alone; a token comes from {TOKEN} or --token-file"
        )
    return url.rstrip("/")


def read_token(file: Path | None) -> str | None:
    """The server's token: of the file, else of the environment; None where there is none.

    Raises:
        ConfigError: it cannot be read, or cannot be one.
    """
    if file is None:
        source, token = TOKEN, os.environ.get(TOKEN, "").strip()
        if not token:
            return None
    else:
        source = str(file)
        try:
            with file.open(encoding="utf-8") as stream:
                token = stream.read(_LONGEST).strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not text"
            raise ConfigError(f"{file}: the token cannot be read ({why})") from error
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(f"{source}: no token; it is one word of plain characters")
    return token


def feed_of(address: str, token: str | None, key: Key | None = None) -> Connect:
    """What connects to the feed of a server, or to that of one call.

    Args:
        address: from ``checked_address``.
        token: of the server.
        key: of the call.
    """
    parts = urlsplit(address)
    query = "" if key is None else "?" + urlencode({"stream": key[0], "channel": key[1]})
    uri = f"{_SCHEMES[parts.scheme]}://{parts.netloc}{parts.path}/v1/feed{query}"
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    near = _is_near(parts.hostname or "")

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[AsyncIterator[str | bytes]]:
        try:
            websocket = await connect(
                uri, additional_headers=headers, open_timeout=PATIENCE, close_timeout=1.0,
                max_size=LARGEST, proxy=None, compression=None if near else "deflate",
            )  # fmt: skip
        except InvalidStatus as error:
            raise _of_status(address, error.response.status_code, key) from error
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
            raise LinkError(f"cannot reach {address} ({_why(error)})") from error
        try:
            yield aiter(websocket)
        except ConnectionClosed as error:
            said = error.rcvd
            if said is not None and said.code == _POLICY:
                raise FeedRefusedError(f"{address}: refuses ({shown(said.reason)})") from error
            raise LinkError("connection lost") from error
        finally:
            await websocket.close()

    return opened


def _of_status(address: str, status: int, key: Key | None) -> Exception:
    if status in (401, 403):
        return FeedRefusedError(
            f"{address}: wants the server's token; give it in {TOKEN} or with --token-file"
        )
    if status in (404, 410) and key is not None:
        return FeedRefusedError("the server knows nothing of this call any more")
    if status == 404:
        return FeedRefusedError(f"{address}: has no such feed; name a 'realtime-ser serve'")
    return LinkError(f"cannot reach {address} (status {status})")


def _is_near(host: str) -> bool:
    """On this machine, where packing costs more than it saves."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, socket.gaierror):
        return "no such host"
    if isinstance(error, ssl.SSLError):
        return "its certificate is not accepted"
    if isinstance(error, OSError):
        # A name with several addresses has a reason for each, and no number for all.
        return os.strerror(error.errno).lower() if error.errno else "connection refused"
    return "not a WebSocket server"
