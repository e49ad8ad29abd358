"""What the engine said of each clip, and the figures that follow from it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from realtime_ser.clock import to_seconds
from realtime_ser.offline import run_offline
from realtime_ser.training.metrics import (
    confusion_matrix,
    expected_calibration_error,
    per_class,
    reliability,
    risk_coverage,
    unweighted_average_recall,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from realtime_ser.pipeline import StreamPipeline
    from realtime_ser.recognizer import Recognizer
    from realtime_ser.training.index import Clip
    from realtime_ser.training.protocols import Placed, Session
    from realtime_ser.types import ScoreArray, TimelineRow

ELAPSED_EDGES = (0.0, 15.0, 30.0, 60.0, 120.0)
"""Lower edges, in seconds of a speaker's speech before the clip; the last bucket is open."""
KNOWN_FROM = 60.0
"""Seconds of a speaker's speech after which he counts as known in ``metrics.json``."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One clip and what was said of it."""

    clip: Clip
    probabilities: ScoreArray | None
    """(n_classes,) or None where the engine said nothing."""
    shown: bool
    """It was not ``uncertain``."""
    elapsed: float
    """Seconds of this speaker's detected speech before the clip."""
    scales: ScoreArray | None = None
    """(n_scales, n_classes) what each segment length said alone; None where the recogniser does
    not tell."""
    embedding: ScoreArray | None = None
    """(n,) of its longest utterance, as the network remembers it; None where it does not tell."""


def decide(
    sessions: Iterable[Session],
    recognizer: Recognizer,
    make_pipeline: Callable[[str], StreamPipeline],
    uncertain_below: float,
) -> Iterator[Decision]:
    """Run sessions through the engine's chain; a decision a clip, in order."""
    # Of the sessions under way only the places: their audio would fill the memory.
    waiting: list[Sequence[Placed]] = []

    def recordings() -> Iterator[Any]:
        for session in sessions:
            waiting.append(session.placed)
            yield session.recording

    for _, rows in run_offline(recordings(), recognizer, make_pipeline):
        places = waiting.pop(0)
        utterances = [row for row in rows if row.kind == "utterance"]
        for placed in places:
            yield _decision(placed, utterances, recognizer.classes, uncertain_below)


def _decision(
    placed: Placed,
    utterances: Sequence[TimelineRow],
    classes: Sequence[str],
    uncertain_below: float,
) -> Decision:
    """Utterance rows inside the clip, weighted by overlap."""
    start, end = to_seconds(placed.start_sample), to_seconds(placed.end_sample)
    total = np.zeros(len(classes), dtype=np.float64)
    weight = longest = 0.0
    scales: ScoreArray | None = None
    embedding = None
    for row in utterances:
        overlap = min(end, row.end) - max(start, row.start)
        if overlap > 0.0:
            total += overlap * np.array([row.probabilities[name] for name in classes])
            weight += overlap
            if row.detail is not None:
                part = overlap * row.detail.scales
                scales = part if scales is None else scales + part
                if overlap > longest:
                    longest, embedding = overlap, row.detail.embedding
    elapsed = sum(max(0.0, min(start, row.end) - row.start) for row in utterances)
    if weight == 0.0:
        return Decision(placed.clip, None, shown=False, elapsed=elapsed)
    mean = (total / weight).astype(np.float32)
    shown = bool(mean.max() >= uncertain_below)
    return Decision(placed.clip, mean, shown, elapsed, scales, embedding)


def summarise(decisions: Sequence[Decision], classes: Sequence[str]) -> dict[str, Any]:
    """The content of ``metrics.json`` (DESIGN section 4)."""
    counts = confusion_matrix(*_labels(decisions, classes), len(classes))
    by_class = per_class(*_labels(decisions, classes), classes)
    present = [values for values in by_class.values() if values["support"]]
    return _figures(decisions, classes) | {
        "macro_f1": float(np.mean([values["f1"] for values in present])),
        "coverage": float(np.mean([d.shown for d in decisions])),
        "silent": sum(d.probabilities is None for d in decisions),
        "per_class": by_class,
        "confusion": counts.tolist(),
        "classes": list(classes),
        "per_corpus": _grouped(decisions, classes, lambda d: d.clip.corpus),
        "per_speaker": _grouped(decisions, classes, lambda d: "/".join(d.clip.person)),
        **_by_sex(decisions, classes),
        **_calibration(decisions, classes),
        "by_elapsed_speech": _by_elapsed(decisions, classes),
        "known": _known(decisions, classes),
        "scales": _by_scale(decisions, classes),
        "votes": _against_votes(decisions, classes),
    }


def _by_sex(decisions: Sequence[Decision], classes: Sequence[str]) -> dict[str, Any]:
    groups = _grouped(decisions, classes, lambda d: d.clip.sex or "unknown")
    known = [figures["uar"] for sex, figures in groups.items() if sex != "unknown"]
    return {"by_sex": groups, "sex_gap": max(known) - min(known) if len(known) > 1 else None}


def _calibration(decisions: Sequence[Decision], classes: Sequence[str]) -> dict[str, Any]:
    confidence, right = _confidence(decisions, classes)
    return {
        "reliability": reliability(confidence, right),
        "risk_coverage": risk_coverage(confidence, right, len(decisions) - len(confidence)),
    }


def _confidence(decisions: Sequence[Decision], classes: Sequence[str]) -> tuple[Any, Any]:
    """Confidence of every answer, and whether it was right."""
    truth, decided = _labels(decisions, classes)
    answered = decided >= 0
    confidence = np.array([float(p.max()) for d in decisions if (p := d.probabilities) is not None])
    return confidence, (truth[answered] == decided[answered]).astype(np.float64)


def _labels(decisions: Sequence[Decision], classes: Sequence[str]) -> tuple[Any, Any]:
    truth = np.array([classes.index(d.clip.emotion) for d in decisions])
    decided = np.array(
        [-1 if d.probabilities is None else int(d.probabilities.argmax()) for d in decisions]
    )
    return truth, decided


def _figures(decisions: Sequence[Decision], classes: Sequence[str]) -> dict[str, Any]:
    truth, decided = _labels(decisions, classes)
    return {
        "uar": unweighted_average_recall(truth, decided, len(classes)),
        "wa": float(np.mean(truth == decided)),
        "ece": expected_calibration_error(*_confidence(decisions, classes)),
        "n": len(decisions),
    }


def _grouped(
    decisions: Sequence[Decision], classes: Sequence[str], key: Callable[[Decision], str]
) -> dict[str, Any]:
    groups: dict[str, list[Decision]] = defaultdict(list)
    for decision in decisions:
        groups[key(decision)].append(decision)
    return {name: _figures(group, classes) for name, group in sorted(groups.items())}


def _by_elapsed(decisions: Sequence[Decision], classes: Sequence[str]) -> list[dict[str, Any]]:
    buckets = []
    for low, high in zip(ELAPSED_EDGES, (*ELAPSED_EDGES[1:], float("inf")), strict=True):
        inside = [d for d in decisions if low <= d.elapsed < high]
        if inside:
            figures = _figures(inside, classes)
            upper = None if high == float("inf") else high
            buckets.append({"from": low, "to": upper, "uar": figures["uar"], "n": len(inside)})
    return buckets


def _known(decisions: Sequence[Decision], classes: Sequence[str]) -> dict[str, Any] | None:
    """Figures of clips before which their speaker had spoken for a minute."""
    late = [d for d in decisions if d.elapsed >= KNOWN_FROM]
    if not late:
        return None
    return _figures(late, classes) | {"from": KNOWN_FROM, "scales": _by_scale(late, classes)}


def _by_scale(decisions: Sequence[Decision], classes: Sequence[str]) -> dict[str, Any] | None:
    """UAR of every segment length alone, of all with equal weights, and as they are fused.

    Clips without an answer count as wrong, as elsewhere.
    """
    said = [d.scales for d in decisions if d.scales is not None]
    if not said:
        return None
    silent = np.full_like(said[0], -1.0)
    alone = np.stack([silent if d.scales is None else d.scales for d in decisions])
    truth, fused = _labels(decisions, classes)

    def uar(scores: ScoreArray) -> float:
        decided = np.where(scores.max(axis=1) < 0.0, -1, scores.argmax(axis=1))
        return unweighted_average_recall(truth, decided, len(classes))

    return {
        "single": [uar(alone[:, scale]) for scale in range(alone.shape[1])],
        "equal": uar(alone.mean(axis=1)),
        "learned": unweighted_average_recall(truth, fused, len(classes)),
    }


def _against_votes(decisions: Sequence[Decision], classes: Sequence[str]) -> dict[str, Any] | None:
    """The same decisions against what most listeners heard; ties are left out."""
    truth, decided = [], []
    for d in decisions:
        votes = d.clip.votes or {}
        ranked = sorted(votes, key=lambda name: votes[name], reverse=True)
        if not ranked or (len(ranked) > 1 and votes[ranked[0]] == votes[ranked[1]]):
            continue
        if ranked[0] in classes:
            truth.append(classes.index(ranked[0]))
            decided.append(-1 if d.probabilities is None else int(d.probabilities.argmax()))
    if not truth:
        return None
    uar = unweighted_average_recall(np.array(truth), np.array(decided), len(classes))
    return {"uar": uar, "wa": float(np.mean(np.array(truth) == decided)), "n": len(truth)}
