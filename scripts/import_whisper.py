"""Take the first layers of Whisper's encoder out of a converted model, rounded to 8 bits.

    python scripts/import_whisper.py model.bin trunk.safetensors --layers 2

``model.bin`` is OpenAI's Whisper base (MIT licence) in the format of CTranslate2, as in
Systran/faster-whisper-base; ``realtime-ser train`` reads the result where a recipe names it as its
``trunk``.
"""

from __future__ import annotations

import argparse
import hashlib
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from realtime_ser.models import pack
from realtime_ser.networks.multiscale_config import MultiscaleLstmConfig
from realtime_ser.networks.multiscale_lstm import speech_trunk
from realtime_ser.training.pretrained import PREFIX

SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
TYPES = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}
LAYER = {
    "attention_norm": "self_attention/layer_norm",
    "query_key_value": "self_attention/linear_0",
    "attended": "self_attention/linear_1",
    "norm": "ffn/layer_norm",
    "widen": "ffn/linear_0",
    "narrow": "ffn/linear_1",
}
"""Our names for the parts of an encoder layer, and CTranslate2's."""


def read_variables(content: bytes) -> dict[str, torch.Tensor]:
    """All variables of a CTranslate2 model file."""
    place = 0

    def take(layout: str) -> Any:
        nonlocal place
        (value,) = struct.unpack_from(layout, content, place)
        place += struct.calcsize(layout)
        return value

    def name() -> str:
        nonlocal place
        length = take("<H")
        place += length
        return content[place - length : place - 1].decode()

    take("<I"), name(), take("<I")  # version, specification, revision
    variables = {}
    for _ in range(take("<I")):
        key = name()
        shape = [take("<I") for _ in range(take("<B"))]
        dtype = np.dtype(TYPES[take("<B")])
        size = take("<I")
        values = np.frombuffer(content, dtype, size // dtype.itemsize, place)
        place += size
        variables[key] = torch.from_numpy(values.reshape(shape).astype(np.float32))
    return variables


def trunk_weights(variables: dict[str, torch.Tensor], layers: int) -> dict[str, torch.Tensor]:
    """The weights under the names of ``SpeechTrunk``."""
    found = {}
    for ours, theirs in (("first", "conv1"), ("second", "conv2")):
        for part in ("weight", "bias"):
            found[f"{ours}.{part}"] = variables[f"encoder/{theirs}/{part}"]
        kernel = found[f"{ours}.weight"]  # (out, in, taps)
        found[f"{ours}.weight"] = kernel.transpose(1, 2).flatten(1).contiguous()
    for number in range(layers):
        for ours, theirs in LAYER.items():
            norm = theirs.endswith("norm")
            for part, stored in (("weight", "gamma"), ("bias", "beta")):
                end = stored if norm else part
                key = f"encoder/layer_{number}/{theirs}/{end}"
                found[f"layers.{number}.{ours}.{part}"] = variables[key]
    return found


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--layers", type=int, default=2)
    arguments = parser.parse_args()
    content = arguments.model.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        sys.exit(f"{arguments.model}: not the file whose sha256 is {SHA256}")
    described = min(arguments.layers, MultiscaleLstmConfig().trunk_described)
    config = MultiscaleLstmConfig(trunk_layers=arguments.layers, trunk_described=described)
    trunk = speech_trunk(config)
    trunk.load_state_dict(trunk_weights(read_variables(content), arguments.layers))
    save_file(pack(nn.ModuleDict({PREFIX.removesuffix("."): trunk})), arguments.output)


if __name__ == "__main__":
    main()
