"""The server from its start to its end: uvicorn, the hourly look at old files, and draining."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import uvicorn

from realtime_ser.server.protocol import AbortableWebSocket, PatientHttp
from realtime_ser.server.retention import EVERY, remove_old

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from realtime_ser.clock import Clock
    from realtime_ser.config import ServerConfig
    from realtime_ser.engine import Floor
    from realtime_ser.server.app import Server
    from realtime_ser.server.files import Disk, Folder

LOOK: Final = 1.0
"""Seconds between looks at whether all is well."""
LAST_PATIENCE: Final = 3.0
"""Seconds for what must still end when draining has taken all of its time."""
HARD_LIMIT: Final = 4
"""Messages so many times too large end a connection before they are read whole."""


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files."""

    certificate: Path
    key: Path


async def run_server(
    server: Server,
    floor: Floor,
    listener: socket.socket,
    config: ServerConfig,
    stop: asyncio.Event,
    on_ready: Callable[[], None],
    *,
    tls: Tls | None = None,
) -> bool:
    """Serve until ``stop`` is set, the floor breaks, or this is cancelled; then drain.

    Args:
        server: what is served.
        floor: started; it is stopped and joined here.
        listener: bound.
        config: limits.
        stop: ends it in order.
        on_ready: called when connections are taken.
        tls: None speaks plainly.

    Returns:
        Whether all that was heard was analysed in time.

    Raises:
        What broke the floor, or the web server.
    """
    web = _Uvicorn(_settings(server, config, tls))
    serving = asyncio.create_task(web.serve(sockets=[listener]))
    drained = False
    try:
        while not web.started and not serving.done():
            await asyncio.sleep(0.01)
        if serving.done():
            serving.result()  # what has broken it
        on_ready()
        await _until_over(stop, floor, serving)
        if serving.done():
            serving.result()
    finally:
        try:
            drained = await _drain(server, floor, config.drain)
        except BaseException:  # a second Ctrl-C: threads would keep the process
            floor.abort()
            raise
        finally:
            web.should_exit = True
            await asyncio.wait([serving], timeout=LAST_PATIENCE)
    return drained


async def keep_clean(
    folder: Path,
    files: Folder,
    keep_days: float,
    clock: Clock,
    disk: Disk,
    tell: Callable[[str], None],
    *,
    every: float = LOOK,
) -> None:
    """Remove old timelines now and once an hour, until cancelled; look at the disk meanwhile.

    Args:
        folder: where timelines are written.
        files: knows those that are being written.
        keep_days: see ``remove_old``; 0 removes none.
        clock: tells when an hour is over.
        disk: asked for trouble, which it tells.
        tell: takes a line for the operator.
        every: seconds between two looks at the clock and the disk.
    """
    next_time = clock.monotonic()
    while True:
        disk.trouble()
        if keep_days > 0.0 and clock.monotonic() >= next_time:
            next_time = clock.monotonic() + EVERY
            removed, failed = await asyncio.to_thread(
                remove_old, folder, keep_days, clock.utc(), files.in_use()
            )
            if removed:
                tell(f"removed {removed} timelines older than {keep_days:g} days")
            if failed:
                tell(f"{failed} old timelines could not be removed; see to the folder's rights")
        await asyncio.sleep(every)


async def _until_over(stop: asyncio.Event, floor: Floor, serving: asyncio.Task[None]) -> None:
    stopped = asyncio.create_task(stop.wait())
    try:
        while not (stopped.done() or serving.done() or floor.join(0.0)):
            await asyncio.wait(
                (stopped, serving), timeout=LOOK, return_when=asyncio.FIRST_COMPLETED
            )
    finally:
        stopped.cancel()


async def _drain(server: Server, floor: Floor, seconds: float) -> bool:
    """True when everything that came in was analysed and told in time."""
    in_time = True
    try:
        async with asyncio.timeout(seconds):
            await server.drain()
    except TimeoutError:
        in_time = False
        floor.abort()
        with contextlib.suppress(TimeoutError):  # what is left is told
            async with asyncio.timeout(LAST_PATIENCE):
                await server.drain()
    floor.stop()
    return await asyncio.to_thread(floor.join, LAST_PATIENCE) and in_time


def _settings(server: Server, config: ServerConfig, tls: Tls | None) -> uvicorn.Config:
    # Libraries log addresses and tokens of those who connect; only what went wrong is for the
    # operator.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "websockets"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return uvicorn.Config(
        server.app,
        loop="asyncio",
        http=PatientHttp,
        ws=AbortableWebSocket,
        ws_max_size=HARD_LIMIT * config.max_message,
        # Whoever sends audio is known to be there; its pongs may wait behind minutes of it.
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(config.proxies),
        forwarded_allow_ips=list(config.proxies),
        timeout_graceful_shutdown=1,
        ssl_certfile=None if tls is None else tls.certificate,
        ssl_keyfile=None if tls is None else tls.key,
    )


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the command's."""
        yield
