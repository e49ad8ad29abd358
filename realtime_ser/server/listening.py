"""Getting ready to be reached: the socket, and what TLS needs."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from realtime_ser.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def listen(host: str, port: int) -> socket.socket:
    """Take a port.

    Args:
        host: name or address of an interface of this machine.
        port: 0 takes any that is free.

    Raises:
        ConfigError: it cannot be had.
    """
    try:
        found = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"--host {host}: no address of this machine ({_reason(error)}); use 127.0.0.1 or one "
            "of its own"
        ) from error
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows, where SO_REUSEADDR means to share
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"--port {port}: cannot be listened to at {host} ({_reason(error)}); name another"
        ) from error
    return listener


def check_tls(certificate: Path | None, key: Path | None) -> bool:
    """Whether to speak TLS.

    Raises:
        ConfigError: one file without the other, or files that cannot be used.
    """
    if certificate is None and key is None:
        return False
    if certificate is None or key is None:
        raise ConfigError("--tls-cert and --tls-key belong together; give both")
    for file in (certificate, key):
        try:
            with file.open("rb"):
                pass
        except OSError as error:
            raise ConfigError(f"{file}: cannot be read ({_reason(error)})") from error
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{certificate}, {key}: not a certificate and its key ({_reason(error)}); give PEM "
            "files without a password"
        ) from error
    return True


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or getattr(error, "reason", None) or error)
