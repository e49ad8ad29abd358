"""An LSTM that has heard thousands of voices, pooled over several window lengths: the default.

The cells of the voice trunk (three LSTM layers) are described, every unit, by their mean and
deviation over windows of several lengths. What is usual for the speaker at hand is subtracted
(``adaptation.py``), and each length gives scores of its own, which are fused later (score-level
fusion).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from realtime_ser.adaptation import SpeakerMemory
from realtime_ser.networks.pooling import describe, describe_whole
from realtime_ser.networks.voice_trunk import WIDTH, VoiceTrunk

if TYPE_CHECKING:
    from realtime_ser.features import Features
    from realtime_ser.state import State


FULL_UNITS = 30
"""After which the whole of a segment is worth as much as it can be."""


@dataclass(frozen=True, slots=True)
class PooledLstmConfig:
    """Sizes of the network; part of every model file."""

    n_classes: int = 6
    n_mels: int = 64
    frames_per_unit: int = 10
    window_units: tuple[int, ...] = (8, 16, 32, 0)
    """Window lengths in units; 0 is the whole segment so far."""
    prior: float = 30.0
    """Units of speech after which the speaker's own mean counts as much as everybody's."""
    memory: float = 1200.0
    """Units of speech after which the speaker's past begins to fade."""


class PooledLstm(nn.Module):
    """See the module's text. Implements ``StreamingNetwork``."""

    centre: Tensor
    """(n_scales, WIDTH): mean of the descriptions in training."""

    def __init__(self, config: PooledLstmConfig) -> None:
        super().__init__()
        self.config = config
        self.n_classes = config.n_classes
        self.n_scales = len(config.window_units)
        self.frames_per_unit = config.frames_per_unit
        self.averaged = False
        self._units_kept = max(config.window_units) - 1
        self.trunk = VoiceTrunk(config.frames_per_unit)
        self.memory = SpeakerMemory(self.n_scales, WIDTH, config.prior, config.memory)
        self.register_buffer("centre", torch.zeros(self.n_scales, WIDTH))
        self.heads = nn.ModuleList(nn.Linear(WIDTH, config.n_classes) for _ in config.window_units)

    def initial_state(self, batch_size: int, device: torch.device) -> State:
        """All zeros: nothing heard, nobody known."""
        return {
            "units": torch.zeros(batch_size, device=device),
            "moments": torch.zeros(batch_size, self._units_kept, WIDTH, device=device),
            "moment_sums": torch.zeros(batch_size, WIDTH, device=device),
            **self.trunk.initial_state(batch_size, device),
            **self.memory.initial_state(batch_size, device),
        }

    def next_segment(self, state: State) -> State:
        """See ``StreamingNetwork.next_segment``: the speaker is remembered."""
        fresh = {key: torch.zeros_like(value) for key, value in state.items()}
        return fresh | self.memory.remember(state)

    def adapted_units(self, state: State) -> Tensor:
        """See ``StreamingNetwork.adapted_units``."""
        return self.memory.units(state)

    def step(self, features: Features, state: State) -> tuple[Tensor, State]:
        """See ``StreamingNetwork.step``."""
        moments, after_slow = self.slow_part(features, state)
        evidence, after_fast = self.fast_part(features.mel, moments, state)
        return evidence, after_slow | after_fast

    def slow_part(self, features: Features, state: State) -> tuple[Tensor, State]:
        """See ``StreamingNetwork.slow_part``: the frozen trunk."""
        return self.trunk.step(features.voice, state)

    def fast_part(self, mel: Tensor, slow: Tensor, state: State) -> tuple[Tensor, State]:
        """See ``StreamingNetwork.fast_part``: windows and their heads."""
        n = slow.shape[1]
        heard = state["units"][:, None] + torch.arange(1, n + 1, device=slow.device)
        moments = torch.cat([state["moments"], slow], dim=1)
        usual, sums = self.memory.usual(state), state["moment_sums"]
        evidence, found, weights = [], [], []
        for scale, length in enumerate(self.config.window_units):
            if length:
                described = describe(moments, heard, length)
            else:
                described, sums = describe_whole(sums, slow, heard)
            described = described - self.centre[scale]
            fill = fill_of(heard, length)
            logits = self.heads[scale](described - usual[:, None, scale])
            evidence.append(torch.cat([logits, fill.log()[..., None]], dim=2))
            found.append(described)
            weights.append(fill)
        after = self.memory.listen(state, torch.stack(found, dim=2), torch.stack(weights, dim=2))
        after |= {"units": heard[:, -1], "moments": moments[:, n:], "moment_sums": sums}
        return torch.stack(evidence, dim=2), after


def fill_of(heard: Tensor, length: int) -> Tensor:
    """How much of a window had been heard, 0 to 1; a whole segment is full after 3 s."""
    full = length or FULL_UNITS
    return heard.clamp(max=full) / full
