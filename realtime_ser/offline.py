"""Recordings that are already in memory, many at a time, through the same chain as live streams."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from realtime_ser.batching import DuePiece, recognize_batch
from realtime_ser.types import SAMPLE_RATE, AudioArray, AudioBlock, TimelineRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from realtime_ser.pipeline import StreamPipeline
    from realtime_ser.recognizer import Recognizer

CHUNK = SAMPLE_RATE // 2
STREAMS_AT_ONCE = 64
SAMPLES_AT_ONCE = 30 * 60 * SAMPLE_RATE
"""Half an hour over all streams: bounds the memory where recordings are long."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One stream's audio, whole."""

    name: str
    samples: AudioArray
    """(n,) at ``SAMPLE_RATE``."""


def run_offline(
    recordings: Iterable[Recording],
    recognizer: Recognizer,
    make_pipeline: Callable[[str], StreamPipeline],
) -> Iterator[tuple[Recording, list[TimelineRow]]]:
    """Timelines of recordings, each as its own stream, in the order given."""
    for group in _groups(recordings):
        yield from zip(group, _run_group(group, recognizer, make_pipeline), strict=True)
        # Else it would be kept while the next group is read.
        del group


def _groups(recordings: Iterable[Recording]) -> Iterator[list[Recording]]:
    """Recordings to run side by side; a recording over the limit of samples is alone."""
    group: list[Recording] = []
    samples = 0
    for recording in recordings:
        new = len(recording.samples)
        if group and (len(group) == STREAMS_AT_ONCE or samples + new > SAMPLES_AT_ONCE):
            yield group
            group, samples = [], 0
        group.append(recording)
        samples += new
    if group:
        yield group


def _run_group(
    group: list[Recording],
    recognizer: Recognizer,
    make_pipeline: Callable[[str], StreamPipeline],
) -> list[list[TimelineRow]]:
    streams = [(make_pipeline(recording.name), recognizer.open()) for recording in group]
    rows: list[list[TimelineRow]] = [[] for _ in group]
    longest = max(len(recording.samples) for recording in group)
    for start in range(0, longest + CHUNK, CHUNK):
        for recording, (pipeline, _) in zip(group, streams, strict=True):
            piece = recording.samples[start : start + CHUNK]
            if len(piece):
                pipeline.push(AudioBlock(piece, start, captured=None))
            if start < len(recording.samples) + CHUNK <= start + CHUNK:
                pipeline.flush()
        _drain(streams, recognizer, rows)
    for _, slot in streams:
        recognizer.close(slot)
    return rows


def _drain(
    streams: list[tuple[StreamPipeline, int]],
    recognizer: Recognizer,
    rows: list[list[TimelineRow]],
) -> None:
    while True:
        due = [
            (i, DuePiece(pipeline, slot, piece))
            for i, (pipeline, slot) in enumerate(streams)
            if (piece := pipeline.due()) is not None
        ]
        if not due:
            return
        found = recognize_batch(recognizer, [piece for _, piece in due], time.monotonic)
        for (i, _), new in zip(due, found, strict=True):
            rows[i].extend(new)
