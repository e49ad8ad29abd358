"""The speech trunk that training starts from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError
from safetensors.torch import load_file

from realtime_ser.errors import ModelError
from realtime_ser.models import WEIGHTS_FILE, find_model, unpack

if TYPE_CHECKING:
    from torch import nn

    from realtime_ser.networks.speech_trunk import SpeechTrunk

PREFIX = "trunk."


def load_trunk(trunk: SpeechTrunk, source: str) -> None:
    """Copy the weights of a speech trunk, layer by layer; more layers than needed may be there.

    Args:
        trunk: to fill.
        source: a model (name or folder), or a file that ``scripts/import_whisper.py`` wrote.

    Raises:
        ModelError: no such model or file, or none with a trunk of this size.
    """
    file = Path(source)
    if not file.is_file():
        file = find_model(source) / WEIGHTS_FILE
    try:
        stored = unpack(load_file(file))
        wanted = {name: stored[PREFIX + name] for name in trunk.state_dict()}
        trunk.load_state_dict(wanted)
    except (OSError, KeyError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"{file}: holds no speech trunk of this size ({reason})") from error


def trunk_sha256(network: nn.Module) -> str:
    """Sha256 of the weights of a network's trunk; of nothing where it has none."""
    weights = hashlib.sha256()
    for name, parameter in network.named_parameters():
        if name.startswith(PREFIX):
            weights.update(name.encode() + parameter.detach().cpu().numpy().tobytes())
    return weights.hexdigest()
