"""Layers of equal size side by side, one for each segment length, computed as one.

One product for all lengths instead of one each: for the few rows of a live stream, starting a
product costs more than computing it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class LinearBank(nn.Module):
    """``n`` linear layers, each of its own input."""

    def __init__(self, n: int, n_in: int, n_out: int) -> None:
        super().__init__()
        self._shape = (n, n_out, n_in)
        bound = 1.0 / math.sqrt(n_in)
        self.weight = nn.Parameter(torch.empty(n * n_out, n_in).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n * n_out).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """(n, batch, n_in) -> (n, batch, n_out)"""
        n, n_out, _ = self._shape
        weight = self.weight.view(self._shape).transpose(1, 2)
        return torch.baddbmm(self.bias.view(n, 1, n_out), x, weight)


class LstmBank(nn.Module):
    """``n`` LSTMs of one layer (Hochreiter & Schmidhuber 1997), each of its own input."""

    def __init__(self, n: int, n_in: int, hidden: int) -> None:
        super().__init__()
        self._hidden = hidden
        self.input = LinearBank(n, n_in, 4 * hidden)
        self.recurrent = LinearBank(n, hidden, 4 * hidden)

    def forward(self, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Read on.

        Args:
            x: (n, batch, time, n_in)
            hidden: (n, batch, hidden) output after what came before.
            cell: (n, batch, hidden) its memory.

        Returns:
            (n, batch, time, hidden) outputs, and the memory after.
        """
        gates = torch.unflatten(self.input(x.flatten(1, 2)), 1, (x.shape[1], x.shape[2]))
        outputs = []
        for new in gates.unbind(2):
            total = new + self.recurrent(hidden)
            entrance, forget, exit_ = total[..., : 3 * self._hidden].sigmoid().chunk(3, dim=2)
            cell = forget * cell + entrance * total[..., 3 * self._hidden :].tanh()
            hidden = exit_ * cell.tanh()
            outputs.append(hidden)
        return torch.stack(outputs, dim=2), cell
