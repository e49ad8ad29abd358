"""The two ways in which a call comes: ``/v1/stream`` and ``/v1/twilio``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from realtime_ser.server.audio import AudioIntake
from realtime_ser.server.connection import Connection, Connections
from realtime_ser.server.gate import TRUSTED
from realtime_ser.server.pace import Pace
from realtime_ser.server.seats import Seats
from realtime_ser.server.start_message import is_stop, parse_start
from realtime_ser.server.twilio import (
    SAMPLE_RATE,
    TwilioMedia,
    TwilioStart,
    TwilioStop,
    parse_twilio,
)
from realtime_ser.server.wire import VERSION, WireError, to_text

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from realtime_ser.server.auth import Rules
    from realtime_ser.server.call import Call, Channel
    from realtime_ser.server.metrics import Metrics
    from realtime_ser.server.start_message import StartMessage
    from realtime_ser.server.switchboard import Switchboard

START_PATIENCE: Final = 10.0
"""Seconds in which a connection must say what it brings."""
STRANGERS: Final = (16, 256)
"""Connections of one address, and of all, that may wait to say who they are."""
AT_ONCE: Final = 4096
"""Bytes, a second at most, after which it is looked how far ahead of time they are."""
NO_START: Final = "nothing was said for too long; begin with the first message"
FAILED: Final = "the call cannot be heard any more; the server's log says why"
IDLE: Final = "no audio came for too long; the call is taken for over"


@dataclass(frozen=True, slots=True)
class Terms:
    """What every call is subject to."""

    max_message: int
    """Bytes."""
    idle: float
    """Seconds without anything, after which a call is over."""
    ahead: float
    """Seconds that audio may come faster than time passes; more is read later."""
    hop: float
    model: str
    classes: tuple[str, ...]


class Calls:
    """Serves the connections that bring audio."""

    def __init__(
        self, board: Switchboard, seats: Seats, metrics: Metrics, rules: Rules, terms: Terms
    ) -> None:
        self._board = board
        self._seats = seats
        self._strangers = Seats(*STRANGERS)
        """Connections that have not brought their token yet."""
        self._metrics = metrics
        self._rules = rules
        self._terms = terms
        self._connections = Connections()

    async def end(self) -> None:
        """End every call in order; returns when all that was heard has been told."""
        self._board.end()
        await self._connections.end()

    async def stream(self, websocket: WebSocket) -> None:
        """The endpoint of ``/v1/stream``."""
        await self._serve(websocket, _StreamCall)

    async def twilio(self, websocket: WebSocket) -> None:
        """The endpoint of ``/v1/twilio``."""
        await self._serve(websocket, _TwilioCall)

    async def _serve(self, websocket: WebSocket, kind: type[_StreamCall | _TwilioCall]) -> None:
        connection = Connection(websocket)
        with self._connections.there(connection):
            await self._serve_one(connection, kind, websocket.scope)

    async def _serve_one(
        self, connection: Connection, kind: type[_StreamCall | _TwilioCall], scope: Any
    ) -> None:
        client = connection.client
        error: WireError | None = None
        await connection.accept()
        caller = kind(connection, self._board, self._rules, self._terms, scope)
        try:
            await self._hear(caller, client)
        except WireError as caught:
            error = caught
            self._metrics.refused(caught.code)
            self._metrics.refusals += not caller.taken
        await connection.finish(error, tell=caller.talks)

    async def _hear(self, caller: _Caller, client: str) -> None:
        """One connection; before its token is known it has a place among the strangers alone."""
        connection = caller.connection
        connection.expect(START_PATIENCE, WireError("idle", NO_START), renewed=False)
        with (self._seats if caller.trusted else self._strangers).taken(client):
            start = await caller.first_words()
            if start is None:
                return
            if caller.trusted:
                await self._hear_call(caller, start, client)
                return
        with self._seats.taken(client):
            await self._hear_call(caller, start, client)

    async def _hear_call(self, caller: _Caller, start: Any, client: str) -> None:
        """A call until all that was heard has been told."""
        connection = caller.connection
        call = await caller.open(start, client)
        caller.taken = True
        call.on_failure = lambda: connection.cut(WireError("failed", FAILED))
        reason = "failed"
        connection.expect(self._terms.idle, WireError("idle", IDLE))
        try:
            reason = await caller.listen(call)
        except WireError as error:
            reason = error.code
            raise
        finally:
            call.close(reason)
            await call.ended.wait()


class _Caller:
    """What both ways have in common."""

    talks = True
    """The other end understands our messages."""

    def __init__(
        self,
        connection: Connection,
        board: Switchboard,
        rules: Rules,
        terms: Terms,
        scope: Any,
    ) -> None:
        self.connection = connection
        self._board = board
        self._rules = rules
        self._terms = terms
        self.trusted = bool(scope.get(TRUSTED, False))
        """The handshake has brought the token."""
        self.taken = False
        """The call was taken in."""
        self._pace = Pace(terms.ahead)

    async def first_words(self) -> Any:
        """What says what the call is; None when the other end went away.

        Raises:
            WireError: it cannot be used, or the token is missing.
        """
        raise NotImplementedError

    async def open(self, start: Any, client: str) -> Call:
        """Take the call in.

        Args:
            start: see ``first_words``.
            client: whose seat it takes.

        Raises:
            WireError: it cannot be taken in.
        """
        raise NotImplementedError

    async def listen(self, call: Call) -> str:
        """Take audio until the end; why it ended."""
        raise NotImplementedError

    async def _receive(self) -> str | bytes | None:
        message = await self.connection.receive()
        if message is not None and len(message) > self._terms.max_message:
            raise WireError(
                "too_big",
                f"a message of {len(message)} bytes; {self._terms.max_message} are allowed",
            )
        return message

    async def _take(self, call: Call, audio: bytes, signal: int = 0) -> None:
        for start in range(0, len(audio), AT_ONCE):
            await self._take_some(call, audio[start : start + AT_ONCE], signal)

    async def _take_some(self, call: Call, audio: bytes, signal: int) -> None:
        call.take(audio, signal)
        clock = asyncio.get_running_loop().time
        while self.connection.is_there:
            seconds = self._pace.pause(clock(), call.received, call.waiting)
            if seconds == 0.0:
                return
            await self.connection.pause(seconds)


class _StreamCall(_Caller):
    """``/v1/stream``."""

    async def first_words(self) -> StartMessage | None:
        """See ``_Caller.first_words``: the first message."""
        first = await self._receive()
        if first is None:
            return None
        if isinstance(first, bytes):
            raise WireError("malformed", "audio before the first message, which must be a text")
        return parse_start(first)

    async def open(self, start: StartMessage, client: str) -> Call:
        """See ``_Caller.open``."""
        channels = self._board.channels(start.roles)
        heard = [channel.channel for channel in channels if channel.analysed]
        intake = AudioIntake(start.encoding, start.sample_rate, len(channels), heard)
        call = await self._board.open(
            start.stream, channels, [(intake, heard)], start.metadata, client,
            self.connection.put,
        )  # fmt: skip
        self.connection.put(self._ready(call.name, channels))
        return call

    async def listen(self, call: Call) -> str:
        """Take audio until the end; why it ended."""
        while (message := await self._receive()) is not None:
            if isinstance(message, bytes):
                await self._take(call, message)
            elif is_stop(message):
                return "stopped"
        return "disconnected"

    def _ready(self, stream: str, channels: list[Channel]) -> str:
        return to_text(
            {
                "type": "ready",
                "version": VERSION,
                "stream": stream,
                "model": self._terms.model,
                "classes": self._terms.classes,
                "hop": self._terms.hop,
                "channels": [_shown(channel) for channel in channels],
            }
        )


class _TwilioCall(_Caller):
    """``/v1/twilio``. Twilio wants no messages but those of its own protocol: none are sent."""

    talks = False

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._signals: dict[str, int] = {}
        self._last = 0

    async def first_words(self) -> TwilioStart | None:
        """See ``_Caller.first_words``: Twilio's start."""
        while (text := await self._receive()) is not None:
            message = self._parse(text)
            if isinstance(message, TwilioStart):
                if not (self.trusted or self._rules.is_token(message.token)):
                    raise WireError("unauthorized", "bring the token as custom parameter 'token'")
                return message
            if message is not None:
                raise WireError("malformed", "a Twilio stream begins with connected and start")
        return None

    async def open(self, start: TwilioStart, client: str) -> Call:
        """See ``_Caller.open``."""
        channels = self._board.channels(start.roles)
        self._signals = {track: number for number, track in enumerate(start.tracks)}
        intakes = []
        for channel in channels:
            heard = [channel.channel] if channel.analysed else []
            intakes.append((AudioIntake("mulaw", SAMPLE_RATE, 1, [0] if heard else []), heard))
        return await self._board.open(
            start.call, channels, intakes, start.metadata, client, _nowhere
        )

    async def listen(self, call: Call) -> str:
        """Take audio until Twilio's stop."""
        while (text := await self._receive()) is not None:
            message = self._parse(text)
            if isinstance(message, TwilioStop):
                return "stopped"
            if isinstance(message, TwilioMedia) and self._is_next(message):
                await self._take(call, message.audio, self._signals[message.track])
        return "disconnected"

    def _parse(self, text: str | bytes) -> TwilioStart | TwilioMedia | TwilioStop | None:
        if isinstance(text, bytes):
            raise WireError("malformed", "Twilio sends texts, this is binary")
        return parse_twilio(text, self._terms.max_message)

    def _is_next(self, media: TwilioMedia) -> bool:
        """Of a track of the call, and neither a repetition nor late."""
        if media.track not in self._signals or 0 < media.number <= self._last:
            return False
        self._last = max(self._last, media.number)
        return True


def _shown(channel: Channel) -> dict[str, object]:
    shown: dict[str, object] = {
        "channel": channel.channel, "role": channel.role, "analysed": channel.analysed,
    }  # fmt: skip
    return shown if channel.reason is None else shown | {"reason": channel.reason}


def _nowhere(_: str) -> None:
    """For those who want to hear nothing."""
