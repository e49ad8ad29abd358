"""The chain of a live stream over recordings in memory, for the other scripts here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from realtime_ser.assembly import pipeline_factory
from realtime_ser.offline import run_offline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from realtime_ser.config import Config
    from realtime_ser.offline import Recording
    from realtime_ser.pipeline import StreamPipeline
    from realtime_ser.recognizer import NetworkRecognizer
    from realtime_ser.types import TimelineRow


def timelines(
    recordings: Iterable[Recording], recognizer: NetworkRecognizer, settings: Config
) -> Iterator[list[TimelineRow]]:
    """Rows of each recording, which is a stream of its own."""
    make, started = pipeline_factory(settings, recognizer), datetime.now(UTC)

    def pipeline(name: str) -> StreamPipeline:
        return make(name, 0, started)

    for _, rows in run_offline(recordings, recognizer, pipeline):
        yield rows


def windows(rows: list[TimelineRow]) -> list[TimelineRow]:
    """Rows of hops."""
    return [row for row in rows if row.kind == "window"]
