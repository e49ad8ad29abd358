"""Examples side by side, as the network takes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.features import FrontEnd
    from realtime_ser.state import State
    from realtime_ser.training.examples import Variant


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded to the longest."""

    mel: Tensor
    """(batch, 3, frames, n_mels)"""
    slow: Tensor
    """(batch, units, width)"""
    units: Tensor
    """(batch,) units each one has."""
    past: State = field(default_factory=dict)
    """What is remembered of the speakers; empty: nobody is known."""


class Batcher:
    """Makes batches."""

    def __init__(self, front_end: FrontEnd, frames_per_unit: int) -> None:
        self.front_end = front_end
        self.frames_per_unit = frames_per_unit

    def make(self, variants: Sequence[Variant], gains: Tensor | None = None) -> Batch:
        """A batch.

        Args:
            variants: what to put into it.
            gains: (batch, 1, n_mels) factors of the mel bands' power.
        """
        lengths = [len(variant.slow) for variant in variants]
        frames, longest = self.frames_per_unit, max(lengths)
        power = torch.zeros(len(variants), longest * frames, self.front_end.n_bands)
        slow = torch.zeros(len(variants), longest, variants[0].slow.shape[1])
        for i, variant in enumerate(variants):
            n = lengths[i]
            power[i, : n * frames] = torch.from_numpy(variant.log_power).float().exp()
            slow[i, :n] = torch.from_numpy(variant.slow)
        if gains is not None:
            power[..., : gains.shape[2]] *= gains
        units = torch.tensor(lengths)
        state = self.front_end.initial_state(len(variants))
        features, _ = self.front_end.features(power, state, units * frames)
        return Batch(features.mel, slow, units)
