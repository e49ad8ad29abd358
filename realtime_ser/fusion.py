"""[7] Evidence of the scales -> one calibrated distribution (score-level fusion)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class FusionConfig:
    """Learned on validation speakers; part of every model file."""

    weights: tuple[float, ...]
    """One a scale; they sum to 1."""
    temperature: float = 1.0
    """Divides the logarithm of the fused scores (Guo et al. 2017, arXiv 1706.04599)."""
    whole: tuple[float, ...] = ()
    """Weights for a whole utterance; empty where they are no others."""


def weighted_sums(evidence: Tensor) -> Tensor:
    """Evidence of units, ready to be added up over time.

    Args:
        evidence: (..., n_classes + 1): logits and, last, the logarithm of the unit's weight.

    Returns:
        The same shape: logits times weight and, last, the weight. Sums of these over units give a
        weighted mean by ``mean_logits``.
    """
    weight = evidence[..., -1:].exp()
    return torch.cat([evidence[..., :-1] * weight, weight], dim=-1)


def mean_logits(sums: Tensor) -> Tensor:
    """Added-up ``weighted_sums`` (..., n_classes + 1) -> weighted mean logits (..., n_classes)."""
    return sums[..., :-1] / sums[..., -1:].clamp(min=1e-12)


def scale_scores(logits: Tensor) -> Tensor:
    """Logits (..., n_scales, n_classes) -> scores of every scale, each summing to 1."""
    return torch.softmax(logits, dim=-1)


def fuse(scores: Tensor, config: FusionConfig, *, whole: bool = False) -> Tensor:
    """Scores of the scales (..., n_scales, n_classes) -> probabilities (..., n_classes)."""
    chosen = (config.whole or config.weights) if whole else config.weights
    weights = torch.tensor(chosen, device=scores.device, dtype=scores.dtype)
    fused = (scores * weights[:, None]).sum(dim=-2)
    return torch.softmax(torch.log(fused.clamp(min=1e-12)) / config.temperature, dim=-1)
