"""[3-8] The chain of one stream, without threads: audio in, work for the recogniser, rows out.

``push`` takes audio as it comes; ``due`` hands out the next piece of speech that the recogniser
shall see; ``complete`` turns the recogniser's answer into timeline rows. The engine and the
offline driver differ only in who calls these and when, so both give the same rows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from realtime_ser.alerts.watch import AlertWatch
from realtime_ser.clock import to_samples, to_seconds
from realtime_ser.history import History
from realtime_ser.levels import FLOOR_DBFS, level_dbfs, peak_dbfs
from realtime_ser.peaks import PeakEnvelope
from realtime_ser.signal_watch import SignalWatch
from realtime_ser.stats import StreamStatus
from realtime_ser.types import AudioArray, AudioBlock, Prediction, SpeechEnded, SpeechStarted
from realtime_ser.vad import decide_all

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from realtime_ser.config import Config
    from realtime_ser.segments import Segmenter
    from realtime_ser.timeline import Timeline
    from realtime_ser.types import SpeechDecision, TimelineRow
    from realtime_ser.vad import VadStream


class PipelineFactory(Protocol):
    """Makes the chain of one stream."""

    def __call__(
        self, stream: str, channel: int, started: datetime, *, live: bool = False
    ) -> StreamPipeline:
        """Its name, its channel, the UTC of its sample 0, and whether it is a microphone's."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Speech that is due: from the previous piece of its segment to ``end_sample``."""

    samples: AudioArray
    """(n,), n a multiple of the recogniser's unit; empty where the end came too soon for one."""
    segment_start: int
    end_sample: int
    captured: float | None
    """Monotonic seconds at which ``end_sample`` was captured."""
    certain: float | None
    """Monotonic seconds at which the audio was captured that made its end certain."""
    first: bool
    """The segment begins here."""
    last: bool
    """The segment ends here."""
    window: bool
    """It makes a window row."""


class StreamPipeline:
    """One stream. One thread feeds it (``push``, ``flush``), one, perhaps another, takes its pieces
    and completes them (``due``, ``complete``)."""

    def __init__(
        self,
        *,
        vad: VadStream,
        segmenter: Segmenter,
        timeline: Timeline,
        config: Config,
        unit_samples: int,
        live: bool = False,
        alerts: AlertWatch | None = None,
    ) -> None:
        self.timeline = timeline
        self._alerts = alerts or AlertWatch()
        self._watch = SignalWatch(live=live)
        self._vad = vad
        self._segmenter = segmenter
        self._unit = unit_samples
        self._hop = to_samples(config.recognizer.hop)
        self.stretch = 1
        """Hops that make one window row; may be changed between pushes."""
        self._window = to_samples(config.recognizer.window)
        self._history = History()
        self._due: deque[Piece] = deque()
        self._segment: _OpenSegment | None = None
        self._last: Prediction | None = None
        self._powers: deque[float] = deque()
        self._anchor: tuple[int, float] | None = None
        self._position = 0
        self._decided = 0
        """Up to here the detector has judged."""
        self._newest: AudioArray = np.zeros(0, dtype=np.float32)
        self._probability = 0.0
        self._peaks = PeakEnvelope()

    def push(self, block: AudioBlock) -> None:
        """Take the next audio; a jump of ``start_sample`` means that audio is missing there."""
        self._take(block)
        self._hear(block, self._vad.push(block.samples))

    def _take(self, block: AudioBlock) -> None:
        if block.start_sample != self._position:
            self.flush()
            self._vad.skip_to(block.start_sample)
            self._history.skip_to(block.start_sample)
            self._watch.interrupt()
        self._history.append(block.samples)
        self._position = block.end_sample
        if block.captured is not None:
            self._anchor = (block.end_sample, block.captured)
        self._newest = block.samples
        self._peaks.push(block.start_sample, block.samples)

    def _hear(self, block: AudioBlock, decisions: list[SpeechDecision]) -> None:
        self._decide(decisions)
        self._watch.push(block.samples, speech=self.speaking)

    def flush(self) -> None:
        """The stream ends or is interrupted here: close what is open."""
        self._decide(self._vad.flush())
        self._bounds(self._segmenter.flush())

    def due(self) -> Piece | None:
        """The next piece for the recogniser, each handed out once, in order."""
        return self._due.popleft() if self._due else None

    def complete(
        self, piece: Piece, prediction: Prediction | None, now: float
    ) -> list[TimelineRow]:
        """Rows that follow from the recogniser's answer; an alert stands behind what raised it.

        Args:
            piece: as handed out by ``due``.
            prediction: the answer; None for a piece without samples.
            now: monotonic seconds, for the latency column.
        """
        if piece.first:
            self.timeline.begin(piece.segment_start)
            self._last = None
            self._powers.clear()
        if prediction is not None:
            self._last = prediction
            units = piece.samples.reshape(-1, self._unit).astype(np.float64)
            self._powers.extend(np.mean(np.square(units), axis=1).tolist())
        if self._last is None:
            raise RuntimeError("a segment ended before the recogniser saw any of it")
        captured = piece.captured
        rows = []
        if piece.window:
            start = max(piece.segment_start, piece.end_sample - self._window)
            level = self._level(to_seconds(piece.end_sample - start))
            window = self.timeline.window(start, piece.end_sample, self._last, level, captured, now)
            rows += [window, *self._alerts.push(window)]
        if piece.last:
            level = self._level(to_seconds(piece.end_sample - piece.segment_start))
            rows.append(
                self.timeline.utterance(
                    piece.segment_start, piece.end_sample, self._last, level, captured, now
                )
            )
        return rows

    @property
    def decisive_sample(self) -> int:
        """Audio up to here makes nothing due, whatever it is; for the thread that pushes.

        Whoever serves many streams may wait until so much is there, and take it in one go.
        """
        segmenter, segment, hop = self._segmenter, self._segment, self.stretch * self._hop
        if segment is None:
            decisive = max(segmenter.next_boundary, segmenter.next_start + hop)
        else:
            decisive = min(segmenter.next_boundary, segment.cursor + hop)
        return self._vad.judged_at(decisive)

    @property
    def waiting(self) -> int:
        """Pieces that are due."""
        return len(self._due)

    @property
    def unheard(self) -> int:
        """Samples of speech that no recogniser has seen: of pieces that are due, and since them."""
        segment = self._segment
        open_samples = 0 if segment is None else self._position - segment.cursor
        return open_samples + sum(len(piece.samples) for piece in list(self._due))

    @property
    def waiting_since(self) -> float:
        """Monotonic seconds at which the end of the next piece was captured; 0 where nobody knows.

        For the thread that takes the pieces, while one waits.
        """
        return self._due[0].captured or 0.0

    @property
    def speaking(self) -> bool:
        """Inside a segment of speech."""
        return self._segment is not None

    @property
    def speaking_since(self) -> int | None:
        """The sample at which the open segment starts."""
        segment = self._segment  # once: another thread may close it
        return None if segment is None else segment.start

    def status(self) -> StreamStatus:
        """For the screen."""
        return StreamStatus(
            stream=self.timeline.stream,
            channel=self.timeline.channel,
            position=to_seconds(self._position),
            level_dbfs=level_dbfs(self._newest),
            peak_dbfs=peak_dbfs(self._newest),
            speech=self.speaking,
            speech_probability=self._probability,
            envelope=self._peaks.newest(),
            trouble=self._watch.words,
        )

    def _decide(self, decisions: list[SpeechDecision]) -> None:
        for decision in decisions:
            self._probability = decision.probability
            self._decided = decision.end_sample
            self._bounds(self._segmenter.push(decision))
            self._cut_hops()

    def _bounds(self, boundaries: list[SpeechStarted | SpeechEnded]) -> None:
        for boundary in boundaries:
            if isinstance(boundary, SpeechStarted):
                self._segment = _OpenSegment(boundary.start_sample, boundary.start_sample)
            else:
                self._close(boundary.end_sample)

    def _cut_hops(self) -> None:
        """Whole hops that are certain to belong to the open segment become due."""
        segment, certain = self._segment, self._segmenter.certain_until
        if segment is None:
            self._history.release(self._segmenter.next_start)
            return
        if certain is not None:
            self._cut_until(segment, certain)

    def _cut_until(self, segment: _OpenSegment, limit: int) -> None:
        while segment.cursor + (hop := self.stretch * self._hop) <= limit:
            self._emit(segment, segment.cursor + hop, last=False)

    def _close(self, end_sample: int) -> None:
        segment = self._segment
        if segment is None:
            raise RuntimeError("a segment ended that had not started")
        self._cut_until(segment, end_sample)
        self._emit(segment, end_sample, last=True)
        self._segment = None

    def _emit(self, segment: _OpenSegment, end_sample: int, *, last: bool) -> None:
        samples = self._history.get(segment.cursor, end_sample)
        if last:
            rest = len(samples) % self._unit
            if len(samples) == rest and segment.cursor == segment.start:
                # Shorter than a unit altogether: silence makes it up.
                samples = np.pad(samples, (0, self._unit - rest))
            else:
                samples = samples[: len(samples) - rest]
        self._due.append(
            Piece(
                samples=samples,
                segment_start=segment.start,
                end_sample=end_sample,
                captured=self._captured_at(end_sample),
                certain=self._captured_at(max(end_sample, self._decided)),
                first=segment.cursor == segment.start,
                last=last,
                window=len(samples) == self.stretch * self._hop,
            )
        )
        segment.cursor = end_sample
        self._history.release(end_sample)

    def _level(self, seconds: float) -> float:
        """RMS level of the newest ``seconds`` of the segment, in dBFS."""
        count = max(1, round(seconds / to_seconds(self._unit)))
        newest = list(self._powers)[-count:]
        power = float(np.mean(newest)) if newest else 0.0
        return max(FLOOR_DBFS, 10.0 * float(np.log10(power))) if power > 0.0 else FLOOR_DBFS

    def _captured_at(self, sample: int) -> float | None:
        """Monotonic seconds at which ``sample`` was captured."""
        if self._anchor is None:
            return None
        anchor_sample, captured = self._anchor
        return captured - to_seconds(anchor_sample - sample)


def push_all(pushes: Sequence[tuple[StreamPipeline, AudioBlock]]) -> None:
    """``push`` for many streams at once: cheaper than one by one."""
    for pipeline, block in pushes:
        pipeline._take(block)
    heard = [(pipeline._vad, block.samples) for pipeline, block in pushes]
    for (pipeline, block), decisions in zip(pushes, decide_all(heard), strict=True):
        pipeline._hear(block, decisions)


@dataclass(slots=True)
class _OpenSegment:
    start: int
    cursor: int
    """Up to here pieces have been handed out."""
