"""Signals that end a command as Ctrl-C does: in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Final, Protocol

TERMINATED_STATUS: Final = 143
TERMINATING: Final = ("SIGTERM", "SIGHUP")
"""Names; a system need not have both."""


@contextlib.contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM and a closed terminal raise SystemExit where Ctrl-C raises KeyboardInterrupt."""

    def leave(*_: object) -> None:
        raise SystemExit(TERMINATED_STATUS)

    with _handled(TERMINATING, leave):
        yield


@contextlib.contextmanager
def termination_cancels() -> Iterator[None]:
    """In a coroutine of ``asyncio.run``: SIGTERM and a closed terminal end it as Ctrl-C does.

    Raises:
        SystemExit: in the place of the cancellation, when everything inside has ended.
    """
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    told = False

    def cancel(*_: object) -> None:
        nonlocal told
        told = True
        task.cancel()
        loop.call_soon_threadsafe(
            lambda: None
        )  # wakes the loop, which sleeps until something comes

    with _handled(TERMINATING, cancel):
        try:
            yield
        except asyncio.CancelledError:
            if not told:
                raise
            raise SystemExit(TERMINATED_STATUS) from None


@contextlib.contextmanager
def termination_calls(action: Callable[[], object]) -> Iterator[None]:
    """In a coroutine of ``asyncio.run``: SIGTERM and a closed terminal call ``action`` in its loop.

    Once, however many signals come: a terminal that closes sends more than one, and an exception
    in the middle of cleaning up would leave threads behind.

    Raises:
        SystemExit: in the end, if it was called.
    """
    loop = asyncio.get_running_loop()
    told = False

    def tell(*_: object) -> None:
        nonlocal told
        if not told:
            told = True
            loop.call_soon_threadsafe(action)

    with _handled(TERMINATING, tell):
        yield
    if told:
        raise SystemExit(TERMINATED_STATUS)


class Drainable(Protocol):
    """An engine, or several in turn."""

    def stop(self) -> None:
        """Begin to end: what was heard becomes rows."""

    def abort(self) -> None:
        """End now."""

    def join(self) -> object:
        """Wait for the end."""


@contextlib.contextmanager
def drained(engine: Drainable) -> Iterator[None]:
    """However the work ends, what was heard is written and no thread stays behind."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        # A terminal that closes sends more than one signal; Ctrl-C again does end it.
        with _handled(TERMINATING, lambda *_: None):
            engine.stop()
            engine.join()
        raise
    finally:
        engine.abort()


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Ctrl-C and the like come when this is over, for steps that must not be left half done."""
    held: list[int] = []

    def hold(number: int, _: object) -> None:
        held.append(number)

    try:
        with _handled(("SIGINT", *TERMINATING), hold):
            yield
    finally:
        if held:
            signal.raise_signal(held[0])


@contextlib.contextmanager
def _handled(names: tuple[str, ...], handler: Callable[[int, object], None]) -> Iterator[None]:
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
