"""Timeline rows for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from realtime_ser.types import TimelineRow

SIX_CLASSES = {
    "angry": 0.61,
    "disgust": 0.08,
    "fear": 0.05,
    "happy": 0.07,
    "neutral": 0.15,
    "sad": 0.04,
}


def make_row(**changes: Any) -> TimelineRow:
    """A window row of a six-class model; name what shall differ."""
    row = TimelineRow(
        stream="call-17",
        channel=1,
        kind="window",
        start=1.5,
        end=4.5,
        utc="2025-03-01T10:00:04.500Z",
        emotion="angry",
        confidence=0.61,
        probabilities=SIX_CLASSES,
        arousal=0.4427,
        valence=-0.3596,
        level_dbfs=-23.4,
        adapted=0.0,
        latency_ms=41.2,
        flags=("derived",),
    )
    return replace(row, **changes)
