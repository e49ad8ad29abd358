"""How many streams one client may have. Used by one thread."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING

from realtime_ser.server.wire import WireError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Seats:
    """Counts streams, and connections that may become one, by the address that they come from."""

    def __init__(self, each: int, total: int) -> None:
        """Set the limits.

        Args:
            each: of one client.
            total: of all.
        """
        self._each = each
        self._total = total
        self._taken: Counter[str] = Counter()

    def take(self, client: str, count: int = 1) -> None:
        """Take seats.

        Raises:
            WireError: there are not so many; none is taken then.
        """
        if self._taken[client] + count > self._each:
            raise WireError(
                "too_many", f"a client may have {self._each} streams; end others before you go on"
            )
        if self._taken.total() + count > self._total:
            raise WireError("full", f"the server has {self._total} streams; try later")
        self._taken[client] += count

    def give_back(self, client: str, count: int = 1) -> None:
        """Give seats back."""
        self._taken[client] -= count
        if self._taken[client] <= 0:
            del self._taken[client]

    @contextlib.contextmanager
    def taken(self, client: str) -> Iterator[None]:
        """Have a seat meanwhile.

        Raises:
            WireError: see ``take``.
        """
        self.take(client)
        try:
            yield
        finally:
            self.give_back(client)
