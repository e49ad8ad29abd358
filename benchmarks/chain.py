"""What the other scripts here share: the chain of a live stream over recordings in memory, and the
clips of a fold with the model to hear them.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from realtime_ser.assembly import pipeline_factory
from realtime_ser.offline import run_offline
from realtime_ser.training.index import Clip, read_index

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


def fold_parser(text: str | None) -> argparse.ArgumentParser:
    """Options that name a fold and a model; ``text`` begins with what the script does."""
    parser = argparse.ArgumentParser(description=(text or "").splitlines()[0])
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--corpus", default="crema-d")
    parser.add_argument("--fold", required=True)
    parser.add_argument("--model", required=True)
    return parser


def clips_of(given: argparse.Namespace) -> list[Clip]:
    """The clips that the options of ``fold_parser`` name."""
    return [
        clip
        for clip in read_index(given.index)
        if clip.corpus == given.corpus and clip.fold == given.fold
    ]


def windows(rows: list[TimelineRow]) -> list[TimelineRow]:
    """Rows of hops."""
    return [row for row in rows if row.kind == "window"]
