"""Causal convolutions over mel segments, unit by unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.state import State

MEL_CHANNELS = 3
KERNEL = 3
TIME_STRIDE = 2
"""Of the first convolution; the others keep the rate."""


class MelBranch(nn.Module):
    """Mel segments of three channels -> what convolutions find in each unit."""

    def __init__(
        self,
        channels: Sequence[int],
        *,
        n_mels: int,
        frames_per_unit: int,
        width: int,
        dropout: float,
    ) -> None:
        """Make a branch without weights.

        Args:
            channels: of the convolutions; each halves the number of bands.
            n_mels: bands.
            frames_per_unit: even.
            width: values a unit that come out.
            dropout: before the last linear layer.
        """
        super().__init__()
        self._strides_per_unit = frames_per_unit // TIME_STRIDE
        self.convolutions = nn.ModuleList()
        self.norms = nn.ModuleList()
        self._contexts = []
        n_in, bands = MEL_CHANNELS, n_mels
        for layer, n_out in enumerate(channels):
            stride = 1 if layer else TIME_STRIDE
            self._contexts.append((n_in, KERNEL - stride, bands))
            self.convolutions.append(
                nn.Conv2d(n_in, n_out, KERNEL, stride=(stride, 2), padding=(0, 1), bias=False)
            )
            self.norms.append(nn.BatchNorm2d(n_out))
            n_in, bands = n_out, (bands + 1) // 2
        self.dropout = nn.Dropout(dropout)
        self.embed = nn.Linear(n_in * bands, width)

    def initial_state(self, batch_size: int, device: torch.device) -> State:
        """All zeros: nothing heard."""
        return {
            f"conv{layer}": torch.zeros(batch_size, *shape, device=device)
            for layer, shape in enumerate(self._contexts)
        }

    def step(self, mel: Tensor, state: State) -> tuple[Tensor, State]:
        """(batch, 3, n * frames_per_unit, n_mels) -> (batch, n, width), and the state after."""
        after: State = {}
        x = mel
        for layer, (convolve, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            context = state[f"conv{layer}"]
            x = torch.cat([context, x], dim=2)
            after[f"conv{layer}"] = x[:, :, x.shape[2] - context.shape[2] :]
            x = x.contiguous(memory_format=torch.channels_last)
            x = F.relu(norm(convolve(x)))
        x = torch.unflatten(x, 2, (-1, self._strides_per_unit)).mean(dim=3)
        flat = x.permute(0, 2, 1, 3).flatten(2)
        return F.relu(self.embed(self.dropout(flat))), after
