"""Linear layers packed for inference on x86 processors.

What limits one live stream is reading the weights: a product with few rows takes most of its time
for that. Half floats in the order in which the kernel wants them (fbgemm, part of torch) make it
1.5 to 2 times as fast as float32. The weights of model files have 8 bits, so half floats lose next
to nothing that the files still had.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PackedLinear(nn.Module):
    """A linear layer that can only be applied."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self._packed = torch.ops.quantized.linear_prepack_fp16(
            linear.weight.detach().float(), linear.bias.detach().float()
        )

    def forward(self, x: Tensor) -> Tensor:
        """As ``nn.Linear``."""
        applied: Tensor = torch.ops.quantized.linear_dynamic_fp16.default(x, self._packed)
        return applied


def can_pack() -> bool:
    """Whether torch has the kernels here."""
    return "fbgemm" in torch.backends.quantized.supported_engines


def pack_linears(network: nn.Module) -> None:
    """Replace every linear layer where torch has the kernels, and leave it as it is elsewhere.

    The network can no longer be trained, moved or saved.
    """
    if not can_pack():
        return
    for name, child in network.named_children():
        if isinstance(child, nn.Linear):
            setattr(network, name, PackedLinear(child))
        else:
            pack_linears(child)
