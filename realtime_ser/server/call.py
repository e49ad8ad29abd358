"""One call: the streams of its channels, from the wire to the floor, and what is heard of them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from realtime_ser.clock import to_seconds
from realtime_ser.server.wire import end_text, row_text, speech_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from realtime_ser.clock import Clock
    from realtime_ser.engine.line import Account, StreamInput
    from realtime_ser.server.audio import AudioIntake
    from realtime_ser.server.book import Entry
    from realtime_ser.server.files import CallFile
    from realtime_ser.server.metrics import Metrics
    from realtime_ser.sinks.sink import Sink
    from realtime_ser.types import AudioArray, TimelineRow


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a call, as ``ready`` tells it."""

    channel: int
    role: str
    analysed: bool
    reason: str | None = None
    """Why it is not analysed."""


@dataclass(frozen=True, slots=True)
class Signal:
    """What comes in one piece: all channels interleaved, or one of several tracks."""

    intake: AudioIntake
    heard: tuple[int, ...]
    """Channels of the call that the intake gives out, in the order of its columns."""


class Voice:
    """A channel that is analysed. Implements ``Listener``.

    The floor's output thread brings what is heard; it is written to the file there, and goes on in
    the event loop.
    """

    def __init__(
        self,
        call: Call,
        channel: int,
        loop: asyncio.AbstractEventLoop,
        deliver: Callable[[str], None],
    ) -> None:
        """Listen.

        Args:
            call: that the channel is of.
            channel: its number.
            loop: that everything is handed to.
            deliver: takes each message, in the loop.
        """
        self.channel = channel
        self.input: StreamInput
        self.entry: Entry
        self.unwritten = 0
        self._call = call
        self._loop = loop
        self._deliver = deliver

    # the floor's output thread

    def speech_started(self, start: float) -> None:
        """See ``Listener``."""
        self._in_loop(self._tell_speech, start)

    def row(self, row: TimelineRow) -> None:
        """See ``Listener``: on disk first."""
        if self._call.file is not None and not self._call.file.write(row):
            self.unwritten += 1
        if self._call.webhook is not None:
            self._call.webhook.write(row)
        self._in_loop(self._tell_row, row)

    def ended(self, account: Account) -> None:
        """See ``Listener``."""
        if self._call.file is not None:
            self._call.file.leave()
        self._in_loop(self._tell_end, account)

    def _in_loop(self, work: Callable[..., None], *given: object) -> None:
        with suppress(RuntimeError):  # the loop has ended before the floor: nobody is left to tell
            self._loop.call_soon_threadsafe(work, *given)

    # the event loop

    def _tell_speech(self, start: float) -> None:
        self.entry.speech_started()
        self._tell(speech_text(self._call.name, self.channel, start))

    def _tell_row(self, row: TimelineRow) -> None:
        text = row_text(row)
        self.entry.add(row, text)
        self._call.metrics.row(row)
        self._tell(text)

    def _tell_end(self, account: Account) -> None:
        self._call.voice_ended(self, account)
        self._tell(
            end_text(
                self._call.name, self.channel, self._call.reason, account,
                rows=self.entry.rows, unwritten=self.unwritten,
            )
        )  # fmt: skip

    def _tell(self, text: str) -> None:
        self._deliver(text)
        self.entry.tell(text)


class Call:
    """Used by the event loop's thread; only its voices are called from elsewhere."""

    def __init__(
        self,
        name: str,
        channels: Sequence[Channel],
        signals: Sequence[Signal],
        clock: Clock,
        metrics: Metrics,
        on_ended: Callable[[Call], None],
    ) -> None:
        """Prepare; the switchboard adds voices.

        Args:
            name: as it is written and shown.
            channels: all of them.
            signals: that it comes as.
            clock: stamps audio as it arrives.
            metrics: of the server.
            on_ended: told when nothing more will come of it.
        """
        self.name = name
        self.channels = tuple(channels)
        self.voices: dict[int, Voice] = {}
        self.file: CallFile | None = None
        self.webhook: Sink | None = None
        """Gets every row; must neither wait nor fail."""
        self.metrics = metrics
        self.reason = "disconnected"
        """Why it ends."""
        self.on_failure: Callable[[], None] = lambda: None
        """Called when a channel has ended though audio may still come."""
        self.ended = asyncio.Event()
        """All that was heard has been told."""
        self._signals = tuple(signals)
        self._clock = clock
        self._on_ended = on_ended
        self._waiting = 0
        self._closed = False

    @property
    def received(self) -> float:
        """Seconds of audio that came in, of the signal that has most."""
        return max(signal.intake.received for signal in self._signals)

    @property
    def waiting(self) -> float:
        """Seconds of audio that came in and have not been heard yet, of the channel with most."""
        accounts = [voice.input.account() for voice in self.voices.values()]
        return to_seconds(max((account.waiting for account in accounts), default=0))

    def add(self, voice: Voice) -> None:
        """One more channel is listened to."""
        self.voices[voice.channel] = voice
        self._waiting += 1

    def take(self, data: bytes, signal: int = 0) -> None:
        """Take audio.

        Args:
            data: bytes of a signal, cut anywhere.
            signal: its place among the signals.

        Raises:
            WireError: no audio.
        """
        source = self._signals[signal]
        samples = source.intake.take(data)
        self._write(source, samples, self._clock.monotonic() - source.intake.delay)

    def close(self, reason: str) -> None:
        """No more audio comes; what came is still analysed. The first reason counts."""
        if self._closed:
            return
        self._closed = True
        self.reason = reason
        for signal in self._signals:
            self._write(signal, signal.intake.flush(), self._clock.monotonic())
        for voice in self.voices.values():
            voice.input.close()
        if not self.voices:
            self._finish()

    def voice_ended(self, voice: Voice, account: Account) -> None:
        """All of a channel has been heard."""
        voice.entry.end(account, self._clock.monotonic())
        self.metrics.ended(account)
        self._waiting -= 1
        if not self._closed:  # a fault: nobody has closed it
            self.on_failure()
        if self._waiting == 0:
            # Behind the message on this end, which is delivered right after.
            asyncio.get_running_loop().call_soon(self._finish)

    def _finish(self) -> None:
        self.ended.set()
        self._on_ended(self)

    def _write(self, signal: Signal, samples: AudioArray, captured: float) -> None:
        if len(samples):
            for column, channel in enumerate(signal.heard):
                voice = self.voices[channel]
                voice.input.write(np.ascontiguousarray(samples[:, column]), captured)
