"""The address of a webhook, looked at before anything is sent there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import urlsplit

from realtime_ser.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Address:
    """Where to post. Its text is the host alone: the rest may be as good as a password."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    target: str
    """Path and query."""

    def __str__(self) -> str:
        return self.host


def parse_address(url: str) -> Address:
    """The address of a URL.

    Raises:
        ConfigError: nothing can be posted there; the line does not repeat the URL.
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigError("a URL has no blanks, control or special characters; encode them with %")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"is no URL ({error})") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError("must begin with http:// or https:// and a host")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ConfigError("must not have a user, a password or a fragment (#)")
    scheme = cast("Literal['http', 'https']", parts.scheme)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if port is None:
        port = 443 if scheme == "https" else 80
    return Address(scheme, parts.hostname, port, target)
