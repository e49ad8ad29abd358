"""Random changes in training: speed, noise, length, an equaliser, masks, mixup."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from realtime_ser.training.examples import Variant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from realtime_ser.training.batches import Batch, Batcher
    from realtime_ser.training.examples import Example
    from realtime_ser.training.histories import Histories
    from realtime_ser.training.recipe import AugmentRecipe

TILT_POINTS = 5
MIXED_BATCHES = 0.5
"""Share of batches that mixup is applied to."""


def batches_in(examples: int, size: int) -> int:
    """Batches of an epoch; one that is not full only where there is no other."""
    return max(1, examples // size)


class Augmenter:
    """Draws the batches of an epoch."""

    def __init__(
        self,
        batcher: Batcher,
        recipe: AugmentRecipe,
        rng: np.random.Generator,
        histories: Histories | None = None,
    ) -> None:
        """Prepare.

        Args:
            batcher: makes the batches.
            recipe: what to change, and how much.
            rng: what chance is drawn from.
            histories: of the examples of all epochs; None where the network does not adapt.
        """
        self._batcher = batcher
        self._recipe = recipe
        self._rng = rng
        self._histories = histories

    def epoch(
        self, examples: Sequence[Example], targets: Tensor, size: int
    ) -> Iterator[tuple[Batch, Tensor]]:
        """Examples in random order, changed, in batches of like length, with their targets.

        The examples of a batch are cut to the shortest of them, so that batch normalisation sees
        no padding. What does not fill a batch, drawn at random, waits for another epoch.

        Args:
            examples: to learn from.
            targets: (len(examples), n_classes) probabilities.
            size: examples in a batch.
        """
        n = batches_in(len(examples), size)
        drawn = self._rng.permutation(len(examples))[: n * size]
        which = [self._variant(len(examples[i].variants)) for i in drawn]
        varied = [self._cropped(examples[i].variants[v]) for i, v in zip(drawn, which, strict=True)]
        by_length = np.argsort([len(variant.slow) for variant in varied], kind="stable")
        for position in self._rng.permutation(n):
            chosen = by_length[position * size : (position + 1) * size]
            shortest = len(varied[chosen[0]].slow)
            batch = self._make([self._stretch(varied[i], shortest) for i in chosen])
            if self._histories is not None:
                variants = [which[i] for i in chosen]
                past = self._histories.draw(drawn[chosen].tolist(), variants, self._rng)
                batch = replace(batch, past=past)
            yield self._mixed(batch, targets[drawn[chosen]])

    def _variant(self, variants: int) -> int:
        """One of the speeds, which come first, or of the degraded variants."""
        speeds = len(self._recipe.speeds)
        if variants > speeds and self._rng.random() < self._recipe.degraded:
            return int(self._rng.integers(speeds, variants))
        return int(self._rng.integers(min(speeds, variants)))

    def _cropped(self, variant: Variant) -> Variant:
        """Sometimes a random stretch of it."""
        rng, recipe = self._rng, self._recipe
        units = len(variant.slow)
        if units <= recipe.crop_units or rng.random() >= recipe.crop:
            return variant
        return self._stretch(variant, int(rng.integers(recipe.crop_units, units)))

    def _stretch(self, variant: Variant, units: int) -> Variant:
        """A random stretch of ``units`` units."""
        start = int(self._rng.integers(0, len(variant.slow) - units + 1))
        unit = self._batcher.frames_per_unit
        frames = slice(start * unit, (start + units) * unit)
        return Variant(variant.log_power[frames], variant.slow[start : start + units])

    def _make(self, variants: Sequence[Variant]) -> Batch:
        n_mels = self._batcher.front_end.config.n_mels
        tilt = self._recipe.tilt
        if n_mels == 0:
            return self._batcher.make(variants)
        gains = self._equaliser(len(variants), n_mels, tilt) if tilt > 0.0 else None
        batch = self._batcher.make(variants, gains)
        self._mask(batch.mel)
        return batch

    def _equaliser(self, n: int, n_mels: int, deviation: float) -> Tensor:
        """Power gains of random smooth equalisers: (n, 1, n_mels)."""
        knots = self._rng.normal(0.0, deviation, (n, TILT_POINTS))
        positions = np.linspace(0, TILT_POINTS - 1, n_mels)
        curves = np.stack([np.interp(positions, np.arange(TILT_POINTS), k) for k in knots])
        return torch.from_numpy(np.exp(curves)).float()[:, None, :]

    def _mask(self, mel: Tensor) -> None:
        """SpecAugment, in place."""
        rng, recipe = self._rng, self._recipe
        for spectrogram in mel:
            for _ in range(recipe.mel_masks):
                width = int(rng.integers(0, recipe.mel_mask_bands))
                start = int(rng.integers(0, mel.shape[3] - width))
                spectrogram[:, :, start : start + width] = 0.0
            for _ in range(recipe.time_masks):
                width = int(rng.integers(0, recipe.time_mask_frames))
                start = int(rng.integers(0, max(1, mel.shape[2] - width)))
                spectrogram[:, start : start + width] = 0.0

    def _mixed(self, batch: Batch, targets: Tensor) -> tuple[Batch, Tensor]:
        """Mixup, where it is wanted, of the batch with itself in another order."""
        parameter = self._recipe.mixup
        if parameter == 0.0 or self._rng.random() >= MIXED_BATCHES:
            return batch, targets
        share = self._rng.beta(parameter, parameter)
        order = torch.from_numpy(self._rng.permutation(len(targets)))

        def mixed(tensor: Tensor) -> Tensor:
            return share * tensor + (1.0 - share) * tensor[order]

        past = {key: mixed(value) for key, value in batch.past.items()}
        mel, slow = mixed(batch.mel), mixed(batch.slow)
        return replace(batch, mel=mel, slow=slow, past=past), mixed(targets)
