"""A recurrent trunk that has heard thousands of voices.

Three LSTM layers over 40 mel bands, trained to tell speakers apart (generalised end-to-end loss,
Wan et al. 2018, arXiv 1710.10467); its weights come from Resemblyzer (Apache-2.0) and are frozen
here. What its cells say of a voice also tells how the voice feels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from realtime_ser.features import VOICE_BANDS

if TYPE_CHECKING:
    from realtime_ser.state import State

HIDDEN = 256
LAYERS = 3
WIDTH = 2 * LAYERS * HIDDEN
"""Values that describe a unit: mean and mean square of every cell of every layer."""


class VoiceTrunk(nn.Module):
    """Mel power -> moments of all layers' outputs, unit by unit."""

    def __init__(self, frames_per_unit: int) -> None:
        super().__init__()
        self._unit = frames_per_unit
        self.layers = nn.ModuleList(
            nn.LSTM(HIDDEN if layer else VOICE_BANDS, HIDDEN, batch_first=True)
            for layer in range(LAYERS)
        )
        self.requires_grad_(False)

    def initial_state(self, batch_size: int, device: torch.device) -> State:
        """All zeros."""
        shape = (batch_size, LAYERS, HIDDEN)
        return {
            "trunk_h": torch.zeros(shape, device=device),
            "trunk_c": torch.zeros(shape, device=device),
        }

    @torch.no_grad()
    def step(self, voice: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance by whole units.

        Args:
            voice: (batch, n * frames_per_unit, VOICE_BANDS).
            state: left unchanged.

        Returns:
            (batch, n, WIDTH): the means, then the mean squares; and the state after them.
        """
        outputs, hs, cs = [], [], []
        x = voice
        for layer, lstm in enumerate(self.layers):
            memory = tuple(
                state[key][:, layer][None].contiguous() for key in ("trunk_h", "trunk_c")
            )
            x, (h, c) = lstm(x, memory)
            outputs.append(x)
            hs.append(h[0])
            cs.append(c[0])
        units = torch.unflatten(torch.cat(outputs, dim=2), 1, (-1, self._unit))
        moments = torch.cat([units.mean(dim=2), units.square().mean(dim=2)], dim=2)
        return moments, {"trunk_h": torch.stack(hs, dim=1), "trunk_c": torch.stack(cs, dim=1)}
