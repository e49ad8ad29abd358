"""A training recipe: everything that decides what a trained network will be, read from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from realtime_ser.config import SegmentConfig, VadConfig
from realtime_ser.errors import ConfigError
from realtime_ser.features import FeatureConfig

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataRecipe:
    """Which recordings."""

    index: str
    """Path of the index, relative to the folder the command is run in."""
    corpora: tuple[str, ...]
    fold_corpus: str
    """The corpus whose folds are held out in turn."""
    folds: tuple[str, ...]
    validation_speakers: int = 6
    """Speakers of ``fold_corpus`` kept out of training for fusion weights and temperature."""


@dataclass(frozen=True, slots=True)
class OptimizerRecipe:
    """AdamW with one cycle of the learning rate (Smith & Topin 2018, arXiv 1708.07120)."""

    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 2e-3
    warm_up: float = 0.15
    """Share of all steps in which the rate rises."""
    weight_decay: float = 1e-2
    gradient_norm: float = 2.0
    votes: float = 0.0
    """Share of the target that the listeners' votes make, 0 to 1."""


@dataclass(frozen=True, slots=True)
class AugmentRecipe:
    """What is changed at random in training."""

    speeds: tuple[float, ...] = (0.9, 1.0, 1.1)
    """Playback speeds (pitch changes with them); 1.0 must be one of them."""
    noise_folder: str = ""
    """Folder of noise recordings; one more variant of every example gets noise from it."""
    noise_snr_db: tuple[float, ...] = (5.0, 20.0)
    crop: float = 0.5
    """Share of examples cut to a random stretch of at least ``crop_units``."""
    crop_units: int = 11
    tilt: float = 0.5
    """Deviation, in nepers of power, of a smooth random equaliser."""
    mixup: float = 0.0
    """Parameter of the beta distribution (Zhang et al. 2018, arXiv 1710.09412); 0: none."""
    mel_masks: int = 2
    mel_mask_bands: int = 10
    time_masks: int = 2
    time_mask_frames: int = 20
    """SpecAugment (Park et al. 2019, arXiv 1904.08779)."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One network's training."""

    name: str
    network: str
    classes: tuple[str, ...]
    data: DataRecipe
    seed: int = 0
    hyper: Mapping[str, Any] = field(default_factory=dict)
    features: FeatureConfig = field(default_factory=FeatureConfig)
    vad: VadConfig = field(default_factory=VadConfig)
    """Finds the speech in the recordings, as in the live program."""
    segments: SegmentConfig = field(default_factory=SegmentConfig)
    optimizer: OptimizerRecipe = field(default_factory=OptimizerRecipe)
    augment: AugmentRecipe = field(default_factory=AugmentRecipe)


_TABLES: dict[str, type[Any]] = {
    "data": DataRecipe,
    "features": FeatureConfig,
    "vad": VadConfig,
    "segments": SegmentConfig,
    "optimizer": OptimizerRecipe,
    "augment": AugmentRecipe,
}


def read_recipe(file: Path) -> Recipe:
    """Read a recipe such as ``configs/train/multiscale_lstm.toml``.

    Raises:
        ConfigError: unreadable, or a key that is unknown, missing or of the wrong type.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file}: not a readable TOML file ({error})") from error
    values: dict[str, Any] = {}
    for key, value in content.items():
        kind = _TABLES.get(key)
        values[key] = _make(kind, value, f"{file}: [{key}]") if kind else _tuples(value)
    recipe: Recipe = _make(Recipe, values, str(file))
    return recipe


def _make(kind: type[Any], values: Any, where: str) -> Any:
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} must be a table")
    known = {f.name for f in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(sorted(known))}")
    try:
        return kind(**{key: _tuples(value) for key, value in values.items()})
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from error


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
