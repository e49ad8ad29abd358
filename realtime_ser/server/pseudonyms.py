"""Names that say nothing about a caller, but are the same each time he calls."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path
from typing import Final

import platformdirs

from realtime_ser.errors import ConfigError

KEY_BYTES: Final = 32
LENGTH: Final = 20
"""Hexadecimal digits of a pseudonym: 80 bits, so that no two callers share one."""


def key_file() -> Path:
    """Where this user's key is kept; apart from the timelines, which it would give away."""
    return Path(platformdirs.user_data_path("realtime-ser", appauthor=False)) / "pseudonyms.key"


def load_key(file: Path) -> bytes:
    """The key, made at first use and readable by nobody else.

    Raises:
        ConfigError: it cannot be read or made, others may read it, or it is no key.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            return _existing_key(file)
        key = secrets.token_bytes(KEY_BYTES)
        whole = file.with_name(f".{secrets.token_hex(8)}.key")
        made = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(made, "w", encoding="ascii") as text:
                text.write(key.hex() + "\n")
            try:
                os.link(whole, file)  # fails where another process was first
            except FileExistsError:
                return _existing_key(file)
        finally:
            whole.unlink()
    except OSError as error:
        raise ConfigError(
            f"{file}: the key of pseudonyms cannot be used ({error.strerror or error})"
        ) from error
    return key


def pseudonym(name: str, key: bytes) -> str:
    """What stands for a name; only the key can tell which it was."""
    digest = hmac.new(key, name.encode(), hashlib.sha256).hexdigest()
    return f"p-{digest[:LENGTH]}"


def _existing_key(file: Path) -> bytes:
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise ConfigError(f"{file}: others may read this key; chmod 600 it")
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(f"{file}: not a key of pseudonyms; remove it, and a new one is made")
    return key
