"""Fits what a network takes for speech (``networks/familiarity.py``): logistic regression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from realtime_ser.networks.familiarity import STEEPNESS
from realtime_ser.training.histories import relative_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from realtime_ser.networks.multiscale_lstm import MultiscaleLstm
    from realtime_ser.training.examples import Example, HalfArray

LENGTHS = (3, 5, 8, 12, 20)
"""Units heard, at which speech and noise are compared."""
STRANGE = 0.002
"""Share of training speech, noisy and distorted variants included, that may lie beyond."""
MARGIN = 2.0 / STEEPNESS
"""By which the limit lies lower still, so that speech near it keeps its scores."""
FEWEST = 100
"""Pieces of speech, and of noise, without which nothing is fitted."""
MOST = 600
"""Examples that are looked at, evenly drawn from all."""
PENALTY = 0.005
ITERATIONS = 60


def fit_familiarity(
    network: MultiscaleLstm, examples: Sequence[Example], noises: Sequence[HalfArray]
) -> None:
    """Set direction and limit; with too little speech or noise everything stays familiar.

    Args:
        network: with its scaling.
        examples: speech.
        noises: (units, width) each, what the trunk says of sounds that are none.
    """
    speech = _described(network, _slow_of(examples))
    noise = _described(network, noises)
    if min(len(speech), len(noise)) < FEWEST:
        return
    direction = _direction(speech, noise)
    network.familiarity.direction.copy_(direction)
    _set_limit(network, speech)


def widen_familiarity(network: MultiscaleLstm, examples: Sequence[Example]) -> None:
    """Let speech from a new place in: the limit falls to what it needs, and never rises."""
    before = network.familiarity.limit.clone()
    speech = _described(network, _slow_of(examples))
    if before.isinf() or len(speech) < FEWEST:
        return
    _set_limit(network, speech)
    network.familiarity.limit.copy_(network.familiarity.limit.minimum(before))


def _slow_of(examples: Sequence[Example]) -> list[HalfArray]:
    chosen = examples[:: max(1, len(examples) // MOST)]
    return [variant.slow for example in chosen for variant in example.variants]


def _described(network: MultiscaleLstm, pieces: Sequence[HalfArray]) -> Tensor:
    """(n, width) descriptions at the longest length, after several counts of units."""
    found = []
    for slow in pieces:
        relative = relative_of(network, slow[: LENGTHS[-1]])[-1, 0]
        found += [relative[n - 1] for n in LENGTHS if n <= len(relative)]
    return torch.stack(found) if found else torch.zeros(0, network.centre.shape[1])


def _direction(speech: Tensor, noise: Tensor) -> Tensor:
    """(width,) of logistic regression, both kinds weighing the same."""
    # Descriptions were made in inference mode; only copies may take part in a gradient.
    sounds = torch.cat([speech, noise]).clone()
    is_speech = torch.cat([torch.ones(len(speech)), torch.zeros(len(noise))]).to(sounds)
    weight = torch.where(is_speech > 0.0, 0.5 / len(speech), 0.5 / len(noise))
    direction = torch.zeros(sounds.shape[1], requires_grad=True, device=sounds.device)
    bias = torch.zeros(1, requires_grad=True, device=sounds.device)
    optimizer = torch.optim.LBFGS(
        [direction, bias], max_iter=ITERATIONS, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        scores = sounds @ direction + bias
        total = F.binary_cross_entropy_with_logits(scores, is_speech, weight, reduction="sum")
        total = total + PENALTY * direction.square().sum()
        total.backward()  # type: ignore[no-untyped-call]  # torch does not type it
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]  # torch does not type it
    return direction.detach()


def _set_limit(network: MultiscaleLstm, speech: Tensor) -> None:
    scores = network.familiarity.score(speech)
    # By rank: torch's quantile refuses as many values as there may be.
    rank = round(STRANGE * (len(scores) - 1))
    network.familiarity.limit.copy_(scores.sort().values[rank] - MARGIN)
