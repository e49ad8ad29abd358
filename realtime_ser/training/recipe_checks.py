"""What the values of a recipe may be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from realtime_ser.config import Config
from realtime_ser.errors import ConfigError
from realtime_ser.training.splits import BETWEEN, FINAL, folds_of
from realtime_ser.types import EMOTIONS

if TYPE_CHECKING:
    from realtime_ser.training.recipe import Recipe


class RecipeError(ConfigError):
    """A value that no training could work with; the text does not know the file."""


def is_folder_name(text: str) -> bool:
    """Whether a recipe or a fold may be called so: each has a folder of its name."""
    return re.fullmatch(r"\w[\w.-]*", text) is not None


def check(recipe: Recipe) -> None:
    """Refuse what would end in a traceback or in a network that learned nothing.

    Raises:
        RecipeError: names the key.
    """
    try:
        Config(vad=recipe.vad, segments=recipe.segments)
    except ConfigError as error:
        raise RecipeError(str(error)) from None
    for key, value, low, high in _ranges(recipe):
        if not low <= value <= high:
            raise RecipeError(f"{key} = {value} is outside {low:g} to {high:g}")
    classes, augment = recipe.classes, recipe.augment
    for key, names in (("name", [recipe.name]), ("data.folds", recipe.data.folds)):
        for name in names:
            if not is_folder_name(name):
                raise RecipeError(f"{key} = {name!r} must be letters, digits, '_', '-' and '.'")
    if len(set(classes)) != len(classes) or len(classes) < 2 or not set(classes) <= set(EMOTIONS):
        raise RecipeError(f"classes must be two or more different ones of {', '.join(EMOTIONS)}")
    folds = recipe.data.folds
    if len(set(folds)) != len(folds) or any(folds_of(fold) != (fold,) for fold in folds):
        raise RecipeError(f"data.folds must be different names, without {BETWEEN!r} or {FINAL!r}")
    corpora = recipe.data.corpora
    if corpora and recipe.data.fold_corpus not in corpora:
        raise RecipeError(
            f"data.fold_corpus = {recipe.data.fold_corpus!r} is not one of data.corpora "
            f"({', '.join(corpora)})"
        )
    if 1.0 not in augment.speeds:
        raise RecipeError("augment.speeds must contain 1.0")
    if len(augment.noise_snr_db) != 2 or augment.noise_snr_db[0] > augment.noise_snr_db[1]:
        raise RecipeError("augment.noise_snr_db must be two numbers, the lower one first")
    if augment.noise_folds and not augment.noise_folder:
        raise RecipeError("augment.noise_folds: needs augment.noise_folder")
    for key, value in recipe.derived.items():
        if recipe.hyper.get(key, value) != value:
            raise RecipeError(
                f"hyper.{key} must be {value}, as classes and features say; remove it"
            )


def _ranges(recipe: Recipe) -> list[tuple[str, float, float, float]]:
    """Key, value and the limits that it must keep."""
    features, optimizer, augment = recipe.features, recipe.optimizer, recipe.augment
    history = recipe.history
    return [
        ("seed", recipe.seed, 0, 2**32 - 1),
        ("data.validation_speakers", recipe.data.validation_speakers, 1, 1e6),
        *((f"features.{key}", v, low, high) for key, v, low, high in features.ranges()),
        ("optimizer.epochs", optimizer.epochs, 1, 1e6),
        ("optimizer.batch_size", optimizer.batch_size, 1, 1e6),
        ("optimizer.learning_rate", optimizer.learning_rate, 1e-12, 100.0),
        ("optimizer.warm_up", optimizer.warm_up, 0.0, 1.0),
        ("optimizer.weight_decay", optimizer.weight_decay, 0.0, 100.0),
        ("optimizer.gradient_norm", optimizer.gradient_norm, 1e-12, 1e12),
        ("optimizer.patience", optimizer.patience, 0, 1e6),
        ("optimizer.average", optimizer.average, 0.0, 0.99999),
        ("optimizer.votes", optimizer.votes, 0.0, 1.0),
        *(("augment.speeds", speed, 0.25, 4.0) for speed in augment.speeds),
        *(("augment.noise_snr_db", ratio, -100.0, 100.0) for ratio in augment.noise_snr_db),
        ("history.cold", history.cold, 0.0, 1.0),
        ("history.call", history.call, 0.0, 1.0),
        ("history.longest", history.longest, 1, 1e6),
        ("augment.other_voices", augment.other_voices, 0.0, 100.0),
        ("augment.degraded", augment.degraded, 0.0, 1.0),
        ("augment.crop", augment.crop, 0.0, 1.0),
        ("augment.crop_units", augment.crop_units, 1, 1e6),
        ("augment.tilt", augment.tilt, 0.0, 10.0),
        ("augment.mixup", augment.mixup, 0.0, 100.0),
        ("augment.mel_masks", augment.mel_masks, 0, 1000),
        ("augment.mel_mask_bands", augment.mel_mask_bands, 1, features.n_mels or 1e6),
        ("augment.time_masks", augment.time_masks, 0, 1000),
        ("augment.time_mask_frames", augment.time_mask_frames, 1, 1e6),
    ]
