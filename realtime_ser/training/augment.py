"""Random changes in training, and batches of changed examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from realtime_ser.training.examples import Example, Variant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.features import FrontEnd
    from realtime_ser.training.recipe import AugmentRecipe

TILT_POINTS = 5
MIXED_BATCHES = 0.5
"""Share of batches that mixup is applied to."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples side by side, padded to the longest."""

    mel: Tensor
    """(batch, 3, frames, n_mels)"""
    slow: Tensor
    """(batch, units, width)"""
    units: Tensor
    """(batch,) units each example has."""
    targets: Tensor
    """(batch, n_classes) probabilities."""


class Batcher:
    """Makes batches; without a recipe they are left as they are."""

    def __init__(
        self,
        front_end: FrontEnd,
        frames_per_unit: int,
        recipe: AugmentRecipe | None,
        rng: np.random.Generator,
    ) -> None:
        self._front_end = front_end
        self._unit = frames_per_unit
        self._recipe = recipe
        self._rng = rng

    def make(self, examples: Sequence[Example], targets: Tensor) -> Batch:
        """A batch.

        Args:
            examples: what to put into it.
            targets: (batch, n_classes) probabilities.
        """
        recipe = self._recipe
        chosen = [self._vary(example, recipe) if recipe else example.variants[0]
                  for example in examples]  # fmt: skip
        lengths = [len(variant.slow) for variant in chosen]
        longest = max(lengths)
        power = torch.zeros(len(chosen), longest * self._unit, self._front_end.n_bands)
        slow = torch.zeros(len(chosen), longest, chosen[0].slow.shape[1])
        for i, variant in enumerate(chosen):
            n = lengths[i]
            power[i, : n * self._unit] = torch.from_numpy(variant.log_power).float().exp()
            slow[i, :n] = torch.from_numpy(variant.slow)
        n_mels = self._front_end.config.n_mels
        if recipe and recipe.tilt > 0.0:
            power[..., :n_mels] *= self._equaliser(len(chosen), n_mels, recipe.tilt)
        features, _ = self._front_end.features(power, self._front_end.initial_state(len(chosen)))
        batch = Batch(features.mel, slow, torch.tensor(lengths), targets)
        if recipe:
            self._mask(batch, recipe)
            if recipe.mixup > 0.0 and self._rng.random() < MIXED_BATCHES:
                batch = self._mix(batch, recipe.mixup)
        return batch

    def _vary(self, example: Example, recipe: AugmentRecipe) -> Variant:
        """A random variant, sometimes a random stretch of it."""
        rng = self._rng
        variant = example.variants[int(rng.integers(len(example.variants)))]
        units = len(variant.slow)
        if units <= recipe.crop_units or rng.random() >= recipe.crop:
            return variant
        n = int(rng.integers(recipe.crop_units, units))
        start = int(rng.integers(0, units - n + 1))
        frames = slice(start * self._unit, (start + n) * self._unit)
        return Variant(variant.log_power[frames], variant.slow[start : start + n])

    def _equaliser(self, n: int, n_mels: int, deviation: float) -> Tensor:
        """Power gains of random smooth equalisers: (n, 1, n_mels)."""
        knots = self._rng.normal(0.0, deviation, (n, TILT_POINTS))
        positions = np.linspace(0, TILT_POINTS - 1, n_mels)
        curves = np.stack([np.interp(positions, np.arange(TILT_POINTS), k) for k in knots])
        return torch.from_numpy(np.exp(curves)).float()[:, None, :]

    def _mask(self, batch: Batch, recipe: AugmentRecipe) -> None:
        """SpecAugment, in place."""
        rng, mel = self._rng, batch.mel
        for i in range(len(mel)):
            frames = int(batch.units[i]) * self._unit
            for _ in range(recipe.mel_masks):
                width = int(rng.integers(0, recipe.mel_mask_bands))
                start = int(rng.integers(0, mel.shape[3] - width))
                mel[i, :, :, start : start + width] = 0.0
            for _ in range(recipe.time_masks):
                width = int(rng.integers(0, recipe.time_mask_frames))
                start = int(rng.integers(0, max(1, frames - width)))
                mel[i, :, start : start + width] = 0.0

    def _mix(self, batch: Batch, parameter: float) -> Batch:
        """Mixup of the batch with itself in another order."""
        share = self._rng.beta(parameter, parameter)
        order = torch.from_numpy(self._rng.permutation(len(batch.units)))

        def mixed(tensor: Tensor) -> Tensor:
            return share * tensor + (1.0 - share) * tensor[order]

        return Batch(
            mixed(batch.mel),
            mixed(batch.slow),
            torch.maximum(batch.units, batch.units[order]),
            mixed(batch.targets),
        )
