"""[4] Decisions of the voice activity detector become segments of speech.

A state machine with hysteresis. It opens a segment once speech has lasted ``min_speech`` and closes
it once silence has lasted ``min_silence``; both ends are padded. Only sample indices are known
here, no audio.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from realtime_ser.clock import to_samples
from realtime_ser.types import SpeechBoundary, SpeechDecision, SpeechEnded, SpeechStarted

if TYPE_CHECKING:
    from realtime_ser.config import SegmentConfig


class Segmenter:
    """One stream's segments. Boundaries alternate between ``SpeechStarted`` and ``SpeechEnded``.

    Segments are in order, never overlap, last at least ``min_speech`` and at most ``max_segment``.
    """

    def __init__(self, config: SegmentConfig, threshold: float, release: float) -> None:
        self._threshold = threshold
        self._release = release
        self._min_speech = to_samples(config.min_speech)
        self._min_silence = to_samples(config.min_silence)
        self._prefix = to_samples(config.prefix_padding)
        self._suffix = to_samples(config.suffix_padding)
        self._max = to_samples(config.max_segment)
        self._decided: int | None = None
        self._floor = 0
        """No segment may begin earlier: the previous one ends here, or audio is missing."""
        self._pending: _Pending | None = None
        self._open: _Open | None = None

    @property
    def certain_until(self) -> int | None:
        """The sample that the open segment is certain to reach; None while none is open."""
        if self._open is None:
            return None
        return min(self._end(self._open), self._open.start_sample + self._max)

    @property
    def next_boundary(self) -> int:
        """The sample up to which decisions bring no boundary, whatever they are."""
        if self._open is not None:
            silent = self._open.speech_end + self._min_silence
            return min(silent, self._open.start_sample + self._max)
        return self._earliest + self._min_speech

    @property
    def next_start(self) -> int:
        """The sample before which no segment can start that is not open yet."""
        return max(self._floor, self._earliest - self._prefix)

    @property
    def _earliest(self) -> int:
        """Sample at which speech may begin, or may have begun, that no segment has yet."""
        if self._pending is not None:
            return self._pending.start_sample
        return self._floor if self._decided is None else self._decided

    def push(self, decision: SpeechDecision) -> list[SpeechBoundary]:
        """Take the next decision; where its sample index jumps, the open segment ends.

        Raises:
            ValueError: the decision lies before the previous one's end.
        """
        boundaries: list[SpeechBoundary] = []
        if self._decided is not None and decision.start_sample < self._decided:
            raise ValueError(f"decision at {decision.start_sample} comes after {self._decided}")
        if decision.start_sample != self._decided:
            boundaries += self.flush()
            self._floor = max(self._floor, decision.start_sample)
        self._decided = decision.end_sample
        if self._open is None:
            self._listen(decision, boundaries)
        elif decision.probability >= self._release:
            self._open.speech_end = decision.end_sample
        if self._open is not None:
            self._cut(self._open, boundaries)
            if decision.end_sample - self._open.speech_end >= self._min_silence:
                self._close(self._open, boundaries)
        return boundaries

    def flush(self) -> list[SpeechBoundary]:
        """The audio ends or is interrupted here: close what is open, forget what is pending."""
        boundaries: list[SpeechBoundary] = []
        if self._open is not None:
            self._close(self._open, boundaries)
        self._pending = None
        self._decided = None
        return boundaries

    def _listen(self, decision: SpeechDecision, boundaries: list[SpeechBoundary]) -> None:
        """Outside segments: wait for ``min_speech``, forgiving single blocks of doubt."""
        pending = self._pending
        if decision.probability >= self._threshold:
            if pending is None:
                pending = self._pending = _Pending(decision.start_sample)
            pending.doubted = False
            if decision.end_sample - pending.start_sample >= self._min_speech:
                start = max(self._floor, pending.start_sample - self._prefix)
                self._open = _Open(start, decision.end_sample)
                self._pending = None
                boundaries.append(SpeechStarted(start))
        elif pending is not None:
            if pending.doubted or decision.probability < self._release:
                self._pending = None
            pending.doubted = True

    def _cut(self, segment: _Open, boundaries: list[SpeechBoundary]) -> None:
        """Split at ``max_segment`` once the rest is certain to be a segment of its own."""
        while self._end(segment) >= segment.start_sample + self._max + max(1, self._min_speech):
            segment.start_sample += self._max
            boundaries += [SpeechEnded(segment.start_sample), SpeechStarted(segment.start_sample)]

    def _close(self, segment: _Open, boundaries: list[SpeechBoundary]) -> None:
        end = min(self._end(segment), segment.start_sample + self._max)
        boundaries.append(SpeechEnded(end))
        self._floor = end
        self._open = None

    def _end(self, segment: _Open) -> int:
        padded = segment.speech_end + self._suffix
        return padded if self._decided is None else min(self._decided, padded)


@dataclass(slots=True)
class _Pending:
    """Speech that has not lasted long enough yet."""

    start_sample: int
    doubted: bool = False
    """The newest block was below the threshold."""


@dataclass(slots=True)
class _Open:
    """The open segment."""

    start_sample: int
    speech_end: int
    """End of the last block that was speech."""
