"""Where speech is in a recording, for training: what a live stream would cut out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime_ser.segments import Segmenter
from realtime_ser.types import AudioArray, SpeechBoundary, SpeechStarted

if TYPE_CHECKING:
    from realtime_ser.training.recipe import Recipe
    from realtime_ser.vad import Vad


def speech_segments(samples: AudioArray, vad: Vad, recipe: Recipe) -> list[AudioArray]:
    """The stretches of a recording that are speech by the recipe's detector and segmenter.

    Args:
        samples: (n,) at ``SAMPLE_RATE``.
        vad: the recipe's detector.
        recipe: its [vad] and [segments].
    """
    stream = vad.stream()
    segmenter = Segmenter(recipe.segments, recipe.vad.threshold, recipe.vad.release)
    boundaries: list[SpeechBoundary] = []
    for decision in [*stream.push(samples), *stream.flush()]:
        boundaries += segmenter.push(decision)
    boundaries += segmenter.flush()
    segments, start = [], 0
    for boundary in boundaries:
        if isinstance(boundary, SpeechStarted):
            start = boundary.start_sample
        else:
            segments.append(samples[start : boundary.end_sample])
    return segments
