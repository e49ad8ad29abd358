"""Segments of several lengths, described by the mean and deviation of their units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.state import State


class Pool:
    """Follows a stream's units and describes the segments that end with each of them."""

    def __init__(self, name: str, width: int, lengths: Sequence[int]) -> None:
        """Set the sizes.

        Args:
            name: of its part of the state.
            width: of a unit's moments: means, then mean squares.
            lengths: in units; 0 is everything since the start.
        """
        self._kept, self._sums = name, f"{name}_sums"
        self._width = width
        self._lengths = tuple(lengths)
        self._n_kept = max(1, *lengths) - 1

    def initial_state(self, batch_size: int, device: torch.device) -> State:
        """All zeros: nothing heard."""
        return {
            self._kept: torch.zeros(batch_size, self._n_kept, self._width, device=device),
            self._sums: torch.zeros(batch_size, self._width, device=device),
        }

    def describe(self, moments: Tensor, heard: Tensor, state: State) -> tuple[Tensor, State]:
        """Mean and deviation of the segment of every length that ends with each new unit.

        Args:
            moments: (batch, n, width) of the new units: means, then mean squares.
            heard: (batch, n) units since the start, the new one included.
            state: left unchanged.

        Returns:
            (n_lengths, batch, n, width), and the state after.
        """
        n = moments.shape[1]
        joined = torch.cat([state[self._kept], moments], dim=1)
        running = state[self._sums][:, None] + moments.cumsum(dim=1)
        columns = joined.transpose(1, 2)
        described = []
        for length in self._lengths:
            if length:
                # Units before the start are zeros: they add nothing, only the divisor must know.
                fill = (length / heard.clamp(max=length))[..., None]
                recent = columns[:, :, columns.shape[2] - n - length + 1 :]
                described.append(F.avg_pool1d(recent, length, stride=1).transpose(1, 2) * fill)
            else:
                described.append(running / heard[..., None])
        after = {self._kept: joined[:, n:], self._sums: running[:, -1]}
        mean, square = torch.stack(described).chunk(2, dim=3)
        deviation = (square - mean.square()).clamp(min=0.0).add(1e-5).sqrt()
        return torch.cat([mean, deviation], dim=3), after
