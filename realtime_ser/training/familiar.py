"""Fits what a network takes for speech (``networks/familiarity.py``) on labelled speech."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from realtime_ser.networks.familiarity import COUNTED, DIRECTIONS
from realtime_ser.training.histories import relative_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from realtime_ser.networks.multiscale_lstm import MultiscaleLstm
    from realtime_ser.training.examples import Example

STRANGE = 0.002
"""Share of training speech, noisy and distorted variants included, that may lie beyond."""
FEWEST = 200
"""Descriptions of one length from which a limit can be told."""
MOST = 2000
"""Examples that are looked at, evenly drawn from all."""


def fit_familiarity(network: MultiscaleLstm, examples: Sequence[Example]) -> None:
    """Set directions and limits; with too little speech everything stays familiar."""
    described = _described(network, examples)
    ends = torch.stack([units[-1] for units in described])
    if len(ends) < max(FEWEST, DIRECTIONS):
        return
    covariance = ends.T @ ends / len(ends)
    _, axes = torch.linalg.eigh(covariance.double())
    network.familiarity.directions.copy_(axes[:, -DIRECTIONS:])
    network.familiarity.limits.copy_(_limits(network, described))


def widen_familiarity(network: MultiscaleLstm, examples: Sequence[Example]) -> None:
    """Let speech from a new place in: limits rise to what it needs, and never fall."""
    if bool(network.familiarity.limits.isinf().all()):
        return
    needed = _limits(network, _described(network, examples))
    finite = torch.where(needed.isinf(), 0.0, needed)
    network.familiarity.limits.copy_(network.familiarity.limits.maximum(finite))


def _described(network: MultiscaleLstm, examples: Sequence[Example]) -> list[Tensor]:
    """(units, width) of the longest length, of every variant of some examples."""
    chosen = examples[:: max(1, len(examples) // MOST)]
    return [
        relative_of(network, variant.slow)[-1, 0]
        for example in chosen
        for variant in example.variants
    ]


@torch.inference_mode()
def _limits(network: MultiscaleLstm, described: Sequence[Tensor]) -> Tensor:
    """(COUNTED,) quantiles; a length that too few examples reach has that of the one before."""
    limits = torch.full((COUNTED,), torch.inf)
    distances = [network.familiarity.distance(units[:COUNTED]) for units in described]
    for n in range(COUNTED):
        at = torch.tensor([float(d[n]) for d in distances if len(d) > n])
        if len(at) >= FEWEST:
            limits[n] = at.quantile(1.0 - STRANGE)
        elif n:
            limits[n] = limits[n - 1]
    return limits
