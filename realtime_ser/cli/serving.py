"""``serve`` once everything is loaded: floor, files and server, until a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from realtime_ser.alerts.webhook import webhook_of
from realtime_ser.cli.messages import tell
from realtime_ser.cli.signals import termination_calls
from realtime_ser.clock import SystemClock
from realtime_ser.engine import Floor
from realtime_ser.server.app import Heard, Server
from realtime_ser.server.files import Disk, Folder
from realtime_ser.server.run import LOOK, keep_clean, run_server

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from realtime_ser.alerts.webhook import WebhookSink
    from realtime_ser.clock import Clock
    from realtime_ser.config import Config
    from realtime_ser.pipeline import PipelineFactory
    from realtime_ser.recognizer import Recognizer
    from realtime_ser.server.auth import Rules
    from realtime_ser.server.run import Tls

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]  # mypy knows the module, where there is one

NO_DESCRIPTOR = "socket.accept() out of system resource"
"""So asyncio begins to say that."""
LATE_STATUS = 1
"""Draining took longer than it may; there was audio left that nobody has heard."""


async def serve(
    config: Config,
    rules: Rules,
    listener: socket.socket,
    tls: Tls | None,
    recognizer: Recognizer,
    make_pipeline: PipelineFactory,
    model: str,
    disguise: Callable[[str], str] | None,
) -> bool:
    """Serve until Ctrl-C, SIGTERM or a closed terminal; True when all was analysed in time."""
    clock = SystemClock()
    floor = Floor(recognizer, make_pipeline, config, clock=clock)
    disk = Disk(clock, tell)
    folder = None
    if config.server.output:
        folder = Folder(Path(config.server.output), config.server.format, clock, disk)
    webhook = webhook_of(config.alerts, clock)
    server = Server(
        floor, Heard(model, tuple(recognizer.classes)), config, rules, clock,
        folder=folder, webhook=webhook, disk=disk, disguise=disguise,
    )  # fmt: skip
    stop = asyncio.Event()
    allow_many_files()
    asyncio.get_running_loop().set_exception_handler(told_once_a_minute(clock))
    if webhook is not None:
        webhook.open()
    floor.start()
    with _in_order(stop):
        watching = [] if webhook is None else [asyncio.create_task(_watch(webhook))]
        if folder is not None:
            place, days = Path(config.server.output), config.server.keep_days
            watching.append(asyncio.create_task(keep_clean(place, folder, days, clock, disk, tell)))
        for task in watching:
            task.add_done_callback(_report)
        try:
            in_time = await run_server(
                server, floor, listener, config.server, stop,
                lambda: typer.echo(_address(listener, tls)), tls=tls,
            )  # fmt: skip
        finally:
            for task in watching:
                task.cancel()
            if webhook is not None:
                await asyncio.to_thread(webhook.close)
                if (verdict := webhook.verdict()) is not None:
                    tell(verdict)
        if not floor.join(0.0):
            tell("a disk that does not answer holds up the end; leaving without it")
            os._exit(LATE_STATUS)
    return in_time


def allow_many_files() -> None:
    """A connection is a file to the system, which lets a program have few unless it asks."""
    if resource is not None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != hard:
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _watch(webhook: WebhookSink) -> None:
    """Say what is wrong with the webhook, and when it is over, until cancelled."""
    told: str | None = None
    while True:
        if webhook.trouble != told:
            told = webhook.trouble
            tell(told or "alerts.webhook: alerts are delivered again")
        await asyncio.sleep(LOOK)


def told_once_a_minute(
    clock: Clock,
) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """A handler of what the loop cannot raise: without file descriptors left, asyncio would print
    a traceback for each connection that waits, again and again."""
    told = float("-inf")

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal told
        if not str(context.get("message")).startswith(NO_DESCRIPTOR):
            loop.default_exception_handler(context)
        elif clock.monotonic() >= told + 60.0:
            told = clock.monotonic()
            tell(f"no connection can be taken ({context.get('exception')}); see ulimit -n")

    return handle


def _report(task: asyncio.Task[None]) -> None:
    """What a task that should go on for ever has died of; calls are heard all the same."""
    if not task.cancelled() and (error := task.exception()) is not None:
        traceback.print_exception(error)


@contextlib.contextmanager
def _in_order(stop: asyncio.Event) -> Iterator[None]:
    """SIGTERM is how a service is told to end: no failure."""
    with contextlib.suppress(SystemExit), termination_calls(stop.set):
        yield


def _address(listener: socket.socket, tls: Tls | None) -> str:
    host, port = listener.getsockname()[:2]
    name = f"[{host}]" if ":" in host else host
    secure, reach = "" if tls is None else "s", f"{name}:{port}"
    return (
        f"Listening at ws{secure}://{reach}/v1/stream; a page for people: http{secure}://{reach}/; "
        "Ctrl-C ends."
    )
