"""What counts as the decision on a clip (DESIGN section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from realtime_ser.offline import Recording
from realtime_ser.pipeline import StreamPipeline
from realtime_ser.testing import ConstantRecognizer
from realtime_ser.training import evaluation
from realtime_ser.training.evaluation import Decision, decide, summarise
from realtime_ser.training.index import Clip
from realtime_ser.training.protocols import Placed, Session
from realtime_ser.types import SAMPLE_RATE, Detail, RowKind, TimelineRow

CLASSES = ("angry", "sad")


def row(start: float, end: float, angry: float, kind: RowKind = "utterance") -> TimelineRow:
    detail = Detail(np.full((3, 2), angry, np.float32), np.full(4, start, np.float32))
    return TimelineRow(
        stream="s", channel=0, kind=kind, start=start, end=end, utc="", emotion="uncertain",
        confidence=max(angry, 1.0 - angry), probabilities={"angry": angry, "sad": 1.0 - angry},
        arousal=None, valence=None, level_dbfs=-20.0, adapted=0.0, latency_ms=None, detail=detail,
    )  # fmt: skip


def placed(start: float, end: float) -> Placed:
    clip = Clip(Path("x.wav"), "made", "s0", "angry")
    return Placed(clip, round(start * SAMPLE_RATE), round(end * SAMPLE_RATE))


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[Decision]:
    """Of three clips in one stream."""
    rows = [
        row(1.0, 2.0, 0.9),
        row(1.5, 2.5, 0.0, kind="window"),
        row(2.0, 6.0, 0.3),  # half of it in the second clip, half after it
        row(9.0, 9.5, 0.8),  # in no clip
    ]
    session = Session(
        Recording("s", np.zeros(0, np.float32)),
        (placed(0.5, 1.75), placed(1.75, 4.0), placed(7.0, 8.0)),
    )

    def offline(recordings: Iterator[Recording], *_: object) -> Iterator[object]:
        yield from ((recording, rows) for recording in recordings)

    def pipeline(_: str) -> StreamPipeline:
        raise AssertionError("the rows are there already")

    monkeypatch.setattr(evaluation, "run_offline", offline)
    return list(decide([session], ConstantRecognizer(CLASSES), pipeline, 0.7))


def test_utterances_count_by_their_overlap_with_the_clip(decided: list[Decision]) -> None:
    first, second, _ = decided
    assert first.probabilities == pytest.approx([0.9, 0.1])
    # A quarter of a second of the first utterance, two seconds of the second.
    assert second.probabilities is not None
    assert second.probabilities[0] == pytest.approx((0.25 * 0.9 + 2.0 * 0.3) / 2.25)
    assert second.embedding is not None
    assert second.embedding[0] == 2.0  # of the longer part
    assert [first.shown, second.shown] == [True, False]


def test_elapsed_speech_is_what_was_said_before_the_clip(decided: list[Decision]) -> None:
    assert [d.elapsed for d in decided] == pytest.approx([0.0, 0.75, 5.0])


def test_a_clip_of_which_nothing_was_said_counts_as_wrong(decided: list[Decision]) -> None:
    assert decided[2].probabilities is None
    metrics = summarise(decided, CLASSES)
    assert metrics["silent"] == 1
    assert metrics["wa"] == pytest.approx(1 / 3)
    assert metrics["coverage"] == pytest.approx(1 / 3)
    assert metrics["risk_coverage"][0]["coverage"] == pytest.approx(2 / 3)
