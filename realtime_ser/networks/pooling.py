"""Windows over units, described by mean and deviation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def describe(moments: Tensor, heard: Tensor, length: int) -> Tensor:
    """Mean and deviation over the last ``length`` units, for every new unit.

    Args:
        moments: (batch, kept + n, 2 * width): means, then mean squares; zeros before the start.
        heard: (batch, n) units since the start, the new one included.
        length: of the window.

    Returns:
        (batch, n, 2 * width)
    """
    columns = moments[:, moments.shape[1] - heard.shape[1] - length + 1 :].transpose(1, 2)
    # Units before the segment's start are zeros: they add nothing, only the divisor must know.
    fill = (length / heard.clamp(max=length))[..., None]
    return _spread(F.avg_pool1d(columns, length, stride=1).transpose(1, 2) * fill)


def describe_whole(sums: Tensor, moments: Tensor, heard: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation since the start, for every new unit.

    Args:
        sums: (batch, 2 * width) of the moments before.
        moments: (batch, n, 2 * width): means, then mean squares.
        heard: (batch, n) units since the start, the new one included.

    Returns:
        (batch, n, 2 * width), and the sums after.
    """
    running = sums[:, None] + torch.cumsum(moments, dim=1)
    return _spread(running / heard[..., None]), running[:, -1]


def _spread(moments: Tensor) -> Tensor:
    mean, square = moments.chunk(2, dim=2)
    deviation = (square - mean.square()).clamp(min=0.0).add(1e-5).sqrt()
    return torch.cat([mean, deviation], dim=2)
