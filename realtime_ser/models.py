"""Model folders: ``model.safetensors``, ``model.toml`` and the card ``README.md``.

No pickle is ever loaded, and weights whose sha256 differs from the one in ``model.toml`` are
refused.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import tomli_w

from realtime_ser.errors import ModelError
from realtime_ser.replacing import replace_files
from realtime_ser.toml import read_toml
from realtime_ser.types import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from realtime_ser.features import FeatureConfig
    from realtime_ser.fusion import FusionConfig
    from realtime_ser.networks.protocol import StreamingNetwork

FORMAT = 4
WEIGHTS_FILE = "model.safetensors"
DESCRIPTION_FILE = "model.toml"
VERSION_DIGITS = 8
SCALE = ".scale"
"""Ends the name under which the scale of a rounded matrix is stored."""


@dataclass(frozen=True, slots=True)
class Model:
    """A trained network and everything needed to run it."""

    name: str
    classes: tuple[str, ...]
    network: StreamingNetwork
    features: FeatureConfig
    fusion: FusionConfig
    description: Mapping[str, Any]
    """The whole of ``model.toml``."""
    version: str
    """First digits of the description's sha256: weights and settings together."""

    @property
    def sha256(self) -> str:
        """Of the weights."""
        return str(self.description["sha256"])


def list_models() -> list[Path]:
    """Folders of the models that come with the package, sorted by name."""
    root = _shipped_root()
    return sorted(path.parent for path in root.glob(f"*/{DESCRIPTION_FILE}"))


def find_model(name_or_path: str) -> Path:
    """The folder of a shipped model (by name) or of any model (by path).

    Raises:
        ModelError: there is none.
    """
    shipped = _shipped_root() / name_or_path
    for folder in (Path(name_or_path), shipped):
        with suppress(OSError, ValueError):  # no name that a disk could hold
            if (folder / DESCRIPTION_FILE).is_file():
                return folder
    known = ", ".join(path.name for path in list_models()) or "none"
    raise ModelError(
        f"model {name_or_path[:200]!r}: no folder with a {DESCRIPTION_FILE}; "
        f"shipped models: {known}"
    )


def read_description(folder: Path) -> dict[str, Any]:
    """``model.toml`` of a model folder.

    Raises:
        ModelError: it cannot be read or is of another format version.
    """
    file = folder / DESCRIPTION_FILE
    try:
        description = read_toml(file)
    except (OSError, ValueError) as error:
        raise ModelError(f"{file}: cannot be read ({error})") from error
    if description.get("format") != FORMAT:
        raise ModelError(
            f"{file}: format is {description.get('format')!r}, this version reads {FORMAT}"
        )
    return description


def description_sha256(folder: Path) -> str:
    """Of ``model.toml``, which holds the weights' own: tells what exactly was measured.

    Raises:
        OSError: it cannot be read.
    """
    return hashlib.sha256((folder / DESCRIPTION_FILE).read_bytes()).hexdigest()


def load_model(folder: Path) -> Model:
    """Read a model folder; the network is in evaluation mode, on the CPU.

    Raises:
        ModelError: anything missing, broken, altered or made for something else.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    from realtime_ser import model_checks
    from realtime_ser.networks import build_network

    description = read_description(folder)
    file = folder / DESCRIPTION_FILE
    classes = model_checks.read_classes(description, file)
    if description.get("sample_rate") != SAMPLE_RATE:
        raise ModelError(f"{file}: sample_rate must be {SAMPLE_RATE}")
    features = model_checks.read_features(description, file)
    fusion = model_checks.read_fusion(description, file)
    config = model_checks.read_hyper(description, file)
    weights_file = folder / WEIGHTS_FILE
    try:
        content = weights_file.read_bytes()
    except OSError as error:
        raise ModelError(f"{weights_file}: cannot be read ({error.strerror})") from error
    if hashlib.sha256(content).hexdigest() != description.get("sha256"):
        raise ModelError(
            f"{weights_file}: sha256 differs from the one in {DESCRIPTION_FILE}; "
            "the file is damaged or was replaced, install the model again"
        )
    try:
        network = build_network(str(description["network"]), asdict(config))
    except ModelError as error:
        raise ModelError(f"{file}: {error}") from error
    try:
        network.load_state_dict(unpack(load(content)))
    except (SafetensorError, RuntimeError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"{weights_file}: does not fit {DESCRIPTION_FILE} ({reason})") from error
    network.eval()
    streaming = cast("StreamingNetwork", network)
    model_checks.check_fit(streaming, config, classes, features, fusion, file)
    return Model(
        name=str(description.get("name", folder.name)),
        classes=classes,
        network=streaming,
        features=features,
        fusion=fusion,
        description=description,
        version=description_sha256(folder)[:VERSION_DIGITS],
    )


def save_model(
    folder: Path,
    *,
    name: str,
    network_name: str,
    network: nn.Module,
    hyper: Mapping[str, Any],
    classes: tuple[str, ...],
    features: FeatureConfig,
    fusion: FusionConfig,
    training: Mapping[str, Any],
    scores: Mapping[str, Any],
) -> None:
    """Write ``model.safetensors`` and ``model.toml`` into ``folder`` (made when missing).

    A model that was there is whole until both are written. Who reads between the two replacements,
    or finds the folder after a kill just there, is told that the sha256 differs.

    Raises:
        OSError: they cannot be written.
    """
    from safetensors.torch import save

    from realtime_ser.networks import network_config

    folder.mkdir(parents=True, exist_ok=True)
    content = save(pack(network))
    description = {
        "format": FORMAT,
        "name": name,
        "network": network_name,
        "classes": list(classes),
        "sample_rate": SAMPLE_RATE,
        "sha256": hashlib.sha256(content).hexdigest(),
        # Defaults, too: they may change, and not all of them show in the shape of a weight.
        "hyper": asdict(network_config(network_name, hyper)),
        "features": asdict(features),
        "fusion": asdict(fusion),
        "training": dict(training),
        "scores": dict(scores),
    }
    replace_files(
        {
            folder / WEIGHTS_FILE: content,
            folder / DESCRIPTION_FILE: tomli_w.dumps(description).encode(),
        }
    )


def round_rows(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """A matrix as int8, and the scale of every row: a quarter of the file.

    What was rounded before comes out as it went in, so that frozen weights do not drift.
    """
    import torch

    scale = matrix.flatten(1).abs().amax(dim=1).clamp(min=1e-12) / torch.iinfo(torch.int8).max
    rows = scale.view(-1, *[1] * (matrix.ndim - 1))
    return torch.round(matrix / rows).to(torch.int8), scale


def restore_rows(rounded: Tensor, scale: Tensor) -> Tensor:
    """The inverse of ``round_rows``."""
    return rounded.float() * scale.view(-1, *[1] * (rounded.ndim - 1))


def pack(network: nn.Module) -> dict[str, Tensor]:
    """Weight matrices rounded; biases, norms and buffers are small and stay as they are."""
    matrices = {name for name, value in network.named_parameters() if value.ndim > 1}
    packed: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        if name in matrices:
            packed[name], packed[name + SCALE] = round_rows(value.detach().cpu())
        else:
            packed[name] = value.detach().cpu().contiguous()
    return packed


def round_weights(network: nn.Module) -> None:
    """Make the weights of a network those that a model file will hold of it."""
    network.load_state_dict(unpack(pack(network)))


def unpack(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of a network, out of what a model file holds."""
    return {
        name: restore_rows(value, stored[name + SCALE]) if name + SCALE in stored else value
        for name, value in stored.items()
        if not (name.endswith(SCALE) and name.removesuffix(SCALE) in stored)
    }


def _shipped_root() -> Path:
    """``models/`` of a checkout, or the copy inside an installed wheel."""
    package = Path(__file__).resolve().parent
    installed = package / "_models"
    return installed if installed.is_dir() else package.parent / "models"
