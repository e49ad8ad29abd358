"""The two ways in which a call comes: ``/v1/stream`` and ``/v1/twilio``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from realtime_ser.server.audio import AudioIntake
from realtime_ser.server.connection import Connection, Connections
from realtime_ser.server.gate import TRUSTED
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
    from realtime_ser.server.seats import Seats
    from realtime_ser.server.switchboard import Switchboard

START_PATIENCE: Final = 10.0
"""Seconds in which a connection must say what it brings."""
AT_ONCE: Final = 4096
"""Bytes, half a second at most, after which it is looked how far ahead of time they are."""
NO_START: Final = "nothing was said for too long; begin with the first message"
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
            self._seats.take(client)
            try:
                await self._hear(caller, client)
            finally:
                self._seats.give_back(client)
        except WireError as caught:
            error = caught
            self._metrics.refused(caught.code)
            self._metrics.refusals += not caller.taken
        await connection.finish(error, tell=caller.talks)

    async def _hear(self, caller: _StreamCall | _TwilioCall, client: str) -> None:
        """One call from its first message until all that was heard has been told."""
        connection = caller.connection
        connection.expect(START_PATIENCE, WireError("idle", NO_START))
        call = await caller.start(client)
        if call is None:
            return
        caller.taken = True
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
        self._trusted = bool(scope.get(TRUSTED, False))
        self.taken = False
        """The call was taken in."""
        self._began: float | None = None

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
        now = asyncio.get_running_loop().time()
        if self._began is None:
            self._began = now
        ahead = call.received - (now - self._began) - self._terms.ahead
        if ahead > 0.0:  # whoever sends faster than time passes must not cost the others anything
            await self.connection.pause(ahead)


class _StreamCall(_Caller):
    """``/v1/stream``."""

    async def start(self, client: str) -> Call | None:
        """Read the first message and take the call in; None when it went away."""
        first = await self._receive()
        if first is None:
            return None
        if isinstance(first, bytes):
            raise WireError("malformed", "audio before the first message, which must be a text")
        start = parse_start(first)
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

    async def start(self, client: str) -> Call | None:
        """Wait for Twilio's start."""
        while (text := await self._receive()) is not None:
            message = self._parse(text)
            if isinstance(message, TwilioStart):
                return await self._open(message, client)
            if message is not None:
                raise WireError("malformed", "a Twilio stream begins with connected and start")
        return None

    async def listen(self, call: Call) -> str:
        """Take audio until Twilio's stop."""
        while (text := await self._receive()) is not None:
            message = self._parse(text)
            if isinstance(message, TwilioStop):
                return "stopped"
            if isinstance(message, TwilioMedia) and self._is_next(message):
                await self._take(call, message.audio, self._signals[message.track])
        return "disconnected"

    async def _open(self, start: TwilioStart, client: str) -> Call:
        if not (self._trusted or self._rules.is_token(start.token)):
            raise WireError("unauthorized", "bring the token as custom parameter 'token'")
        channels = self._board.channels(start.roles)
        self._signals = {track: number for number, track in enumerate(start.tracks)}
        intakes = []
        for channel in channels:
            heard = [channel.channel] if channel.analysed else []
            intakes.append((AudioIntake("mulaw", SAMPLE_RATE, 1, [0] if heard else []), heard))
        return await self._board.open(
            start.call, channels, intakes, start.metadata, client, _nowhere
        )

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
