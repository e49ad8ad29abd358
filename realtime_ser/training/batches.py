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
        units = torch.tensor([len(variant.slow) for variant in variants])
        longest = int(units.max())
        slow = torch.zeros(len(variants), longest, variants[0].slow.shape[1])
        for row, variant in zip(slow, variants, strict=True):
            row[: len(variant.slow)] = torch.from_numpy(variant.slow)
        return Batch(self._mel(variants, units, gains), slow, units)

    def _mel(self, variants: Sequence[Variant], units: Tensor, gains: Tensor | None) -> Tensor:
        n_frames = units * self.frames_per_unit
        if self.front_end.config.n_mels == 0:
            return torch.zeros(len(variants), 3, int(n_frames.max()), 0)
        power = torch.zeros(len(variants), int(n_frames.max()), self.front_end.n_bands)
        for row, variant in zip(power, variants, strict=True):
            row[: len(variant.log_power)] = torch.from_numpy(variant.log_power).float().exp()
        if gains is not None:
            power[..., : gains.shape[2]] *= gains
        state = self.front_end.initial_state(len(variants))
        features, _ = self.front_end.features(power, state, n_frames)
        return features.mel
