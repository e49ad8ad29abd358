"""Whether a sound is speech at all.

A detector of voice activity lets some barks, sneezes and crying babies through. What the speech
trunk makes of them is not what it makes of speech; one linear direction tells them apart. A sound
beyond the limit gets scores that are nearly equal, which reads as ``uncertain``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

STEEPNESS = 2.0
"""Of the transition at the limit, a unit of the score."""


class Familiarity(nn.Module):
    """A factor for scores; 1 for everything until it is fitted."""

    direction: Tensor
    """(width,) along which speech lies higher than other sounds."""
    limit: Tensor
    """Score that nearly all speech reaches; minus infinity lets everything pass."""

    def __init__(self, width: int) -> None:
        """Make one that knows nothing; ``width`` is that of a description."""
        super().__init__()
        self.register_buffer("direction", torch.zeros(width))
        self.register_buffer("limit", torch.tensor(-torch.inf))

    def score(self, relative: Tensor) -> Tensor:
        """(..., width) descriptions relative to everybody's mean -> (...)"""
        return relative @ self.direction

    def factor(self, relative: Tensor) -> Tensor:
        """What scores are multiplied by: (batch, n), near 1 for speech, near 0 for what is none.

        Args:
            relative: (batch, n, width) descriptions of all of the segment so far.
        """
        return torch.sigmoid(STEEPNESS * (self.score(relative) - self.limit))
