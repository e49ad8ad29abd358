"""Who may ask: holders of the token, and no page from elsewhere. Pure but for reading the token.

Without a token only this machine is served, and a page that the same browser has open could send
requests here: it cannot hide where it comes from, and a foreign name that was made to lead here
(DNS rebinding) is not one of ours.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from realtime_ser.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TOKEN_VARIABLE: Final = "REALTIME_SER_TOKEN"
TOKEN_FIELD: Final = "token"
"""Of a query: browsers cannot send headers with a WebSocket."""
_TOKEN: Final = re.compile(r"[\x21-\x7e]{16,512}")
_LONGEST: Final = 4096
"""Characters that are read of its file: it may be a device without an end."""
_OWN_NAME: Final = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a request must bring."""

    token: str | None = field(default=None, repr=False)
    origins: tuple[str, ...] = ()
    """Of pages from elsewhere that may ask, such as ``https://calls.example.com``."""

    def is_token(self, given: str | None) -> bool:
        """Whether it is the one, in a time that tells nothing of it; any is where none is set."""
        if self.token is None:
            return True
        return given is not None and hmac.compare_digest(
            given.encode(errors="replace"), self.token.encode()
        )

    def stranger(self, host: str, origin: str | None) -> str | None:
        """Why a request comes from where none may come from, in words; None where all is well.

        Args:
            host: the header of that name.
            origin: the header of that name; programs other than browsers send none.
        """
        if self.token is None and not _OWN_NAME.fullmatch(host):
            return "ask for 127.0.0.1 or localhost, or set a token"
        if origin is None or origin in self.origins:
            return None
        try:
            page = urlsplit(origin).netloc
        except ValueError:
            page = ""
        if not page or page.lower() != host.lower():
            return "the request comes from a page of another origin"
        return None

    def may_ask(self, authorization: str | None, query_token: str | None) -> bool:
        """Whether the header ``Authorization`` or the query brings the token."""
        if self.token is None:
            return True
        scheme, _, bearer = (authorization or "").partition(" ")
        by_header = scheme.lower() == "bearer" and self.is_token(bearer.strip())
        return by_header or self.is_token(query_token)


def read_token(file: Path | None, environment: Mapping[str, str]) -> str | None:
    """The token of a file, else of the environment; None where neither has one.

    Raises:
        ConfigError: it cannot be read, or is too short or long or has blanks.
    """
    if file is not None:
        origin = str(file)
        try:
            with file.open(encoding="utf-8") as stream:
                given = stream.read(_LONGEST).strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a text"
            raise ConfigError(f"{file}: the token cannot be read ({reason})") from error
    else:
        origin, given = TOKEN_VARIABLE, environment.get(TOKEN_VARIABLE, "")
        if not given:
            return None
    if not _TOKEN.fullmatch(given):
        raise ConfigError(
            f"{origin}: a token has 16 to 512 printable ASCII characters and no blanks; make one: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    return given


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_reach(host: str, token: str | None) -> None:
    """Refuse to be reached from elsewhere without a token.

    Raises:
        ConfigError: that.
    """
    if token is None and not is_loopback(host):
        raise ConfigError(
            f"--host {host}: others could reach it; give a token (--token-file or "
            f"{TOKEN_VARIABLE}), or listen on 127.0.0.1"
        )
