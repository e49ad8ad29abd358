"""Takes calls in, or refuses them, and keeps those that are there."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final

from realtime_ser.errors import RefusedError
from realtime_ser.server.book import Entry
from realtime_ser.server.call import Call, Channel, Signal, Voice
from realtime_ser.server.wire import WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from realtime_ser.clock import Clock
    from realtime_ser.engine import Floor
    from realtime_ser.engine.line import Account
    from realtime_ser.server.audio import AudioIntake
    from realtime_ser.server.book import Book
    from realtime_ser.server.files import CallFile, Folder
    from realtime_ser.server.metrics import Metrics
    from realtime_ser.server.seats import Seats
    from realtime_ser.server.start_message import Metadata
    from realtime_ser.sinks.sink import Sink

AGENTS: Final = frozenset(
    {"agent", "advisor", "employee", "operator", "representative", "staff", "worker"}
)
"""Roles of people at work."""
WHY_NOT: Final = (
    "agents are not analysed: inferring emotions of people at work is prohibited in the European "
    "Union (AI Act, Article 5(1)(f)); see docs/responsible-use.md and docs/serve.md"
)


class Switchboard:
    """Used by the event loop's thread."""

    def __init__(
        self,
        floor: Floor,
        book: Book,
        metrics: Metrics,
        seats: Seats,
        clock: Clock,
        *,
        folder: Folder | None = None,
        webhook: Sink | None = None,
        analyse_agent: bool = False,
        disguise: Callable[[str], str] | None = None,
    ) -> None:
        """Connect the parts.

        Args:
            floor: where streams are heard.
            book: where they are shown.
            metrics: what is counted.
            seats: limits of clients.
            clock: of the floor.
            folder: where timelines go; None: nowhere.
            webhook: gets every row, and neither waits nor fails; it is open.
            analyse_agent: listen to people at work, too.
            disguise: makes pseudonyms of the names of calls; then metadata is shown to nobody.
        """
        self._floor = floor
        self._book = book
        self._metrics = metrics
        self._seats = seats
        self._clock = clock
        self._folder = folder
        self._webhook = webhook
        self._analyse_agent = analyse_agent
        self._disguise = disguise
        self._calls: dict[str, Call] = {}
        self._names: set[str] = set()
        """Of calls that are there, or about to be."""
        self._ending = False

    def channels(self, roles: Sequence[str]) -> list[Channel]:
        """Which channels of such roles are analysed."""
        return [
            Channel(number, role, analysed=False, reason=WHY_NOT)
            if role in AGENTS and not self._analyse_agent
            else Channel(number, role, analysed=True)
            for number, role in enumerate(roles)
        ]

    async def open(
        self,
        stream: str | None,
        channels: Sequence[Channel],
        intakes: Sequence[tuple[AudioIntake, Sequence[int]]],
        metadata: Metadata,
        client: str,
        deliver: Callable[[str], None],
    ) -> Call:
        """Take a call in.

        Args:
            stream: its name, or None for one of ours.
            channels: see ``channels``.
            intakes: of each signal that it comes as, with the channels that are heard of it.
            metadata: to be shown.
            client: whose seats its streams take; the first one has been taken.
            deliver: takes each message on the call, in the loop.

        Raises:
            WireError: it cannot be taken in now.
        """
        name = stream or f"call-{secrets.token_hex(8)}"
        if self._disguise is not None:
            name, metadata = self._disguise(name), {}
        heard = [channel for channel in channels if channel.analysed]
        more = max(0, len(heard) - 1)
        self._admit(name)
        self._names.add(name)
        try:
            self._seats.take(client, more)
            try:
                file = await self._file(name, len(heard))
            except BaseException:
                self._seats.give_back(client, more)
                raise
        except BaseException:
            self._names.discard(name)
            raise

        def gone(call: Call) -> None:
            self._seats.give_back(client, more)
            self._forget(call)

        signals = [Signal(intake, tuple(picked)) for intake, picked in intakes]
        call = Call(name, channels, signals, self._clock, self._metrics, gone)
        call.file, call.webhook = file, self._webhook
        self._calls[name] = call
        try:
            self._listen(call, heard, metadata, deliver)
        except BaseException as error:
            call.file = None
            call.close("refused")
            if file is not None:
                await asyncio.to_thread(file.discard)
            if isinstance(error, RefusedError):
                text = str(error).removeprefix(f"{name}: ")
                raise WireError(error.reason, text) from error
            raise
        return call

    def end(self) -> None:
        """Take no more calls in."""
        self._ending = True

    def accounts(self) -> Iterator[Account]:
        """Of the streams that are live."""
        for call in self._calls.values():
            for voice in call.voices.values():
                if voice.entry.live:
                    yield voice.input.account()

    def _admit(self, name: str) -> None:
        if self._ending:
            raise WireError("ending", "the server is ending; try another one")
        if name in self._names:
            raise WireError("duplicate", "a call of this name is going on; end it or wait")

    async def _file(self, name: str, channels: int) -> CallFile | None:
        if self._folder is None or not channels:
            return None
        opening = asyncio.ensure_future(asyncio.to_thread(self._folder.open, name, channels))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_discard)
            raise

    def _listen(
        self,
        call: Call,
        heard: Sequence[Channel],
        metadata: Metadata,
        deliver: Callable[[str], None],
    ) -> None:
        """Open a stream for each channel.

        Raises:
            RefusedError: the floor takes none; those that are open are the call's.
        """
        loop, started = asyncio.get_running_loop(), self._clock.utc()
        if self._ending:
            raise RefusedError("ending", "the server is ending; try another one")
        for channel in heard:
            voice = Voice(call, channel.channel, loop, deliver)
            voice.input = self._floor.open(call.name, channel.channel, voice)
            voice.entry = Entry(
                (call.name, channel.channel), channel.role, metadata, started, voice.input
            )
            call.add(voice)
        for voice in call.voices.values():
            self._book.add(voice.entry)

    def _forget(self, call: Call) -> None:
        self._names.discard(call.name)
        self._calls.pop(call.name, None)
        asyncio.get_running_loop().call_later(self._book.ended_for, self._sweep)

    def _sweep(self) -> None:
        """Whether or not anybody looks."""
        self._book.sweep(self._clock.monotonic())


def _discard(opening: asyncio.Future[CallFile]) -> None:
    """A file that was opened for nobody; out of the loop, as the disk may be slow."""
    if not opening.cancelled() and opening.exception() is None:
        asyncio.get_running_loop().run_in_executor(None, opening.result().discard)
