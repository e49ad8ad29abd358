"""[7] Evidence of the scales -> one calibrated distribution (score-level fusion)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

Parameters = tuple[Tensor, Tensor]
"""Weights (n_scales,) and temperature (1,) of a ``Fusion``."""
HALF_KNOWN = 30.0
"""Units of a speaker's speech after which he counts as half known."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """How the scores of the scales become one distribution; learned on speakers not trained on."""

    weights: tuple[float, ...]
    """One a scale; they sum to 1."""
    temperature: float = 1.0
    """Divides the logarithm of the fused scores (Guo et al. 2017, arXiv 1706.04599)."""

    def parameters(self, like: Tensor) -> Parameters:
        """As tensors of the type and device of another."""
        return like.new_tensor(self.weights), like.new_tensor([self.temperature])


@dataclass(frozen=True, slots=True)
class FusionConfig:
    """Part of every model file: fusion of windows and of utterances, each of two kinds of speaker.

    A stranger becomes a known speaker as the model adapts to him; in between, both are blended.
    """

    window: Fusion
    window_known: Fusion
    utterance: Fusion
    utterance_known: Fusion
    half: float = HALF_KNOWN
    """See ``known_share``."""

    def __iter__(self) -> Iterator[Fusion]:
        """All four."""
        return iter((self.window, self.window_known, self.utterance, self.utterance_known))

    def known(self, units: Tensor) -> Tensor:
        """``known_share`` of this model."""
        return known_share(units, self.half)


def known_share(units: Tensor, half: float = HALF_KNOWN) -> Tensor:
    """How well a speaker is known, 0 to 1, after (batch,) units of his speech; ``half`` is 0.5."""
    return units / (units + half)


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


def fuse(scores: Tensor, stranger: Fusion, speaker: Fusion, known: Tensor) -> Tensor:
    """Scores of the scales -> calibrated probabilities.

    Args:
        scores: (batch, n_scales, n_classes), each scale summing to 1.
        stranger: fusion for somebody unknown.
        speaker: fusion for somebody known.
        known: (batch,) 0 to 1.

    Returns:
        (batch, n_classes)
    """
    ends = stranger.parameters(scores), speaker.parameters(scores)
    return torch.softmax(fused_logits(scores, *ends, known), dim=-1)


def fused_logits(
    scores: Tensor, stranger: Parameters, speaker: Parameters, known: Tensor
) -> Tensor:
    """What ``fuse`` makes probabilities of: (batch, n_classes) logits.

    Takes its arguments with parameters as tensors, which may still be learned.
    """
    share = known[:, None]
    weights, temperature = (
        of_stranger + share * (of_speaker - of_stranger)
        for of_stranger, of_speaker in zip(stranger, speaker, strict=True)
    )
    fused = (scores * weights[..., None]).sum(dim=1)
    return torch.log(fused.clamp(min=1e-12)) / temperature
