"""The streams of now, as dashboards see them. Used by the event loop's thread only."""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from realtime_ser.alerts.flags import alerts_of
from realtime_ser.clock import to_seconds
from realtime_ser.levels import FLOOR_DBFS
from realtime_ser.server.wire import to_text
from realtime_ser.types import NEGATIVE, UNCERTAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from realtime_ser.engine.line import Account, StreamInput
    from realtime_ser.server.start_message import Metadata
    from realtime_ser.types import TimelineRow

Key: TypeAlias = tuple[str, int]
"""Name of the call and number of the channel."""

KEPT: Final = 1800.0
"""Seconds of a stream whose rows are kept in memory."""
MOST_ROWS: Final = 2400
"""That are kept of a stream: half an hour in which somebody speaks half of the time; a megabyte."""
RECENT: Final = 300.0
"""Seconds of the short history that every dashboard gets."""
RECENT_EVERY: Final = 5.0
FRESH: Final = 1.0
"""Seconds after which a level and a duration alone are news."""
ENDED_FOR: Final = 30.0
"""Seconds for which a stream that has ended can still be looked at."""

_versions = itertools.count(1)


class Entry:
    """One stream."""

    def __init__(
        self, key: Key, role: str, metadata: Metadata, started: datetime, heard: StreamInput
    ) -> None:
        """Begin.

        Args:
            key: of the stream.
            role: of who speaks on it.
            metadata: that may be shown.
            started: UTC of its first sample.
            heard: asked for level and duration as long as it is live.
        """
        self.key = key
        self.rows = 0
        self.ended_at: float | None = None
        """Monotonic seconds."""
        self.version = next(_versions)
        """Changes with what is shown."""
        self.emotion: str | None = None
        self.watchers: list[Callable[[str], None]] = []
        """Take each message on this stream."""
        self._heard: StreamInput | None = heard
        self._known = {
            "stream": key[0],
            "channel": key[1],
            "role": role,
            "metadata": dict(metadata),
            "started": started.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z",
        }
        self._duration = 0.0
        self._speaking = False
        self._level = FLOOR_DBFS
        self._dropped = 0.0
        self._confidence: float | None = None
        self._valence: float | None = None
        self._speech = self._negative = 0.0
        self._covered = 0.0
        """Up to here the stream's rows have been counted."""
        self._recent: deque[tuple[float, str, float]] = deque()
        self._alert: dict[str, Any] | None = None
        self._alerts = 0
        self._history: deque[tuple[float, str]] = deque(maxlen=MOST_ROWS)
        self._fresh_until = 0.0
        self._text: tuple[int, str] | None = None

    @property
    def live(self) -> bool:
        """Not ended."""
        return self.ended_at is None

    def tell(self, text: str) -> None:
        """Pass a message on to those who watch this stream."""
        for watcher in list(self.watchers):
            watcher(text)

    def speech_started(self) -> None:
        """Somebody began to speak."""
        self._speaking = True
        self._touch()

    def add(self, row: TimelineRow, text: str) -> None:
        """Take a row, and the message that it is."""
        self.rows += 1
        self._history.append((row.end, text))
        while self._history[0][0] < row.end - KEPT:
            self._history.popleft()
        if row.kind == "alert":
            self._alerts += 1
            name = next(iter(alerts_of(row)), "mark")
            self._alert = {"name": name, "end": round(row.end, 3), "utc": row.utc}
        else:
            self._count(row)
        self._touch()

    def look(self, now: float) -> None:
        """Ask a live stream for its level and duration; ``now`` in monotonic seconds."""
        if self._heard is None:
            return
        status = self._heard.status()
        account = self._heard.account()
        self._duration, self._dropped = to_seconds(account.received), to_seconds(account.dropped)
        self._level = status.level_dbfs
        if status.speech != self._speaking or now >= self._fresh_until:
            self._speaking = status.speech
            self._fresh_until = now + FRESH
            self._touch()

    def end(self, account: Account, now: float) -> None:
        """The stream has ended, at ``now`` in monotonic seconds."""
        self.ended_at = now
        self._heard = None  # with its audio, which nobody asks for any more
        self._duration, self._dropped = to_seconds(account.received), to_seconds(account.dropped)
        self._speaking = False
        self._touch()

    def picture(self) -> dict[str, Any]:
        """The STREAM of docs/serve.md."""
        return {
            **self._known,
            "state": "live" if self.live else "ended",
            "duration": round(self._duration, 3),
            "speaking": self._speaking,
            "level_dbfs": round(self._level, 1),
            "emotion": self.emotion,
            "confidence": self._confidence,
            "valence": self._valence,
            "speech": round(self._speech, 3),
            "negative": round(self._negative, 3),
            "recent": list(self._recent),
            "alert": self._alert,
            "alerts": self._alerts,
            "dropped": round(self._dropped, 3),
        }

    def text(self) -> str:
        """``picture`` as JSON, made once for all who look."""
        if self._text is None or self._text[0] != self.version:
            self._text = self.version, to_text(self.picture())
        return self._text[1]

    def history(self) -> str:
        """The rows that are kept, as the inside of a JSON list."""
        return ",".join(text for _, text in self._history)

    def _count(self, row: TimelineRow) -> None:
        fresh = max(0.0, row.end - max(row.start, self._covered))
        self._covered = max(self._covered, row.end)
        self._speech += fresh
        self._negative += fresh if row.emotion in NEGATIVE else 0.0
        if row.kind == "window":
            self._remember(row)
        self.emotion = row.emotion
        self._confidence = round(row.confidence, 4)
        self._valence = None if row.valence is None else round(row.valence, 4)

    def _remember(self, row: TimelineRow) -> None:
        point = round(row.end, 3), row.emotion, round(row.confidence, 2)
        if self._recent and self._recent[-1][0] // RECENT_EVERY == row.end // RECENT_EVERY:
            self._recent[-1] = point
        else:
            self._recent.append(point)
        while self._recent[0][0] < row.end - RECENT:
            self._recent.popleft()

    def _touch(self) -> None:
        self.version = next(_versions)


class Book:
    """All streams."""

    def __init__(self) -> None:
        self.ended_for = ENDED_FOR
        self._entries: dict[Key, Entry] = {}
        self._looked = float("-inf")

    def __iter__(self) -> Iterator[Entry]:
        """Those that are live or have just ended."""
        return iter(list(self._entries.values()))

    def get(self, key: Key) -> Entry | None:
        """One of them."""
        return self._entries.get(key)

    def add(self, entry: Entry) -> None:
        """A stream begins; one that has ended makes room for its like."""
        self._entries[entry.key] = entry

    def look(self, now: float, every: float) -> None:
        """Bring all entries up to date, if that was ``every`` seconds ago or more."""
        if now - self._looked < every:
            return
        self._looked = now
        for entry in self:
            entry.look(now)
        self.sweep(now)

    def sweep(self, now: float) -> None:
        """Forget what ended long ago; ``now`` in monotonic seconds."""
        for entry in self:
            if entry.ended_at is not None and now - entry.ended_at >= self.ended_for:
                del self._entries[entry.key]

    def shares(self) -> dict[str, float]:
        """Emotion -> share of the live streams that have one, as shown last."""
        shown = [entry.emotion for entry in self if entry.live and entry.emotion is not None]
        names = sorted(set(shown) - {UNCERTAIN}) + [UNCERTAIN] * (UNCERTAIN in shown)
        return {name: round(shown.count(name) / len(shown), 4) for name in names}
