"""What proves to the receiver of an alert that we sent it, and when."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Final

from realtime_ser.errors import ConfigError

SIGNATURE: Final = "X-Realtime-Ser-Signature"
"""``sha256=`` and the HMAC, in hexadecimal digits, over ``TIMESTAMP.BODY``."""
TIMESTAMP: Final = "X-Realtime-Ser-Timestamp"
"""Whole seconds since 1970, of this attempt: what is old was sent by somebody else."""
ID: Final = "X-Realtime-Ser-Id"
"""The same over all attempts for one alert; it is in the body, too."""
SHORTEST: Final = 16
"""Bytes of a secret."""
_LARGEST: Final = 4096


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """The header that signs a body sent at a time."""
    digest = hmac.new(secret, timestamp.encode("ascii") + b"." + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def read_secret(path: str) -> bytes:
    """The text of a file without blanks around it.

    Raises:
        ConfigError: it cannot be read, or is no secret.
    """
    try:
        with Path(path).open("rb") as file:
            secret = file.read(_LARGEST + 1).strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"alerts.secret_file: {path}: cannot be read ({reason})") from error
    if not SHORTEST <= len(secret) <= _LARGEST:
        raise ConfigError(
            f"alerts.secret_file: {path}: has {len(secret)} bytes; a secret has {SHORTEST} to "
            f"{_LARGEST} (openssl rand -hex 32 > FILE)"
        )
    return secret
