"""A thread for calls that may never return.

With a hung sound server, PortAudio's open, abort and enumeration block for as long as it hangs
(tried: 12 s in ``Pa_AbortStream`` with PulseAudio stopped). Nothing that must stay alive may call
them itself.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class DriverThread:
    """Runs calls one after another on one thread, which audio systems also like better."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        # The one daemon thread of the package: ``close`` joins it, and only when a driver never
        # comes back is it left behind, where it must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="audio-driver", daemon=True)
        self._thread.start()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Run a call after those before it."""
        future: Future[T] = Future()
        self._calls.put((call, future))
        return future

    def close(self, timeout: float) -> bool:
        """Finish what was submitted; False when that takes longer than ``timeout`` seconds."""
        self._calls.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (item := self._calls.get()) is not None:
            call, future = item
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001 - it surfaces where the result is asked
                future.set_exception(error)
            else:
                future.set_result(result)
            del item, call, future
