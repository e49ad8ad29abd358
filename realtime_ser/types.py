"""The values that walk through the house. Units are said once, here.

Times named ``start``, ``end``, ``captured`` are seconds (float); positions named ``*_sample`` are
sample indices at ``SAMPLE_RATE`` since the start of the stream (int). A stream is one channel of
one source from its start to its end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

SAMPLE_RATE: Final = 16_000
"""Rate of everything behind the capture stage, in Hz."""

EMOTIONS: Final = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
"""All classes that a timeline has a column for, in the order of its columns."""

NEGATIVE: Final = ("angry", "disgust", "fear", "sad")
"""What dashboards and alerts count as negative emotion."""

UNCERTAIN: Final = "uncertain"
"""Shown instead of an emotion when the confidence is below the configured threshold."""

AudioArray = npt.NDArray[np.float32]
ScoreArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CapturedBlock:
    """What a source delivers: all channels, at the source's own rate."""

    samples: AudioArray
    """(n, channels), nominally within [-1, 1]."""
    captured: float | None
    """Monotonic seconds at which the last sample was captured; None where nothing was paced."""
    lost: int = 0
    """Samples (per channel, at the source's rate) known to be missing just before this block."""


@dataclass(frozen=True, slots=True)
class AudioBlock:
    """A piece of one stream at ``SAMPLE_RATE``."""

    samples: AudioArray
    """(n,)"""
    start_sample: int
    captured: float | None

    @property
    def end_sample(self) -> int:
        return self.start_sample + len(self.samples)


@dataclass(frozen=True, slots=True)
class SpeechDecision:
    """The voice activity detector's opinion on [start_sample, end_sample)."""

    start_sample: int
    end_sample: int
    probability: float


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """A segment of speech begins (prefix padding included)."""

    start_sample: int


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The open segment of speech ends (suffix padding included)."""

    end_sample: int


SpeechBoundary = SpeechStarted | SpeechEnded


@dataclass(frozen=True, slots=True)
class Detail:
    """What lies behind the scores of a segment, for pictures and comparisons; no sink writes it."""

    scales: ScoreArray
    """(n_scales, n_classes) probabilities of each segment length over the whole segment."""
    embedding: ScoreArray
    """(n,) what the network's memory holds at its end."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the recogniser says of one stream after one more piece of a segment."""

    window: ScoreArray
    """(n_classes,) calibrated probabilities of the last window; they sum to 1."""
    utterance: ScoreArray
    """(n_classes,) calibrated probabilities of the whole segment so far."""
    scales: ScoreArray
    """(n_scales, n_classes) probabilities of each segment length in the last window."""
    adapted: float = 0.0
    """Seconds of this speaker's speech used for adaptation so far."""
    detail: Detail | None = field(default=None, repr=False, compare=False)
    """Of the whole segment so far; None from fakes."""


RowKind = Literal["window", "utterance", "alert"]


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One row of the timeline, version 1 (docs/timeline-format.md)."""

    stream: str
    channel: int
    kind: RowKind
    start: float
    end: float
    utc: str
    """Time of ``end``, ISO 8601 with milliseconds and Z."""
    emotion: str
    """The winning class, or ``UNCERTAIN``."""
    confidence: float
    """Probability of the most probable class."""
    probabilities: dict[str, float]
    """Class -> calibrated probability, for the classes the model has."""
    arousal: float | None
    valence: float | None
    level_dbfs: float
    """RMS level of [start, end) in dB re full scale, never below -120."""
    adapted: float
    latency_ms: float | None
    """Last sample captured to row emitted; None for sources that nothing paced."""
    flags: tuple[str, ...] = field(default=())
    detail: Detail | None = field(default=None, repr=False, compare=False)
    """Of utterances."""
