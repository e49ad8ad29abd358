"""What counts as the decision on a clip (DESIGN section 4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from realtime_ser.assembly import load_recognizer, pipeline_factory
from realtime_ser.config import load_config
from realtime_ser.offline import Recording
from realtime_ser.pipeline import StreamPipeline
from realtime_ser.testing import ConstantRecognizer
from realtime_ser.training import evaluation
from realtime_ser.training.evaluation import Decision, decide, summarise
from realtime_ser.training.index import Clip
from realtime_ser.training.protocols import Placed, Session, sessions
from realtime_ser.types import SAMPLE_RATE, Detail, RowKind, TimelineRow
from tests.models import save_untrained
from tests.signals import silence, speech_like

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


def decision(
    emotion: str,
    angry: float | None,
    elapsed: float = 0.0,
    scales: Sequence[float] = (),
    votes: Mapping[str, float] | None = None,
) -> Decision:
    """Of a clip, with the probability of angry (None: nothing was said), fused and by scale."""
    clip = Clip(Path("x.wav"), "made", "s0", emotion, votes=votes)
    said = None if angry is None else np.array([angry, 1.0 - angry], np.float32)
    alone = np.array([[x, 1.0 - x] for x in scales], np.float32) if scales else None
    return Decision(clip, said, shown=said is not None, elapsed=elapsed, scales=alone)


def test_known_are_those_who_have_spoken_for_a_minute() -> None:
    metrics = summarise(
        [
            decision("sad", 0.1, elapsed=59.99, scales=(0.1, 0.1)),  # right, but too early
            decision("angry", 0.8, elapsed=60.0, scales=(0.9, 0.2)),
            decision("sad", 0.6, elapsed=61.0, scales=(0.3, 0.6)),
            decision("angry", None, elapsed=90.0),
        ],
        CLASSES,
    )
    known = metrics["known"]
    assert (known["from"], known["n"]) == (60.0, 3)
    assert known["uar"] == pytest.approx((1 / 2 + 0 / 1) / 2)
    assert known["wa"] == pytest.approx(1 / 3)
    assert known["ece"] == pytest.approx((0.2 + 0.6) / 2)  # of the two that were answered
    assert known["scales"]["single"] == pytest.approx([(1 / 2 + 1 / 1) / 2, 0.0])
    assert known["scales"]["equal"] == pytest.approx((1 / 2 + 1 / 1) / 2)
    assert known["scales"]["learned"] == known["uar"]
    buckets = [(b["from"], b["to"], b["n"]) for b in metrics["by_elapsed_speech"]]
    assert buckets == [(30.0, 60.0, 1), (60.0, 120.0, 3)]


def test_nobody_is_known_before_a_minute() -> None:
    metrics = summarise([decision("sad", 0.1, elapsed=59.99)], CLASSES)
    assert metrics["known"] is None
    assert metrics["scales"] is None


def test_a_clip_of_which_nothing_was_said_is_wrong_even_at_one_scale() -> None:
    metrics = summarise([decision("sad", None, elapsed=60.0)], CLASSES)
    assert (metrics["known"]["uar"], metrics["known"]["wa"]) == (0.0, 0.0)
    assert np.isnan(metrics["known"]["ece"])
    assert metrics["known"]["scales"] is None


def test_votes_are_what_most_listeners_heard() -> None:
    metrics = summarise(
        [
            decision("sad", 0.9, votes={"sad": 1, "angry": 3, "fear": 1}),  # right for them
            decision("angry", 0.2, votes={"sad": 3, "fear": 2}),  # right
            decision("sad", None, votes={"sad": 2}),  # silent: wrong
            decision("angry", 0.9, votes={"angry": 2, "sad": 2}),  # a tie
            decision("angry", 0.9, votes={"fear": 5, "angry": 1}),  # no class of the model
            decision("angry", 0.9, votes={}),
            decision("angry", 0.9),
        ],
        CLASSES,
    )
    votes = metrics["votes"]
    assert votes["n"] == 3
    assert votes["uar"] == pytest.approx((1 / 1 + 1 / 2) / 2)
    assert votes["wa"] == pytest.approx(2 / 3)


def test_without_a_majority_there_is_nothing_to_hold_against() -> None:
    tie = decision("angry", 0.9, votes={"angry": 2, "sad": 2})
    assert summarise([tie, decision("angry", 0.9)], CLASSES)["votes"] is None


def test_a_stream_is_evaluated_while_the_model_gets_to_know_its_speaker(tmp_path: Path) -> None:
    clips = []
    for number in range(10):
        file = tmp_path / f"{number}.wav"
        sf.write(file, np.concatenate([speech_like(8.0, seed=number), silence(0.6)]), SAMPLE_RATE)
        clips.append(Clip(file, "made", "s0", "angry" if number % 2 else "sad"))
    flags = {"recognizer.model": str(save_untrained(tmp_path / "model", voice=8))}
    config = load_config(environment={}, flags=flags | {"recognizer.device": "cpu"})
    recognizer = load_recognizer(config)
    assert recognizer.adapts
    make = pipeline_factory(config, recognizer)
    found = list(
        decide(
            sessions(clips, "stream", seed=0),
            recognizer,
            lambda name: make(name, 0, datetime(2026, 1, 1, tzinfo=UTC)),
            config.timeline.uncertain_below,
        )
    )
    elapsed = [d.elapsed for d in found]
    assert elapsed[0] == 0.0
    assert all(6.0 < later - sooner < 9.5 for sooner, later in pairwise(elapsed))
    assert sorted(d.clip.path for d in found) == sorted(clip.path for clip in clips)
    metrics = summarise(found, recognizer.classes)
    late = sum(seconds >= 60.0 for seconds in elapsed)
    assert 0 < late == metrics["known"]["n"]
    assert len(metrics["known"]["scales"]["single"]) == 3
    buckets = metrics["by_elapsed_speech"]
    assert [b["from"] for b in buckets] == [0.0, 15.0, 30.0, 60.0]
    assert sum(b["n"] for b in buckets) == 10
