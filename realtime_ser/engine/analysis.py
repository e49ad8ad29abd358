"""What a worker does in one pass over the streams that it serves. No threads, no queues."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from realtime_ser.batching import DuePiece, recognize_batch
from realtime_ser.pipeline import push_all
from realtime_ser.stats import Stamps
from realtime_ser.types import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from realtime_ser.pipeline import StreamPipeline
    from realtime_ser.recognizer import Recognizer
    from realtime_ser.ring import RingBuffer
    from realtime_ser.types import AudioBlock, TimelineRow

CHUNK = SAMPLE_RATE // 2
"""Most samples that one pass takes from a ring."""


@dataclass(slots=True, eq=False)
class Stream:
    """One stream as a worker sees it."""

    ring: RingBuffer
    pipeline: StreamPipeline
    slot: int
    interrupted: threading.Event = field(default_factory=threading.Event)
    """No audio will come for a while: what is open is to be closed."""
    finished: bool = False
    """All of its audio has been heard; pieces of it may still be due."""


S = TypeVar("S", bound=Stream)


def listen(streams: Sequence[Stream]) -> int | None:
    """Move audio from the rings into the pipelines.

    Returns:
        Samples of the stream that had most; None when there was nothing to do.
    """
    pushes: list[tuple[StreamPipeline, AudioBlock]] = []
    ended = False
    for stream in streams:
        block = stream.ring.read(CHUNK)
        if block is not None:
            pushes.append((stream.pipeline, block))
        elif stream.ring.ended and not stream.finished:
            stream.pipeline.flush()
            stream.finished = ended = True
        elif stream.interrupted.is_set():
            stream.pipeline.flush()
    push_all(pushes)
    most = max((len(block.samples) for _, block in pushes), default=0)
    return most if ended or most else None


def due_batch(
    streams: Sequence[S], batch: Sequence[tuple[S, DuePiece]], limit: int, now: float
) -> list[tuple[S, DuePiece]]:
    """``batch`` and what else is due, the oldest first, one piece a stream: a piece needs the state
    before it.

    Args:
        streams: all of them.
        batch: what has been found before.
        limit: so many at most.
        now: monotonic seconds.
    """
    found = list(batch)
    taken = {due.slot for _, due in batch}
    due = [stream for stream in streams if stream.pipeline.waiting and stream.slot not in taken]
    if len(due) > limit - len(found):
        due.sort(key=lambda stream: stream.pipeline.waiting_since)
    for stream in due[: limit - len(found)]:
        piece = stream.pipeline.due()
        if piece is not None:
            found.append((stream, DuePiece(stream.pipeline, stream.slot, piece, now)))
    return found


def run_batch(
    recognizer: Recognizer, batch: Sequence[tuple[S, DuePiece]], now: Callable[[], float]
) -> list[tuple[S, TimelineRow, Stamps]]:
    """Rows of a batch, with whose they are and the stamps of their way."""
    batched = now()
    found = recognize_batch(recognizer, [due for _, due in batch], now)
    inferred = now()
    return [
        (stream, row, Stamps(due.piece.certain, due.due, batched, inferred))
        for (stream, due), rows in zip(batch, found, strict=True)
        for row in rows
    ]
