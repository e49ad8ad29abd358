"""Fusion weights and temperatures, learned on speakers that the network has not learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from realtime_ser.fusion import Fusion, FusionConfig, fused_logits, known_share, scale_scores
from realtime_ser.training.histories import NEUTRAL
from realtime_ser.training.listening import fused_utterances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.training.listening import Answers

STEPS = 300
LEARNING_RATE = 0.05
SHARPEST = 0.1
"""Lowest temperature: a few speakers without a mistake are no reason for certainty."""
COVERAGE = 0.9
"""Share of utterances that a suitable ``uncertain_below`` lets name an emotion."""
NEUTRAL_SHARE = 0.4
"""Of the utterances of known speakers: between that of acted corpora, which have as many of each
emotion, and that of calls."""


def calibrate(heard: Sequence[Answers], classes: Sequence[str]) -> FusionConfig:
    """Fusion of windows and of utterances, of strangers and of speakers once they are known."""
    labels = torch.cat([answers.labels for answers in heard])
    strangers = [one for answers in heard for one in answers.strangers]
    speakers = [one for answers in heard for one in answers.speakers]
    known = known_share(torch.tensor([one.units for one in speakers]))
    windows = torch.tensor([len(one.window) for one in strangers])
    of_windows = labels.repeat_interleave(windows)
    importance = _importance(labels, classes)
    window = fit_fusion(torch.cat([one.window for one in strangers]), of_windows)
    utterance = fit_fusion(torch.cat([one.utterance for one in strangers]), labels)
    return FusionConfig(
        window=window,
        window_known=fit_fusion(
            torch.cat([one.window for one in speakers]),
            of_windows,
            window,
            known.repeat_interleave(windows),
            importance.repeat_interleave(windows),
        ),
        utterance=utterance,
        utterance_known=fit_fusion(
            torch.cat([one.utterance for one in speakers]), labels, utterance, known, importance
        ),
    )


def threshold(heard: Sequence[Answers], fusion: FusionConfig, coverage: float = COVERAGE) -> float:
    """Confidence that this share of examples of strangers reaches, at their end."""
    strangers = [one for answers in heard for one in answers.strangers]
    said = fused_utterances(strangers, fusion).amax(dim=1)
    return float(said.quantile(1.0 - coverage))


def _importance(labels: Tensor, classes: Sequence[str]) -> Tensor:
    """(n,) weights that give neutral utterances their share, where there are any."""
    is_neutral = labels == (classes.index(NEUTRAL) if NEUTRAL in classes else -1)
    share = is_neutral.float().mean()
    if not 0.0 < share < NEUTRAL_SHARE:
        return torch.ones(len(labels))
    return torch.where(is_neutral, NEUTRAL_SHARE / share, (1.0 - NEUTRAL_SHARE) / (1.0 - share))


def fit_fusion(
    logits: Tensor,
    labels: Tensor,
    stranger: Fusion | None = None,
    known: Tensor | None = None,
    importance: Tensor | None = None,
) -> Fusion:
    """Weights of the scales and temperature that make the fused scores most likely.

    Args:
        logits: (n, n_scales, n_classes) of validation speakers.
        labels: (n,) classes.
        stranger: fusion for somebody unknown, where the one for somebody known is wanted.
        known: (n,) how well each speaker is known; with ``stranger``.
        importance: (n,) how much each counts; None: all the same.

    Returns:
        What ``fuse`` takes for a stranger, or with ``stranger`` for a speaker.
    """
    scores = scale_scores(logits)
    share = torch.ones(len(labels)) if known is None else known
    counts = torch.ones(len(labels)) if importance is None else importance
    nothing = Fusion((0.0,) * logits.shape[1], temperature=0.0)
    base = (stranger or nothing).parameters(scores)
    free_weights = torch.zeros(logits.shape[1], requires_grad=True)
    free_temperature = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.Adam([free_weights, free_temperature], lr=LEARNING_RATE)
    for _ in range(STEPS):
        ends = torch.softmax(free_weights, dim=0), free_temperature.exp().clamp(min=SHARPEST)
        fused = fused_logits(scores, base, ends, share)
        loss = (counts * F.cross_entropy(fused, labels, reduction="none")).sum() / counts.sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not type it
        optimizer.step()
    weights = torch.softmax(free_weights.detach(), dim=0)
    return Fusion(
        weights=tuple(round(weight, 4) for weight in weights.tolist()),
        temperature=round(free_temperature.detach().exp().clamp(min=SHARPEST).item(), 4),
    )
