"""The only place in the tests that polls."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def wait_until(condition: Callable[[], object], timeout: float, what: str = "condition") -> None:
    """Wait until ``condition()`` is true; fail when it is not within ``timeout`` seconds."""
    pause = threading.Event()
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {timeout} s")
        pause.wait(0.01)


async def until(condition: Callable[[], object], timeout: float = 30.0) -> None:
    """The same inside of an event loop, which goes on meanwhile.

    Raises:
        TimeoutError: it did not come true.
    """
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.01)
