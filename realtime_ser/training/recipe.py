"""A training recipe: everything that decides what a trained network will be, read from TOML."""

from __future__ import annotations

import hashlib
import json
import typing
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from realtime_ser.config import SegmentConfig, VadConfig, coerce
from realtime_ser.errors import ConfigError
from realtime_ser.features import FeatureConfig
from realtime_ser.toml import read_toml
from realtime_ser.training.recipe_checks import RecipeError, check

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
    """Speakers of ``fold_corpus`` kept out of training: for fusion weights and temperatures, or as
    a check where the siblings' held-out folds serve for these."""


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
    patience: int = 0
    """Epochs without a better validation loss after which training ends with the best weights so
    far; 0: it goes on to the last epoch and keeps those weights."""
    average: float = 0.0
    """Share that a step leaves of the running mean of the weights, in the first steps less; that
    mean is the result (Polyak & Juditsky 1992, doi 10.1137/0330046). 0: the last weights are."""
    votes: float = 0.0
    """Share of the target that the listeners' votes make, 0 to 1."""


@dataclass(frozen=True, slots=True)
class HistoryRecipe:
    """What the speaker of an example is taken to have said before; for networks that adapt."""

    cold: float = 0.3
    """Share of examples without a past."""
    call: float = 0.5
    """Share of the others whose past is mostly neutral."""
    longest: int = 40
    """Clips of a past at most; any number up to it is drawn, few more often than many."""


@dataclass(frozen=True, slots=True)
class AugmentRecipe:
    """What is changed at random in training."""

    speeds: tuple[float, ...] = (0.9, 1.0, 1.1)
    """Playback speeds (pitch changes with them); 1.0 must be one of them."""
    noise_folder: str = ""
    """Folder of noise recordings; one more variant of every example gets noise from it."""
    noise_snr_db: tuple[float, ...] = (5.0, 20.0)
    noise_folds: bool = False
    """What stands before the first ``-`` in the name of a noise recording is its fold, and a clip
    is heard only in noise of the run that holds it out: no run knows the noise of its own fold."""
    coloured_noise: bool = False
    """One more variant of every example gets made-up noise, white to brown."""
    conditions: tuple[str, ...] = ()
    """As ``evaluate --degrade`` takes them; each makes one more variant of every example."""
    other_voices: float = 0.0
    """Every second stranger is shifted by at most this share of the difference between two voices
    of a corpus; for networks that adapt."""
    degraded: float = 0.25
    """Share of examples heard in noise or a condition, where there are any; the others are heard at
    one of the speeds."""
    crop: float = 0.5
    """Share of examples cut to a random stretch of at least ``crop_units``; after that the examples
    of a batch, which are of like length, are cut to the shortest of them."""
    crop_units: int = 11
    tilt: float = 0.5
    """Deviation, in nepers of power, of a smooth random equaliser before a mel branch."""
    mixup: float = 0.0
    """Parameter of the beta distribution (Zhang et al. 2018, arXiv 1710.09412); 0: none."""
    mel_masks: int = 2
    mel_mask_bands: int = 10
    time_masks: int = 2
    time_mask_frames: int = 20
    """SpecAugment (Park et al. 2019, arXiv 1904.08779), of what a mel branch hears."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One network's training.

    Raises:
        ConfigError: a value that no training could work with.
    """

    name: str
    network: str
    classes: tuple[str, ...]
    data: DataRecipe
    seed: int = 0
    hyper: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of the network, but for those that follow from the rest of the recipe."""
    trunk: str = "default"
    """Whose speech trunk the network gets: a model, or a file of ``scripts/import_whisper.py``."""
    features: FeatureConfig = field(default_factory=FeatureConfig)
    vad: VadConfig = field(default_factory=VadConfig)
    """Finds the speech in the recordings."""
    segments: SegmentConfig = field(default_factory=SegmentConfig)
    optimizer: OptimizerRecipe = field(default_factory=OptimizerRecipe)
    augment: AugmentRecipe = field(default_factory=AugmentRecipe)
    history: HistoryRecipe = field(default_factory=HistoryRecipe)
    file: str = field(default="", compare=False)
    """Where it was read from, for messages; no setting, and so no key of that file."""

    def __post_init__(self) -> None:
        check(self)

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.file or f"recipe {self.name}"

    @property
    def sha256(self) -> str:
        """Of everything but where the index and the recipe itself lie."""
        content = asdict(replace(self, data=replace(self.data, index="")))
        del content["file"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def parameters(self) -> dict[str, Any]:
        """All parameters of the network."""
        return {**self.hyper, **self.derived}

    @property
    def derived(self) -> dict[str, int]:
        """Parameters of the network that follow from classes and features."""
        return {"n_classes": len(self.classes), "n_mels": self.features.n_mels}


_TABLES: dict[str, type[Any]] = {
    "data": DataRecipe,
    "features": FeatureConfig,
    "vad": VadConfig,
    "segments": SegmentConfig,
    "optimizer": OptimizerRecipe,
    "augment": AugmentRecipe,
    "history": HistoryRecipe,
}


def read_recipe(file: Path) -> Recipe:
    """Read a recipe such as ``configs/train/multiscale_lstm.toml``.

    Raises:
        ConfigError: unreadable, or a key that is unknown, missing, of the wrong type or out of
            range.
    """
    try:
        content = read_toml(file)
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"{file}: cannot be read ({reason}); check the path") from error
    except ValueError as error:
        raise ConfigError(f"{file}: not a readable TOML file ({error})") from error
    values: dict[str, Any] = {}
    for key, value in content.items():
        kind = _TABLES.get(key)
        values[key] = _make(kind, value, f"{file}: [{key}]") if kind else value
    try:
        recipe: Recipe = _make(Recipe, values, str(file))
    except RecipeError as error:
        raise ConfigError(f"{file}: {error}") from error
    return replace(recipe, file=str(file))


def _make(kind: type[Any], values: Any, where: str) -> Any:
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} must be a table")
    known = {f.name: f for f in fields(kind) if f.compare}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(sorted(known))}")
    for name, f in known.items():
        if name not in values and f.default is MISSING and f.default_factory is MISSING:
            raise ConfigError(f"{where}: key {name!r} is missing")
    hints = typing.get_type_hints(kind)
    return kind(**{key: _typed(value, hints[key], where, key) for key, value in values.items()})


def _typed(value: Any, kind: Any, where: str, key: str) -> Any:
    if kind in _TABLES.values():
        return value
    if typing.get_origin(kind) is Mapping:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: [{key}] must be a table")
        return value
    return coerce(value, kind, where, key)
