"""Fusion weights and temperature, learned on validation speakers."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from realtime_ser.fusion import FusionConfig, fuse, scale_scores

STEPS = 300
LEARNING_RATE = 0.05
SHARPEST = 0.1
"""Lowest temperature: a few speakers without a mistake are no reason for certainty."""


def fit_fusion(logits: Tensor, labels: Tensor) -> FusionConfig:
    """Weights of the scales and temperature that make the fused scores most likely.

    Args:
        logits: (n, n_scales, n_classes) of whole segments of validation speakers.
        labels: (n,) classes.
    """
    scores = scale_scores(logits)
    free_weights = torch.zeros(logits.shape[1], requires_grad=True)
    free_temperature = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.Adam([free_weights, free_temperature], lr=LEARNING_RATE)
    for _ in range(STEPS):
        weights = torch.softmax(free_weights, dim=0)
        fused = (scores * weights[:, None]).sum(dim=1)
        scaled = torch.log(fused.clamp(min=1e-12)) / free_temperature.exp().clamp(min=SHARPEST)
        loss = F.cross_entropy(scaled, labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    weights = torch.softmax(free_weights.detach(), dim=0)
    return FusionConfig(
        weights=tuple(round(weight, 4) for weight in weights.tolist()),
        temperature=round(free_temperature.detach().exp().clamp(min=SHARPEST).item(), 4),
    )


def fused_decisions(logits: Tensor, fusion: FusionConfig) -> Tensor:
    """(n, n_scales, n_classes) -> (n,) most probable class after fusion."""
    return fuse(scale_scores(logits), fusion, whole=True).argmax(dim=-1)
