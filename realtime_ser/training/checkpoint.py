"""The file from which an interrupted run goes on, and whether it belongs to the run at hand."""

from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

import torch

from realtime_ser.errors import ConfigError
from realtime_ser.replacing import replace_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from realtime_ser.training.index import Clip
    from realtime_ser.training.recipe import Recipe

FILE = "checkpoint.pt"
VERSION = 6
"""Of the way of training: one more when a changed code would make another network."""


def digest_of(
    recipe: Recipe, train: Sequence[Clip], validation: Sequence[Clip], base: str = ""
) -> str:
    """Sha256 of what makes a run this run: way of training, recipe, clips with their labels.

    Where the clips lie does not count, nor whether speech is found in them: it is known before any
    feature is computed. ``base`` is the sha256 of the model, or of the trunk, that training starts
    from.
    """
    clips = [
        [[c.corpus, c.speaker, c.path.name, c.emotion, c.votes] for c in part]
        for part in (train, validation)
    ]
    content = json.dumps([VERSION, base, recipe.sha256, clips])
    return hashlib.sha256(content.encode()).hexdigest()


def write(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the checkpoint beside the old one, then replace it.

    Raises:
        OSError: it cannot be written; the old one is still there.
    """
    buffer = io.BytesIO()  # torch.save into a file turns a full disk into a RuntimeError
    torch.save(dict(content), buffer)
    replace_files({folder / FILE: buffer.getbuffer()})


def read(
    folder: Path, digest: str, device: torch.device, other: str = "another recipe or split"
) -> dict[str, Any] | None:
    """The checkpoint of a folder, tensors on ``device``; None where there is none.

    Args:
        folder: of the run.
        digest: see ``digest_of``.
        device: where the tensors go.
        other: what a checkpoint with another digest is of, for messages.

    Raises:
        ConfigError: it is damaged or has another digest.
    """
    file = folder / FILE
    if not file.exists():
        return None
    try:
        content = torch.load(file, weights_only=True, map_location=device)
    except Exception as error:  # a damaged pickle may raise anything
        raise damaged(folder) from error
    if not isinstance(content, dict) or content.get("digest") != digest:
        raise ConfigError(
            f"{folder}: holds a checkpoint of {other}; remove {file} (features that were computed "
            "may stay) or use another --output"
        )
    return content


def damaged(folder: Path) -> ConfigError:
    """What to say of a checkpoint that does not hold what was written."""
    return ConfigError(
        f"{folder}: holds a damaged checkpoint; remove {folder / FILE} or use another --output"
    )


def random_states(rng: np.random.Generator, device: torch.device) -> dict[str, Any]:
    """The generators that training on a device draws from."""
    states: dict[str, Any] = {"torch": torch.get_rng_state(), "numpy": rng.bit_generator.state}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def restore_random_states(
    states: Mapping[str, Any], rng: np.random.Generator, device: torch.device
) -> None:
    """Set the generators as ``random_states`` found them."""
    torch.set_rng_state(states["torch"].cpu())
    rng.bit_generator.state = states["numpy"]
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"].cpu(), device)
    if device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"].cpu())
