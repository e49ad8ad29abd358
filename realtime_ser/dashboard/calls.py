"""The calls and the floor as a server's feed describes them (``/v1/feed``), checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from realtime_ser.dashboard import fields
from realtime_ser.stats import Latency
from realtime_ser.types import EMOTIONS, UNCERTAIN

if TYPE_CHECKING:
    from realtime_ser.dashboard.fields import Record

Key: TypeAlias = tuple[str, int]
"""Stream and channel, as the server names them."""
Heard: TypeAlias = tuple[float, str, float]
"""End in seconds of the call, emotion or ``uncertain``, confidence."""

SILENT_AFTER: Final = 3.0
"""Seconds without speech after which the last emotion is no longer that of the moment."""
_SHOWN: Final = (*EMOTIONS, UNCERTAIN)
_STATES: Final = ("live", "ended")
_MOST_RECENT: Final = 1000
"""Entries of ``recent`` that are kept; a server sends 60."""
_MOST_METADATA: Final = 50


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule that came true."""

    name: str
    end: float
    """Seconds of the call."""
    utc: str


@dataclass(frozen=True, slots=True)
class Call:
    """One channel of one call, at one moment. Seconds are those of the call."""

    stream: str
    """As the server names it; ``name`` is for screens."""
    channel: int
    role: str
    metadata: tuple[tuple[str, str], ...]
    started: str
    """UTC."""
    live: bool
    duration: float
    speaking: bool
    level_dbfs: float
    emotion: str | None
    """Of the newest row, however old: an emotion or ``uncertain``; None before the first."""
    confidence: float | None
    valence: float | None
    speech: float
    """Seconds of speech."""
    negative: float
    """Seconds in negative emotion."""
    recent: tuple[Heard, ...]
    """The newest minutes, oldest first."""
    alert: Alert | None
    """The newest."""
    alerts: int
    dropped: float
    """Seconds of audio that analysis gave up."""
    name: str
    """Of the stream, without what a screen must not print."""
    words: str
    """All that can be searched, in lower case."""

    @property
    def key(self) -> Key:
        """Tells calls apart."""
        return self.stream, self.channel

    @property
    def now(self) -> str | None:
        """The emotion, as long as somebody speaks or has just spoken."""
        if self.live and (self.speaking or self.duration - self.heard_until <= SILENT_AFTER):
            return self.emotion
        return None

    @property
    def heard_until(self) -> float:
        """End of the newest window, in seconds of the call."""
        return self.recent[-1][0] if self.recent else 0.0


@dataclass(frozen=True, slots=True)
class Floor:
    """All calls of a server together."""

    streams: int
    capacity: int
    speaking: int
    load: float
    """Share of its time that analysis works; near 1 the server is full."""
    hop: float
    """Seconds between two windows, now."""
    usual_hop: float
    """The same where there is no overload."""
    latency: Latency
    dropped: float
    refused: int
    uptime: float
    model: str
    shares: tuple[tuple[str, float], ...]
    """Emotion -> share of the calls that have it now."""


def parse_call(given: object, before: Call | None = None) -> Call:
    """A STREAM of the feed.

    Args:
        given: as JSON was decoded.
        before: the same call a moment ago; what has not changed is taken from it.

    Raises:
        ValueError: it is none; the text says why, in one line.
    """
    record = fields.record(given, "a stream")
    stream, role = fields.text(record, "stream"), fields.shown(fields.text(record, "role"))
    channel = fields.whole(record, "channel")
    metadata = _metadata(record)
    if before is not None and (before.key, before.role, before.metadata) == (
        (stream, channel), role, metadata,
    ):  # fmt: skip
        name, words = before.name, before.words
    else:
        name = fields.shown(stream) or "(no name)"
        words = " ".join((name, role, *(value for _, value in metadata))).casefold()
    emotion = None if record.get("emotion") is None else fields.choice(record, "emotion", _SHOWN)
    return Call(
        stream=stream,
        channel=channel,
        role=role,
        metadata=metadata,
        started=_utc(record, "started"),
        live=fields.choice(record, "state", _STATES) == "live",
        duration=fields.number(record, "duration"),
        speaking=fields.flag(record, "speaking"),
        level_dbfs=fields.number(record, "level_dbfs", -1000.0, 1000.0),
        emotion=emotion,
        confidence=fields.optional(record, "confidence", 0.0, 1.0),
        valence=fields.optional(record, "valence", -1.0, 1.0),
        speech=fields.number(record, "speech"),
        negative=fields.number(record, "negative"),
        recent=_recent(record, () if before is None else before.recent),
        alert=_alert(record),
        alerts=fields.whole(record, "alerts"),
        dropped=fields.number(record, "dropped"),
        name=name,
        words=words,
    )


def parse_floor(given: object) -> Floor:
    """A FLOOR of the feed.

    Raises:
        ValueError: it is none; the text says why, in one line.
    """
    record = fields.record(given, "floor")
    latency = fields.record(record.get("latency_ms", {}), "latency_ms")
    shares = fields.record(record.get("shares", {}), "shares")
    return Floor(
        streams=fields.whole(record, "streams"),
        capacity=fields.whole(record, "capacity"),
        speaking=fields.whole(record, "speaking"),
        load=fields.number(record, "load"),
        hop=fields.number(record, "hop"),
        usual_hop=fields.number(record, "usual_hop"),
        latency=Latency(*(fields.optional(latency, name) for name in ("p50", "p95", "p99"))),
        dropped=fields.number(record, "dropped"),
        refused=fields.whole(record, "refused"),
        uptime=fields.number(record, "uptime"),
        model=fields.shown(fields.text(record, "model")),
        shares=tuple(
            (name, fields.number(shares, name, 0.0, 1.0)) for name in _SHOWN if name in shares
        ),
    )


def parse_key(given: object) -> Key:
    """A KEY of the feed: a list of stream and channel, or an object with both.

    Raises:
        ValueError: it is none.
    """
    if isinstance(given, list) and len(given) == 2:
        given = {"stream": given[0], "channel": given[1]}
    record = fields.record(given, "a key")
    return fields.text(record, "stream"), fields.whole(record, "channel")


def _metadata(record: Record) -> tuple[tuple[str, str], ...]:
    given = fields.record(record.get("metadata") or {}, "metadata")
    pairs = list(given.items())[:_MOST_METADATA]
    return tuple((fields.shown(name), fields.shown(str(value))) for name, value in pairs)


def _utc(record: Record, name: str) -> str:
    """A time, written so that the order of texts is that of times."""
    value = fields.text(record, name)
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError):
        raise ValueError(f"{name} is {fields.shown(value)!r}, not a time with its zone") from None


def _recent(record: Record, before: tuple[Heard, ...]) -> tuple[Heard, ...]:
    given = fields.items(record.get("recent", []), "recent")[-_MOST_RECENT:]
    # Most calls have the same as a moment ago, which was checked then, but for the last one.
    if before and len(given) == len(before) and all(map(_is_same, given[:-1], before)):
        last = _heard(given[-1])
        return before if last == before[-1] else tuple(sorted((*before[:-1], last)))
    return tuple(sorted(map(_heard, given)))


def _is_same(entry: object, heard: Heard) -> bool:
    return isinstance(entry, list) and tuple(entry) == heard


def _heard(entry: object) -> Heard:
    parts = fields.items(entry, "an entry of recent")
    if len(parts) != 3:
        raise ValueError("an entry of recent has not three parts")
    named = dict(zip(("end", "emotion", "confidence"), parts, strict=True))
    return (
        fields.number(named, "end"),
        fields.choice(named, "emotion", _SHOWN),
        fields.number(named, "confidence", 0.0, 1.0),
    )


def _alert(record: Record) -> Alert | None:
    if record.get("alert") is None:
        return None
    given = fields.record(record["alert"], "alert")
    name = fields.shown(fields.text(given, "name")) or "alert"
    return Alert(name, fields.number(given, "end"), _utc(given, "utc"))
