"""One call of the floor as the live screen sees an engine: its rows come over a feed of its own."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from realtime_ser.dashboard import fields
from realtime_ser.dashboard.calls import parse_call
from realtime_ser.errors import DataError
from realtime_ser.levels import FLOOR_DBFS
from realtime_ser.sinks.row_format import FIELDS, parse_record
from realtime_ser.stats import Health, Latency, LatencyMeter, StreamStatus, Turn
from realtime_ser.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtime_ser.clock import Clock
    from realtime_ser.dashboard.calls import Call
    from realtime_ser.dashboard.fields import Record
    from realtime_ser.dashboard.picture import FloorPicture
    from realtime_ser.stats import EngineState
    from realtime_ser.types import TimelineRow

STALLED_AFTER: Final = 3.0
"""Seconds without audio from a call that has not ended, after which that is said."""
_MOST_WAITING: Final = 32_768
"""Rows that wait for the screen; half an hour has 3600 windows with a hop of half a second."""
_KINDS: Final = ("window", "utterance", "alert")


class CallMonitor:
    """Implements ``ui.monitor.Monitor``, and hands out rows. Belongs to one event loop.

    Rows say what was heard and when; how the call stands meanwhile (length, level, speaking) the
    picture of the floor says. Times are those of the call.
    """

    def __init__(
        self, call: Call, picture: FloorPicture, clock: Clock, trouble: Callable[[], str]
    ) -> None:
        """Begin without a row.

        Args:
            call: as the floor shows it.
            picture: of the floor, which goes on.
            clock: tells how long nothing has come.
            trouble: what is wrong with the connection, in words.
        """
        self.classes: tuple[str, ...] = EMOTIONS
        """Of the model, as far as rows have told."""
        self._call = call
        self._picture = picture
        self._clock = clock
        self._trouble = trouble
        self._rows: deque[TimelineRow | Turn] = deque(maxlen=_MOST_WAITING)
        self._newest: deque[TimelineRow] = deque(maxlen=16)
        """The last rows, to know those that a new connection sends again."""
        self._latency = LatencyMeter()
        self._count = 0
        self._run = 0
        self._position = call.duration
        self._moved = clock.monotonic()
        self._ended = not call.live
        self._paused = False
        self._heard = False

    def take_message(self, message: Record) -> bool:
        """Take a message of the call's feed; whether it was the last.

        Raises:
            DataError: it cannot be read.
        """
        kind = message.get("type")
        try:
            if kind == "history":
                self._take_history(message)
            elif kind in _KINDS:
                self._add(_row(message))
            elif kind == "end":
                self._ended = True
        except ValueError as error:
            raise DataError(f"the call's feed cannot be read: {error}") from None
        return kind == "end" or (kind == "history" and not self._call.live)

    def take(self) -> list[TimelineRow | Turn]:
        """The rows that have come since the last call, oldest first; none while it is paused."""
        if self._paused:
            return []
        rows = list(self._rows)
        self._rows.clear()
        return rows

    def health(self) -> Health:
        """See ``Monitor.health``."""
        call = self._call = self._present()
        there = call.live and not self._ended
        speaking = call.speaking and there
        level = call.level_dbfs if there else FLOOR_DBFS
        if call.duration > self._position:
            self._position, self._moved = call.duration, self._clock.monotonic()
        floor = self._picture.floor
        return Health(
            state=self._state(),
            source=call.name if not call.role else f"{call.name} · {call.role}",
            sample_rate=0,
            device="server",
            model="" if floor is None else floor.model,
            elapsed=self._position,
            duration=None,
            problem=self._problem(),
            overflows=0,
            reopened=0,
            dropped=call.dropped,
            queue=0.0,
            realtime_factor=0.0 if floor is None else floor.load,
            latency=self._latency.percentiles() if self._count else Latency(),
            rows=self._count,
            streams=(
                StreamStatus(
                    stream=call.stream,
                    channel=call.channel,
                    position=self._position,
                    level_dbfs=level,
                    peak_dbfs=level,
                    speech=speaking,
                    speech_probability=float(speaking),
                ),
            ),
            run=self._run,
        )

    def pause(self) -> None:
        """Hold the picture; the call goes on, and its rows wait."""
        self._paused = True

    def resume(self) -> None:
        """Show what has come meanwhile, and go on."""
        self._paused = False

    def stop(self) -> None:
        """The call is not ours to end; the feed ends with the screen."""

    def _present(self) -> Call:
        """The call as the floor knows it now; when it has left the floor, as it was last."""
        call = self._picture.calls.get(self._call.key, self._call)
        return call if call.started == self._call.started else self._call

    def _state(self) -> EngineState:
        if self._ended or not self._call.live:
            return "ended"
        if not self._heard:
            return "starting"
        return "paused" if self._paused else "running"

    def _problem(self) -> str | None:
        if trouble := self._trouble():
            return trouble
        if self._ended or not self._call.live:
            return None
        quiet = self._clock.monotonic() - self._moved
        if quiet >= STALLED_AFTER:
            return f"no audio from the call for {int(quiet)} s"
        return None

    def _take_history(self, message: Record) -> None:
        call = parse_call(message.get("stream"), self._call)
        if call.key != self._call.key:
            raise ValueError("the history is that of another call")
        rows = [
            _row(fields.record(row, "a row")) for row in fields.items(message.get("rows"), "rows")
        ]
        if call.started != self._call.started:  # a new call of the same name: its time begins anew
            self._run += 1
            self._rows.append(Turn(self._run, 0))
            self._newest.clear()
            self._position, self._ended = 0.0, False
        self._call, self._heard = call, True
        reached = max((row.end for row in self._newest), default=-1.0)
        for row in rows:
            if row.end > reached or (row.end == reached and row not in self._newest):
                self._add(row)

    def _add(self, row: TimelineRow) -> None:
        self._heard = True
        self._rows.append(row)
        self._newest.append(row)
        self._count += 1
        if row.latency_ms is not None:
            self._latency.add(row.latency_ms)
        if row.end > self._position:
            self._position, self._moved = row.end, self._clock.monotonic()
        if row.probabilities:
            self.classes = tuple(name for name in EMOTIONS if name in row.probabilities)


def _row(message: Record) -> TimelineRow:
    """Raises ValueError. On the wire the kind of a row is its type."""
    given = dict(message)
    given.setdefault("kind", given.get("type"))
    return parse_record({name: given[name] for name in FIELDS if name in given})
