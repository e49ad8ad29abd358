"""Fields, order, rounding and checks of timeline rows, version 1. Only this module knows them.

docs/timeline-format.md tells users the same.
"""

from __future__ import annotations

import math
import unicodedata
from typing import TYPE_CHECKING, Final, TypeAlias, cast, get_args

from realtime_ser.rounding import round_probabilities
from realtime_ser.types import EMOTIONS, UNCERTAIN, RowKind, TimelineRow

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA: Final = 1
"""Version of the format; the value of the ``schema`` column."""

FIELDS: Final = (
    "schema", "stream", "channel", "kind", "start", "end", "utc", "emotion", "confidence",
    *EMOTIONS,
    "arousal", "valence", "level_dbfs", "adapted", "latency_ms", "flags",
)  # fmt: skip

FLAG_SEPARATOR: Final = ";"
LONGEST: Final = 1e9
"""Seconds that a row's times may reach: thirty years."""
_SHARE: Final = (0.0, 1.0)
_PLANE: Final = (-1.0, 1.0)

Value: TypeAlias = str | int | float | None


def to_record(row: TimelineRow) -> dict[str, Value]:
    """A row as it is written: the keys are ``FIELDS`` in their order, numbers are rounded.

    None stands for what is not there: a class that the model does not have, the latency of a
    source that nothing paces. The probabilities sum to exactly 1.0000.

    Raises:
        ValueError: a number that is not finite, a class without a column, or probabilities that
            are none.
    """
    unknown = set(row.probabilities) - set(EMOTIONS)
    if unknown:
        raise ValueError(f"no column for class {min(unknown)!r}")
    classes = list(row.probabilities)
    written = round_probabilities(list(row.probabilities.values())) if classes else []
    shares = dict(zip(classes, written, strict=True))
    return {
        "schema": SCHEMA,
        "stream": one_line(row.stream),
        "channel": row.channel,
        "kind": row.kind,
        "start": _rounded(row.start, 3),
        "end": _rounded(row.end, 3),
        "utc": row.utc,
        "emotion": row.emotion,
        "confidence": max(written) if written else _rounded(row.confidence, 4),
        **{name: shares.get(name) for name in EMOTIONS},
        "arousal": None if row.arousal is None else _rounded(row.arousal, 4),
        "valence": None if row.valence is None else _rounded(row.valence, 4),
        "level_dbfs": _rounded(row.level_dbfs, 1),
        "adapted": _rounded(row.adapted, 3),
        "latency_ms": None if row.latency_ms is None else _rounded(row.latency_ms, 1),
        "flags": FLAG_SEPARATOR.join(row.flags),
    }


def parse_record(record: Mapping[str, object]) -> TimelineRow:
    """The row that a record was made of, as rounded there.

    Args:
        record: field -> value; numbers may be text, and empty text means None.

    Raises:
        ValueError: not a row of version 1; the text says what is wrong, in one line.
    """
    missing = [name for name in FIELDS if name not in record]
    if "schema" in record and str(record["schema"]) != str(SCHEMA):
        raise ValueError(f"schema is {record['schema']!r}; this version reads {SCHEMA}")
    if missing:
        raise ValueError(f"field {missing[0]!r} is missing")
    shares = {name: _optional(record, name, *_SHARE) for name in EMOTIONS}
    start, end = _number(record, "start"), _number(record, "end")
    if not 0.0 <= start <= end <= LONGEST:
        raise ValueError(f"start {start} and end {end} are not in order")
    flags = _text(record, "flags")
    return TimelineRow(
        stream=_text(record, "stream"),
        channel=_whole(record, "channel"),
        kind=cast("RowKind", _choice(record, "kind", get_args(RowKind))),
        start=start,
        end=end,
        utc=_text(record, "utc"),
        emotion=_choice(record, "emotion", (*EMOTIONS, UNCERTAIN)),
        confidence=_within("confidence", _number(record, "confidence"), *_SHARE),
        probabilities={name: share for name, share in shares.items() if share is not None},
        arousal=_optional(record, "arousal", *_PLANE),
        valence=_optional(record, "valence", *_PLANE),
        level_dbfs=_number(record, "level_dbfs"),
        adapted=_number(record, "adapted"),
        latency_ms=_optional(record, "latency_ms", 0.0, 1000.0 * LONGEST),
        flags=tuple(flags.split(FLAG_SEPARATOR)) if flags else (),
    )


def one_line(name: str) -> str:
    """A stream's name without what would break a line or UTF-8; nothing else is changed.

    Names come from files, whose names may hold control characters and undecodable bytes.
    """
    separators = ("Cc", "Zl", "Zp")
    clean = "".join(" " if unicodedata.category(c) in separators else c for c in name)
    return clean.encode("utf-8", "replace").decode("utf-8")


def _rounded(value: float, decimals: int) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} in a timeline row")
    return round(float(value), decimals) + 0.0  # -0.0 becomes 0.0


def _text(record: Mapping[str, object], name: str) -> str:
    value = record[name]
    if not isinstance(value, str):
        raise ValueError(f"{name} is {value!r}, not text")
    return value


def _choice(record: Mapping[str, object], name: str, allowed: tuple[str, ...]) -> str:
    value = _text(record, name)
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}, not one of {', '.join(allowed)}")
    return value


def _number(record: Mapping[str, object], name: str) -> float:
    value = record[name]
    try:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError
        number = float(value)
        if not math.isfinite(number):
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError(f"{name} is {value!r}, not a number") from None
    return number


def _whole(record: Mapping[str, object], name: str) -> int:
    number = _number(record, name)
    if not number.is_integer():
        raise ValueError(f"{name} is {record[name]!r}, not a whole number")
    return int(number)


def _optional(
    record: Mapping[str, object], name: str, lowest: float, highest: float
) -> float | None:
    if record[name] in (None, ""):
        return None
    return _within(name, _number(record, name), lowest, highest)


def _within(name: str, value: float, lowest: float, highest: float) -> float:
    if not lowest <= value <= highest:
        raise ValueError(f"{name} is {value:g}, not within {lowest:g} to {highest:g}")
    return value
