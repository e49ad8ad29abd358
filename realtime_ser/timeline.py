"""[8] Predictions of one stream -> ordered, smoothed rows. No threads, no files, no clock."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from realtime_ser.circumplex import arousal_valence
from realtime_ser.clock import to_seconds
from realtime_ser.levels import FLOOR_DBFS
from realtime_ser.rounding import round_probabilities
from realtime_ser.types import EMOTIONS, UNCERTAIN, TimelineRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from realtime_ser.config import TimelineConfig
    from realtime_ser.types import Prediction, RowKind, ScoreArray

DERIVED: Final = "derived"
"""Flag: arousal and valence are computed from the classes."""

_FLAG = re.compile(r"[a-z0-9_-]+")


def no_speech_yet(stream: str, started: datetime) -> TimelineRow:
    """A row of time 0 without scores: what a mark stands on before anybody has spoken."""
    utc = started.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    return TimelineRow(
        stream=stream, channel=0, kind="alert", start=0.0, end=0.0, utc=utc, emotion=UNCERTAIN,
        confidence=0.0, probabilities={}, arousal=None, valence=None, level_dbfs=FLOOR_DBFS,
        adapted=0.0, latency_ms=None,
    )  # fmt: skip


class Timeline:
    """One stream's rows.

    Rows come out ordered by ``end``; a window row comes before the utterance row of the same end.
    """

    def __init__(
        self,
        stream: str,
        channel: int,
        classes: Sequence[str],
        config: TimelineConfig,
        started: datetime,
    ) -> None:
        """Start a timeline.

        Args:
            stream: name for the ``stream`` column.
            channel: number for the ``channel`` column.
            classes: what the entries of a prediction mean, in their order.
            config: smoothing and the threshold of ``uncertain``.
            started: time of sample 0, with its time zone.

        Raises:
            ValueError: a class that a timeline has no column for, or a time without a zone.
        """
        unknown = set(classes) - set(EMOTIONS)
        if unknown or len(set(classes)) != len(classes) or not classes:
            raise ValueError(f"classes {list(classes)} are not different ones of {EMOTIONS}")
        if started.tzinfo is None:
            raise ValueError(f"start {started} has no time zone")
        self.stream = stream
        self.channel = channel
        self._classes = tuple(classes)
        self._columns = [(name, classes.index(name)) for name in EMOTIONS if name in classes]
        self.uncertain_below = config.uncertain_below
        """Confidence under which a row says ``uncertain``; may be changed between rows."""
        self._smoothing = config.smoothing
        self._started = started.astimezone(UTC)
        self._segment_start: int | None = None
        self._smoothed: npt.NDArray[np.float64] | None = None
        self._end = 0
        """Of the newest row."""

    def begin(self, start_sample: int) -> None:
        """A segment of speech starts: nothing is smoothed across its start.

        Raises:
            ValueError: it starts before the newest row ends.
        """
        if start_sample < self._end:
            raise ValueError(f"segment at {start_sample} starts before the row at {self._end}")
        self._segment_start = start_sample
        self._smoothed = None

    def window(
        self,
        start_sample: int,
        end_sample: int,
        prediction: Prediction,
        level_dbfs: float,
        captured: float | None,
        now: float,
        flags: Sequence[str] = (),
    ) -> TimelineRow:
        """Row of one hop: the window's probabilities, smoothed within the segment.

        Smoothing is exponential in time: a window that ends ``t`` seconds after the one before has
        the weight ``1 - exp(-t / smoothing)``; the first of a segment stands as it is.

        Args:
            start_sample, end_sample: what the window covers.
            prediction: of this stream, after the window's last sample.
            level_dbfs: RMS level of the window.
            captured: monotonic seconds at which ``end_sample`` was captured; None if unpaced.
            now: monotonic seconds.
            flags: more flags than ``derived``; lower-case letters, digits, ``_`` and ``-``.

        Raises:
            ValueError: outside a segment, not after the newest row, or not probabilities.
        """
        self._check(start_sample, end_sample)
        if end_sample == self._end:
            raise ValueError(f"two rows of a window end at {end_sample}")
        fresh = self._distribution(prediction.window)
        if self._smoothed is None or self._smoothing == 0.0:
            smoothed = fresh
        else:
            elapsed = to_seconds(end_sample - self._end)
            weight = -math.expm1(-elapsed / self._smoothing)
            smoothed = self._smoothed + weight * (fresh - self._smoothed)
            smoothed = smoothed / smoothed.sum()
        row = self._row(
            "window", start_sample, end_sample, smoothed, level_dbfs, captured, now, flags,
            prediction.adapted,
        )  # fmt: skip
        self._smoothed, self._end = smoothed, end_sample
        return row

    def utterance(
        self,
        start_sample: int,
        end_sample: int,
        prediction: Prediction,
        level_dbfs: float,
        captured: float | None,
        now: float,
        flags: Sequence[str] = (),
    ) -> TimelineRow:
        """Row of the whole segment, which ends here; unsmoothed. Arguments as for ``window``.

        Raises:
            ValueError: outside a segment, before the newest row, or not probabilities.
        """
        self._check(start_sample, end_sample)
        whole = self._distribution(prediction.utterance)
        row = self._row(
            "utterance", start_sample, end_sample, whole, level_dbfs, captured, now, flags,
            prediction.adapted,
        )  # fmt: skip
        row = replace(row, detail=prediction.detail)
        self._segment_start, self._end = None, end_sample
        return row

    def _check(self, start_sample: int, end_sample: int) -> None:
        """Refuse what only a mistake in the caller can bring about."""
        if self._segment_start is None:
            raise ValueError(f"row at {end_sample} belongs to no segment: begin() comes first")
        if not self._segment_start <= start_sample < end_sample:
            raise ValueError(
                f"row {start_sample}-{end_sample} is empty or starts before its segment "
                f"at {self._segment_start}"
            )
        if end_sample < self._end:
            raise ValueError(f"row at {end_sample} comes after the row at {self._end}")

    def _distribution(self, scores: ScoreArray) -> npt.NDArray[np.float64]:
        """(n_classes,) as float64 that sums to 1."""
        if scores.shape != (len(self._classes),):
            raise ValueError(f"{scores.shape} scores for {len(self._classes)} classes")
        exact = scores.astype(np.float64)
        total = float(exact.sum())
        if not (abs(total - 1.0) <= 1e-3 and exact.min() >= 0.0):
            raise ValueError(f"not a probability distribution: {exact.tolist()}")
        return exact / total

    def _row(
        self,
        kind: RowKind,
        start_sample: int,
        end_sample: int,
        distribution: npt.NDArray[np.float64],
        level_dbfs: float,
        captured: float | None,
        now: float,
        flags: Sequence[str],
        adapted: float,
    ) -> TimelineRow:
        for flag in flags:
            if not _FLAG.fullmatch(flag):
                raise ValueError(f"flag {flag!r} has characters that the flags column cannot hold")
        probabilities = {name: float(distribution[index]) for name, index in self._columns}
        arousal, valence = arousal_valence(probabilities)
        end = to_seconds(end_sample)
        return TimelineRow(
            stream=self.stream,
            channel=self.channel,
            kind=kind,
            start=to_seconds(start_sample),
            end=end,
            utc=self._utc(end),
            emotion=self._emotion(probabilities),
            confidence=max(probabilities.values()),
            probabilities=probabilities,
            arousal=arousal,
            valence=valence,
            level_dbfs=level_dbfs,
            adapted=adapted,
            latency_ms=None if captured is None else round((now - captured) * 1000.0, 1),
            flags=(DERIVED, *flags),
        )

    def _emotion(self, probabilities: dict[str, float]) -> str:
        """Decided on what is written, so that a row never contradicts its own columns."""
        written = round_probabilities(list(probabilities.values()))
        confidence = max(written)
        if confidence < self.uncertain_below:
            return UNCERTAIN
        return list(probabilities)[written.index(confidence)]

    def _utc(self, end: float) -> str:
        half = timedelta(microseconds=500)  # isoformat cuts what is beyond the milliseconds off
        moment = self._started + timedelta(seconds=end) + half
        return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
