"""One batch of the recogniser for the streams that are due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from realtime_ser.pipeline import Piece, StreamPipeline
    from realtime_ser.recognizer import Recognizer
    from realtime_ser.types import TimelineRow


@dataclass(frozen=True, slots=True)
class DuePiece:
    """A piece of speech, whose it is and where its state lives."""

    pipeline: StreamPipeline
    slot: int
    piece: Piece
    due: float = 0.0
    """Monotonic seconds at which it was seen to be due."""


def recognize_batch(
    recognizer: Recognizer, batch: Sequence[DuePiece], now: Callable[[], float]
) -> list[list[TimelineRow]]:
    """Run one batch of at most one piece a stream.

    Args:
        recognizer: the streams' slots are open in it.
        batch: what is due.
        now: monotonic clock, read after inference for the latency column.

    Returns:
        The rows that follow, a list a piece.
    """
    for due in batch:
        if due.piece.first:
            recognizer.begin(due.slot)
    heard = [due for due in batch if len(due.piece.samples)]
    answers = recognizer.step(
        [due.slot for due in heard],
        [due.piece.samples for due in heard],
        [due.piece.last for due in heard],
    )
    by_slot = {due.slot: answer for due, answer in zip(heard, answers, strict=True)}
    recognizer.finish([due.slot for due in batch if due.piece.last and not len(due.piece.samples)])
    inferred = now()
    return [due.pipeline.complete(due.piece, by_slot.get(due.slot), inferred) for due in batch]
