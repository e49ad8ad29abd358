"""Figures of merit of a classifier with calibrated probabilities; numpy only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def confusion_matrix(truth: IntArray, decided: IntArray, n_classes: int) -> IntArray:
    """Counts: (n_classes, n_classes), rows the truth, columns the decision (-1: none, left out)."""
    counts = np.zeros((n_classes, n_classes), dtype=np.int64)
    answered = decided >= 0
    np.add.at(counts, (truth[answered], decided[answered]), 1)
    return counts


def recalls(truth: IntArray, decided: IntArray, n_classes: int) -> FloatArray:
    """Recall of each class: (n_classes,), NaN where the class does not occur."""
    support = np.bincount(truth, minlength=n_classes)
    hits = np.bincount(truth[truth == decided], minlength=n_classes)
    with np.errstate(invalid="ignore"):
        found: FloatArray = hits / support
    return found


def unweighted_average_recall(truth: IntArray, decided: IntArray, n_classes: int) -> float:
    """UAR: mean recall of the classes that occur."""
    return float(np.nanmean(recalls(truth, decided, n_classes)))


def reliability(confidence: FloatArray, right: FloatArray, bins: int = 15) -> list[dict[str, Any]]:
    """Confidence against accuracy in equally wide bins; bins without a clip are left out.

    Args:
        confidence: (n,) of each decision.
        right: (n,) 1 where it was right, else 0.
        bins: between 0 and 1.
    """
    which = np.clip((confidence * bins).astype(int), 0, bins - 1)
    return [
        {
            "confidence": float(confidence[which == b].mean()),
            "accuracy": float(right[which == b].mean()),
            "n": int((which == b).sum()),
        }
        for b in np.unique(which)
    ]


def expected_calibration_error(confidence: FloatArray, right: FloatArray, bins: int = 15) -> float:
    """ECE over equally wide bins of confidence (Guo et al. 2017, arXiv 1706.04599)."""
    if len(confidence) == 0:
        return float("nan")
    found = reliability(confidence, right, bins)
    gaps = [abs(b["confidence"] - b["accuracy"]) * b["n"] for b in found]
    return float(np.sum(gaps) / len(confidence))


def risk_coverage(
    confidence: FloatArray, right: FloatArray, silent: int = 0
) -> list[dict[str, float]]:
    """Share of wrong decisions among those shown, for every tenth of a confidence.

    El-Yaniv & Wiener 2010 (JMLR 11).

    Args:
        confidence, right: as for ``reliability``.
        silent: clips besides of which nothing was said; they are not shown.
    """
    curve = []
    for threshold in np.arange(0, 10) / 10:
        shown = confidence >= threshold
        if shown.any():
            curve.append(
                {
                    "threshold": float(threshold),
                    "coverage": float(shown.sum() / (len(shown) + silent)),
                    "risk": float(1.0 - right[shown].mean()),
                }
            )
    return curve


def per_class(truth: IntArray, decided: IntArray, classes: Sequence[str]) -> dict[str, Any]:
    """Precision, recall, F1 and support of each class; a clip without a decision is a miss."""
    found = {}
    for i, name in enumerate(classes):
        hits = int(np.sum((truth == i) & (decided == i)))
        support, chosen = int(np.sum(truth == i)), int(np.sum(decided == i))
        precision = hits / chosen if chosen else 0.0
        recall = hits / support if support else 0.0
        both = precision + recall
        found[name] = {
            "precision": precision,
            "recall": recall,
            "f1": 2 * precision * recall / both if both else 0.0,
            "support": support,
        }
    return found
