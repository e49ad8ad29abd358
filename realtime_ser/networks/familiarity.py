"""How much a sound is like the speech that a network learned from.

A detector of voice activity lets some barks, sneezes and crying babies through. Descriptions of
speech lie near a plane of few directions (principal components); what is far off that plane is
something else, or speech from a place the network has never heard. Such a sound gets scores that
are nearly equal, which reads as ``uncertain``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

DIRECTIONS = 128
COUNTED = 30
"""Units heard, up to which limits differ: little speech lies farther off the plane than much."""
STEEPNESS = 6.0
"""Power with which scores shrink beyond the limit."""


class Familiarity(nn.Module):
    """A factor for scores; 1 for everything until limits are fitted."""

    limits: Tensor
    """(COUNTED,) squared distance from the plane that little speech exceeds, by units heard."""

    def __init__(self, width: int) -> None:
        """Make one that knows nothing; ``width`` is that of a description."""
        super().__init__()
        # A parameter rather than a buffer: model files round parameters, and this one may be.
        self.directions = nn.Parameter(torch.zeros(width, DIRECTIONS), requires_grad=False)
        self.register_buffer("limits", torch.full((COUNTED,), torch.inf))

    def distance(self, relative: Tensor) -> Tensor:
        """Mean square of what the directions leave unexplained.

        Args:
            relative: (..., width), relative to everybody's mean.

        Returns:
            (...)
        """
        explained = (relative @ self.directions).square().sum(dim=-1)
        return (relative.square().sum(dim=-1) - explained).clamp(min=0.0) / relative.shape[-1]

    def limit(self, heard: Tensor) -> Tensor:
        """Of each count of units heard, which may have any shape."""
        return self.limits[heard.long().clamp(1, COUNTED) - 1]

    def factor(self, relative: Tensor, heard: Tensor) -> Tensor:
        """What scores are multiplied by: (batch, n), 1 within the limit, near 0 far beyond.

        Args:
            relative: (batch, n, width) descriptions of all of the segment so far.
            heard: (batch, n) units so far.
        """
        ratio = self.distance(relative) / self.limit(heard)
        return ratio.clamp(min=1.0).pow(-STEEPNESS)
