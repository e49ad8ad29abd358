"""Weights that training starts from."""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path

import torch
from torch import nn

from realtime_ser.errors import ModelError
from realtime_ser.networks.voice_trunk import LAYERS, VoiceTrunk

RESEMBLYZER_FILE = "pretrained.pt"
GATES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def load_resemblyzer(trunk: VoiceTrunk) -> None:
    """Copy the LSTM layers of Resemblyzer's voice encoder (Apache-2.0) into a trunk.

    Raises:
        ModelError: the package with the weights is not installed or holds something else.
    """
    spec = importlib.util.find_spec("resemblyzer")
    if spec is None or spec.origin is None:
        raise ModelError(
            "trunk 'resemblyzer': the package with its weights is missing; "
            "pip install --no-deps resemblyzer"
        )
    file = Path(spec.origin).parent / RESEMBLYZER_FILE
    try:
        stored = torch.load(file, weights_only=True, map_location="cpu")["model_state"]
        for number in range(LAYERS):
            layer = trunk.layers[number]
            assert isinstance(layer, nn.LSTM)
            layer.load_state_dict({f"{g}_l0": stored[f"lstm.{g}_l{number}"] for g in GATES})
    except (OSError, KeyError, RuntimeError, pickle.UnpicklingError) as error:
        raise ModelError(f"{file}: not the weights of Resemblyzer 0.1.4 ({error})") from error
