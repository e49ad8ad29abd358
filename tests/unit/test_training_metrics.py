from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from realtime_ser.training.evaluation import Decision, summarise
from realtime_ser.training.figures import save_confusion, save_embeddings
from realtime_ser.training.metrics import (
    confusion_matrix,
    expected_calibration_error,
    recalls,
    reliability,
    risk_coverage,
    unweighted_average_recall,
)
from tests.corpus import clip

CLASSES = ("angry", "neutral", "sad")


def test_names_on_the_map_are_no_formulas_and_an_older_map_goes(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    points = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    names = ["made/$\\frac{$", "made/$a_$", "made/太郎"] * 4
    file = save_embeddings(points, ["sad"] * 12, names, tmp_path)
    assert file is not None
    assert file.stat().st_size > 0
    assert save_embeddings(points[:2], ["sad"] * 2, names[:2], tmp_path) is None
    assert not file.exists()


def test_uar_is_the_mean_recall_whatever_the_support() -> None:
    truth, decided = np.array([0, 0, 0, 0, 1, 2]), np.array([0, 0, 0, 1, 1, -1])
    assert unweighted_average_recall(truth, decided, 3) == pytest.approx((0.75 + 1.0 + 0.0) / 3)
    assert confusion_matrix(truth, decided, 3).tolist() == [[3, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_ece_of_known_cases() -> None:
    always = np.ones(4)
    assert expected_calibration_error(always, always) == pytest.approx(0.0)
    assert expected_calibration_error(always, np.array([1.0, 1.0, 0.0, 0.0])) == pytest.approx(0.5)
    half = np.full(4, 0.5)
    assert expected_calibration_error(half, np.array([1.0, 0.0, 1.0, 0.0])) == pytest.approx(0.0)


def decision(emotion: str, scores: list[float] | None, elapsed: float = 0.0) -> Decision:
    said = None if scores is None else np.array(scores, np.float32)
    return Decision(clip(emotion), said, said is not None and said.max() >= 0.4, elapsed)


def test_a_summary_has_what_the_contract_names() -> None:
    decisions = [
        decision("angry", [0.8, 0.1, 0.1], 3.0),
        decision("angry", None, 20.0),
        decision("neutral", [0.35, 0.34, 0.31], 40.0),
        decision("sad", [0.1, 0.2, 0.7], 200.0),
    ]
    metrics = summarise(decisions, CLASSES)
    assert metrics["n"] == 4
    assert metrics["uar"] == pytest.approx((0.5 + 0.0 + 1.0) / 3)
    assert metrics["wa"] == pytest.approx(0.5)
    assert metrics["coverage"] == pytest.approx(0.5)
    assert metrics["confusion"] == [[1, 0, 0], [1, 0, 0], [0, 0, 1]]
    assert metrics["per_class"]["angry"] == {
        "precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2,
    }  # fmt: skip
    assert [(b["from"], b["to"], b["n"]) for b in metrics["by_elapsed_speech"]] == [
        (0.0, 15.0, 1), (15.0, 30.0, 1), (30.0, 60.0, 1), (120.0, None, 1),
    ]  # fmt: skip
    assert set(metrics) >= {"macro_f1", "ece", "classes", "per_corpus", "per_speaker", "by_sex"}


def test_scales_are_scored_alone_and_together() -> None:
    said = {
        "angry": [[0.9, 0.05, 0.05], [0.2, 0.7, 0.1]],
        "neutral": [[0.1, 0.5, 0.4], [0.1, 0.2, 0.7]],
        "sad": [[0.1, 0.2, 0.7], [0.1, 0.2, 0.7]],
    }
    decisions = [
        dataclasses.replace(decision(name, [0.2, 0.3, 0.5]), scales=np.array(scales, np.float32))
        for name, scales in said.items()
    ]
    scales = summarise([*decisions, decision("sad", None)], CLASSES)["scales"]
    assert scales["single"] == pytest.approx([2.5 / 3, 0.5 / 3])
    assert scales["equal"] == pytest.approx((1.0 + 0.0 + 0.5) / 3)
    assert scales["learned"] == pytest.approx((0.0 + 0.0 + 0.5) / 3)


def test_the_diagonal_of_the_normalised_confusion_is_the_recall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, Figure] = {}
    monkeypatch.setattr(Figure, "savefig", lambda self, file, **_: drawn.update({file.name: self}))
    truth, decided = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 1, -1, 1, -1])
    counts, support = confusion_matrix(truth, decided, 3), np.array([4, 2, 0])
    save_confusion(counts, support, CLASSES, tmp_path)
    assert sorted(drawn) == ["confusion_counts.png", "confusion_normalised.png"]
    axes = drawn["confusion_normalised.png"].axes[0]
    shown = np.asarray(axes.images[0].get_array())
    assert np.diag(shown).tolist() == np.nan_to_num(recalls(truth, decided, 3)).tolist()
    assert axes.get_title() == "2 of 6 clips got no answer"


def test_risk_falls_as_less_is_shown() -> None:
    confidence = np.array([0.95, 0.85, 0.65, 0.45, 0.35])
    right = np.array([1.0, 1.0, 0.0, 1.0, 0.0])
    curve = {p["threshold"]: (p["coverage"], p["risk"]) for p in risk_coverage(confidence, right)}
    assert curve[0.0] == pytest.approx((1.0, 0.4))
    assert curve[0.4] == pytest.approx((0.8, 0.25))
    assert curve[0.7] == pytest.approx((0.4, 0.0))
    assert max(curve) == 0.9


def test_reliability_sets_confidence_beside_accuracy() -> None:
    found = reliability(np.array([0.92, 0.94, 0.5]), np.array([1.0, 0.0, 1.0]), bins=10)
    assert found == [
        {"confidence": 0.5, "accuracy": 1.0, "n": 1},
        {"confidence": pytest.approx(0.93), "accuracy": 0.5, "n": 2},
    ]
