"""What the feed has said so far: the floor and every call, as they were last."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from realtime_ser.dashboard import fields
from realtime_ser.dashboard.calls import parse_call, parse_floor, parse_key
from realtime_ser.errors import DataError

if TYPE_CHECKING:
    from realtime_ser.clock import Clock
    from realtime_ser.dashboard.calls import Call, Floor, Key
    from realtime_ser.dashboard.fields import Record

LINGER: Final = 30.0
"""Seconds that a call stays in sight after its end."""
ALERT_WINDOW: Final = 300.0
"""Seconds of the past of which alerts are counted."""
DROPPED_FOR: Final = 30.0
"""Seconds that dropped audio is warned of."""
_MOST_ALERTS: Final = 10_000


class FloorPicture:
    """Takes messages of a feed; belongs to one thread."""

    def __init__(self, clock: Clock) -> None:
        self.floor: Floor | None = None
        self.calls: dict[Key, Call] = {}
        self.version = 0
        """Counts what has changed."""
        self.left_out = ""
        """What is wrong with a call that is not shown, in words."""
        self._dropped_at: float | None = None
        """When audio was dropped last, as far as it was heard of."""
        self._clock = clock
        self._ended: dict[Key, float] = {}
        """Since when calls have been over."""
        self._alerts: deque[tuple[float, int]] = deque(maxlen=_MOST_ALERTS)
        """When alerts were heard of, and how many."""

    def take(self, message: Record) -> None:
        """Take a message; one of a type that is not known is passed over.

        A call that cannot be read is left out, and ``left_out`` says why.

        Raises:
            DataError: the message cannot be read at all.
        """
        kind = message.get("type")
        if kind not in ("snapshot", "update"):
            return
        try:
            floor = parse_floor(message.get("floor"))
            streams = fields.items(message.get("streams"), "streams")
            ended = [parse_key(key) for key in fields.items(message.get("ended", []), "ended")]
        except ValueError as error:
            raise DataError(f"the server's feed cannot be read: {error}") from None
        if self.floor is not None and floor.dropped > self.floor.dropped:
            self._dropped_at = self._clock.monotonic()
        self.floor = floor
        before = self.calls
        if kind == "snapshot":
            # What a lost connection did not tell of, and is there no more, ended meanwhile.
            self.calls = {key: _over(call) for key, call in before.items()}
            self.left_out = ""
        for stream in streams:
            self._take_call(stream, before)
        for key in ended:
            if key in self.calls:
                self.calls[key] = _over(self.calls[key])
        self._note_ends()
        self.version += 1

    def tidy(self) -> None:
        """Let go of calls that ended a while ago."""
        now = self._clock.monotonic()
        old = [key for key, since in self._ended.items() if now - since >= LINGER]
        for key in old:
            del self._ended[key]
            self.calls.pop(key, None)
        self.version += bool(old)

    @property
    def dropping(self) -> bool:
        """The server has just dropped audio."""
        at = self._dropped_at
        return at is not None and self._clock.monotonic() - at < DROPPED_FOR

    def alerts_lately(self) -> int:
        """Alerts of the last ``ALERT_WINDOW`` seconds, as far as they were heard of."""
        since = self._clock.monotonic() - ALERT_WINDOW
        while self._alerts and self._alerts[0][0] < since:
            self._alerts.popleft()
        return sum(count for _, count in self._alerts)

    def _take_call(self, stream: object, before: dict[Key, Call]) -> None:
        try:
            old = None
            if isinstance(stream, dict) and isinstance(stream.get("channel"), int):
                old = before.get((str(stream.get("stream")), stream["channel"]))
            call = parse_call(stream, old)
        except ValueError as error:
            name = fields.shown(str(stream.get("stream"))) if isinstance(stream, dict) else "?"
            self.left_out = f"{name}: cannot be shown ({error})"
            return
        self.calls[call.key] = call
        self._count_alerts(call, old)

    def _count_alerts(self, call: Call, old: Call | None) -> None:
        now = self._clock.monotonic()
        if old is not None and old.started == call.started:
            new = call.alerts - old.alerts
        elif call.alert is not None:  # of those before nobody says when they were
            age = max(0.0, call.duration - call.alert.end)
            new, now = int(age < ALERT_WINDOW), now - age
        else:
            new = 0
        if new > 0:
            self._alerts.append((now, new))

    def _note_ends(self) -> None:
        now = self._clock.monotonic()
        for key, call in self.calls.items():
            if call.live:
                self._ended.pop(key, None)
            else:
                self._ended.setdefault(key, now)


def _over(call: Call) -> Call:
    return replace(call, live=False, speaking=False) if call.live else call
