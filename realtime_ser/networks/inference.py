"""What a network is turned into before it is run.

Its trunk can compute in bfloat16, where the processor multiplies that natively: half the memory of
a stream and, for many streams at once, twice as fast. Probabilities change by less than 0.03.

Linear layers are packed for x86 processors. What limits one live stream is reading the weights: a
product with few rows takes most of its time for that. Half floats in the order in which the kernel
wants them (fbgemm, part of torch) make it 1.5 to 2 times as fast as float32. The weights of model
files have 8 bits, so half floats lose next to nothing that the files still had.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from realtime_ser.networks.speech_trunk import SpeechTrunk


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


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 natively."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


def prepare(network: nn.Module, device: torch.device, *, bfloat16: bool) -> None:
    """Move a network to where it runs. It can no longer be trained, moved or saved.

    Args:
        network: changed in place.
        device: where it runs.
        bfloat16: its trunk, if it has one, computes in bfloat16.
    """
    network.to(device).eval()
    trunks = [child for child in network.children() if isinstance(child, SpeechTrunk)]
    if bfloat16:
        for trunk in trunks:
            trunk.to(torch.bfloat16)
    if device.type == "cpu":
        pack_linears(network)


def can_pack() -> bool:
    """Whether torch has the kernels here."""
    return "fbgemm" in torch.backends.quantized.supported_engines


def pack_linears(network: nn.Module) -> None:
    """Replace every linear layer of float32 where torch has the kernels."""
    if not can_pack():
        return
    for name, child in network.named_children():
        if isinstance(child, nn.Linear) and child.weight.dtype == torch.float32:
            setattr(network, name, PackedLinear(child))
        else:
            pack_linears(child)
