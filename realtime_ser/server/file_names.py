"""Names of timeline files: made from names of calls, and told from all other files. Pure."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from datetime import datetime

Format = Literal["csv", "jsonl"]

LONGEST: Final = 120
"""Characters that a call's name has in a file's."""
_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
_OURS: Final = re.compile(r"(?!\.)[A-Za-z0-9_.%~-]+@[0-9]{8}T[0-9]{6}Z(-[0-9]{1,4})?\.(csv|jsonl)")


def file_name(call: str, started: datetime, suffix: Format, attempt: int = 1) -> str:
    """``CALL@20261123T101500Z.csv``; another attempt gets ``-2`` and so on before the ending.

    Letters, digits, ``-``, ``_`` and ``.`` of the name stay; anything else becomes the
    percent-encoded bytes of its UTF-8, so no two names become the same, and none a path. Long names
    end in a part of their hash.

    Args:
        call: any text.
        started: UTC.
        suffix: of the format.
        attempt: 1 for the first.
    """
    again = f"-{attempt}" if attempt > 1 else ""
    return f"{_safe(call)}@{started:%Y%m%dT%H%M%SZ}{again}.{suffix}"


def is_ours(name: str) -> bool:
    """Whether ``file_name`` makes such names."""
    return _OURS.fullmatch(name) is not None


def _safe(call: str) -> str:
    encoded = "".join(
        chr(byte) if byte in _PLAIN and (i or byte != ord(".")) else f"%{byte:02X}"
        for i, byte in enumerate(call.encode())
    )
    if len(encoded) <= LONGEST:
        return encoded
    digest = hashlib.sha256(call.encode()).hexdigest()[:32]
    return f"{encoded[: LONGEST - 33]}~{digest}"
