"""Fusion weights and temperatures, learned on validation speakers."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from realtime_ser.fusion import Fusion, scale_scores

STEPS = 300
LEARNING_RATE = 0.05
SHARPEST = 0.1
"""Lowest temperature: a few speakers without a mistake are no reason for certainty."""


def fit_fusion(
    logits: Tensor, labels: Tensor, stranger: Fusion | None = None, known: Tensor | None = None
) -> Fusion:
    """Weights of the scales and temperature that make the fused scores most likely.

    Args:
        logits: (n, n_scales, n_classes) of validation speakers.
        labels: (n,) classes.
        stranger: fusion for somebody unknown, where the one for somebody known is wanted.
        known: (n,) how well each speaker is known; with ``stranger``.

    Returns:
        What ``fuse`` takes for a stranger, or with ``stranger`` for a speaker.
    """
    scores = scale_scores(logits)
    share = torch.ones(len(labels)) if known is None else known
    base = torch.tensor(stranger.weights if stranger else [0.0] * logits.shape[1])
    base_temperature = stranger.temperature if stranger else 0.0
    free_weights = torch.zeros(logits.shape[1], requires_grad=True)
    free_temperature = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.Adam([free_weights, free_temperature], lr=LEARNING_RATE)
    for _ in range(STEPS):
        ends = torch.softmax(free_weights, dim=0), free_temperature.exp().clamp(min=SHARPEST)
        weights = base + share[:, None] * (ends[0] - base)
        temperature = base_temperature + share[:, None] * (ends[1] - base_temperature)
        fused = (scores * weights[..., None]).sum(dim=1)
        loss = F.cross_entropy(torch.log(fused.clamp(min=1e-12)) / temperature, labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not type it
        optimizer.step()
    weights = torch.softmax(free_weights.detach(), dim=0)
    return Fusion(
        weights=tuple(round(weight, 4) for weight in weights.tolist()),
        temperature=round(free_temperature.detach().exp().clamp(min=SHARPEST).item(), 4),
    )
