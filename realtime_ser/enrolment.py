"""Listens to a source until enough of somebody's speech has been heard. One thread, no engine."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING

from realtime_ser.batching import DuePiece, recognize_batch
from realtime_ser.clock import to_seconds
from realtime_ser.intake import Intake
from realtime_ser.ring import RingBuffer
from realtime_ser.types import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtime_ser.capture.source import Source
    from realtime_ser.clock import Clock
    from realtime_ser.pipeline import PipelineFactory, StreamPipeline
    from realtime_ser.recognizer import NetworkRecognizer
    from realtime_ser.state import State

RING = 10 * SAMPLE_RATE
READ = 0.1
"""Seconds to wait for a block."""


def listen(
    source: Source,
    recognizer: NetworkRecognizer,
    make_pipeline: PipelineFactory,
    wanted: float,
    clock: Clock,
    on_heard: Callable[[float], None],
) -> tuple[State, float]:
    """What the recogniser remembers of a speaker.

    Args:
        source: all its channels are mixed.
        recognizer: a slot of it is used.
        make_pipeline: of the stream.
        wanted: seconds of speech after which to stop.
        clock: for the pipeline.
        on_heard: told the seconds of speech heard so far, at least ten times a second; what it
            raises ends the listening.

    Returns:
        The memory, and the seconds of speech behind it, which are fewer than ``wanted`` where the
        source ended before.

    Raises:
        SourceError: the source cannot be opened or broke.
    """
    slot = recognizer.open()
    try:
        with closing(source):
            info = source.open()
            ring = RingBuffer(RING, blocking=False)
            intake = Intake(info, [ring], channels=None, abort=threading.Event())
            pipeline = make_pipeline(info.name, 0, clock.utc())
            speech = 0.0
            while speech < wanted:
                try:
                    block = source.read(READ)
                except EOFError:
                    intake.flush()
                    speech += _hear(ring, pipeline, recognizer, slot, clock)
                    break
                if block is not None:
                    intake.take(block)
                    speech += _hear(ring, pipeline, recognizer, slot, clock)
                on_heard(speech)
        pipeline.flush()
        speech += _recognize(pipeline, recognizer, slot, clock)
        return recognizer.memory(slot), speech
    finally:
        recognizer.close(slot)


def _hear(
    ring: RingBuffer,
    pipeline: StreamPipeline,
    recognizer: NetworkRecognizer,
    slot: int,
    clock: Clock,
) -> float:
    """Seconds of speech in what has come in."""
    heard = 0.0
    while (block := ring.read(RING)) is not None:
        pipeline.push(block)
        heard += _recognize(pipeline, recognizer, slot, clock)
    return heard


def _recognize(
    pipeline: StreamPipeline, recognizer: NetworkRecognizer, slot: int, clock: Clock
) -> float:
    heard = 0.0
    while (piece := pipeline.due()) is not None:
        recognize_batch(recognizer, [DuePiece(pipeline, slot, piece)], clock.monotonic)
        heard += to_seconds(len(piece.samples))
    return heard
