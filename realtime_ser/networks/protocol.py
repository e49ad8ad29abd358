"""What every network promises, so that training, the recogniser and the screen need not know which one runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

State = dict[str, Tensor]
"""Everything a stream remembers. The first axis of every tensor is the stream (slot) axis."""


class StreamingNetwork(Protocol):
    """A network that is fed features piece by piece and gives evidence for the classes after every unit.

    A unit is the smallest piece of features the network can take (``frames_per_unit`` frames).
    Feeding a signal in any split into whole units gives the same evidence.
    """

    frames_per_unit: int
    n_scales: int
    n_classes: int

    def initial_state(self, batch_size: int, device: torch.device) -> State:
        """State of ``batch_size`` streams before their first unit."""

    def step(self, features: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance by ``n`` units.

        Args:
            features: (batch, channels, n * frames_per_unit, n_mels).
            state: as returned by the previous call; left unchanged.

        Returns:
            evidence: (batch, n, n_scales, n_classes + 1): logits of the classes and, last, the
                logarithm of the weight this unit carries when units are averaged.
            state: after these units.
        """

    def load_state_dict(self, state_dict: Mapping[str, Tensor]) -> object:
        """Take over trained weights."""
