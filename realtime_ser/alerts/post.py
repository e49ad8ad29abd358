"""One attempt to post something; no redirect is followed, no proxy used, no answer's body read."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtime_ser.alerts.address import Address

TIMEOUT: Final = 5.0
"""Seconds for a connection, and then without a byte of the answer."""
LONGEST: Final = 15.0
"""Seconds of an attempt, however busily the other end dribbles."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of what came back."""

    status: int
    reason: str = ""
    retry_after: str | None = None
    """The header of that name."""


class UnreachableError(Exception):
    """There was no answer; the text says why, as the end of a sentence."""


class Post(Protocol):
    """What carries messages to one address."""

    def send(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Make one attempt.

        Raises:
            UnreachableError: nothing came back.
        """

    def cancel(self) -> None:
        """End an attempt that is under way, from another thread; all later ones fail."""


class HttpPost:
    """HTTP or HTTPS, with a connection for each attempt. Implements ``Post``."""

    def __init__(
        self, address: Address, timeout: float = TIMEOUT, longest: float = LONGEST
    ) -> None:
        self._address = address
        self._timeout = timeout
        self._longest = longest
        self._tls = ssl.create_default_context() if address.scheme == "https" else None
        self._lock = threading.Lock()
        self._connection: HTTPConnection | None = None
        self._cancelled = False

    def send(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """See ``Post.send``."""
        connection = self._connect_later()
        with self._lock:
            if self._cancelled:
                raise UnreachableError("was not asked: the session has ended")
            self._connection = connection
        late = threading.Event()
        timer = threading.Timer(self._longest, self._cut_off, [late])
        timer.daemon = True
        timer.start()
        try:
            connection.connect()
            if self._cancelled:
                raise UnreachableError("was not asked: the session has ended")
            connection.request("POST", self._address.target, body, dict(headers))
            response = connection.getresponse()
            if late.is_set():  # what was cut off looks like the end of the head
                raise TimeoutError
            return Answer(response.status, response.reason, response.getheader("Retry-After"))
        # ValueError: a host that no name service could be asked for.
        except (OSError, HTTPException, ValueError) as error:
            raise UnreachableError(_words(TimeoutError() if late.is_set() else error)) from error
        finally:
            timer.cancel()
            with self._lock:
                self._connection = None
            connection.close()

    def cancel(self) -> None:
        """See ``Post.cancel``; while it connects, the time-out ends it."""
        self._cancelled = True
        self._shut()

    def _cut_off(self, late: threading.Event) -> None:
        late.set()
        self._shut()

    def _shut(self) -> None:
        with self._lock:
            sock: socket.socket | None = getattr(self._connection, "sock", None)
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def _connect_later(self) -> HTTPConnection:
        address = self._address
        if self._tls is None:
            return HTTPConnection(address.host, address.port, timeout=self._timeout)
        return HTTPSConnection(address.host, address.port, timeout=self._timeout, context=self._tls)


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "does not answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"has a certificate that is not trusted ({error.verify_message})"
    if isinstance(error, (socket.gaierror, ValueError)):
        return "cannot be found"
    if isinstance(error, OSError):
        return f"cannot be reached ({error.strerror or error or type(error).__name__})"
    return f"does not speak HTTP ({type(error).__name__})"
