from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from realtime_ser.features import FeatureConfig, FrontEnd
from realtime_ser.training.augment import Augmenter, batches_in
from realtime_ser.training.batches import Batcher
from realtime_ser.training.examples import Example, Variant
from realtime_ser.training.index import Clip
from realtime_ser.training.recipe import AugmentRecipe

UNIT = 10
PLAIN = AugmentRecipe(speeds=(1.0,), crop=0.0, tilt=0.0, mel_masks=0, time_masks=0)


def example(number: int, units: int) -> Example:
    """Its slow part says which example it is, and which unit."""
    slow = np.stack([np.full(units, number), np.arange(units)], axis=1).astype(np.float16)
    front_end = FrontEnd(FeatureConfig())
    power = np.zeros((units * UNIT, front_end.n_bands), np.float16)
    clip = Clip(Path(f"{number}.wav"), "made", "s", "sad")
    return Example(clip, (Variant(power, slow),))


def augmenter(recipe: AugmentRecipe, seed: int = 0) -> Augmenter:
    batcher = Batcher(FrontEnd(FeatureConfig()), UNIT)
    return Augmenter(batcher, recipe, np.random.default_rng(seed))


EXAMPLES = [example(i, 3 + (i * 7) % 20) for i in range(35)]
TARGETS = torch.arange(35.0)[:, None].expand(35, 3)


def test_an_epoch_has_every_example_at_most_once_with_its_own_target() -> None:
    seen: list[int] = []
    for batch, targets in augmenter(PLAIN).epoch(EXAMPLES, TARGETS, 8):
        assert len(targets) == 8
        assert batch.slow[:, 0, 0].tolist() == targets[:, 0].tolist()
        seen += [int(number) for number in targets[:, 0]]
    assert len(set(seen)) == len(seen) == 8 * batches_in(35, 8) == 32


def test_no_batch_of_training_is_padded() -> None:
    short = 0
    for batch, _ in augmenter(PLAIN).epoch(EXAMPLES, TARGETS, 8):
        assert len(set(batch.units.tolist())) == 1
        assert batch.mel.shape[2] == batch.units[0] * UNIT
        steps = batch.slow[:, 1:, 1] - batch.slow[:, :-1, 1]
        assert (steps == 1.0).all()  # a stretch is cut, nothing is glued
        short += int(batch.units[0])
    assert short < sum(len(e.variants[0].slow) for e in EXAMPLES) / 8


def test_an_epoch_follows_from_the_generator() -> None:
    recipe = AugmentRecipe(speeds=(1.0,), mixup=0.3)
    one, same, other = (
        [targets.tolist() for _, targets in augmenter(recipe, seed).epoch(EXAMPLES, TARGETS, 8)]
        for seed in (0, 0, 1)
    )
    assert one == same
    assert one != other


@pytest.mark.parametrize(("examples", "size", "batches"), [(35, 8, 4), (8, 8, 1), (3, 8, 1)])
def test_batches_of_an_epoch(examples: int, size: int, batches: int) -> None:
    found = list(augmenter(PLAIN).epoch(EXAMPLES[:examples], TARGETS[:examples], size))
    assert len(found) == batches == batches_in(examples, size)
    assert sum(len(targets) for _, targets in found) == min(examples, batches * size)


def test_a_batch_that_is_not_for_training_is_padded_to_the_longest() -> None:
    batch = Batcher(FrontEnd(FeatureConfig()), UNIT).make([e.variants[0] for e in EXAMPLES[:3]])
    assert batch.units.tolist() == [3, 10, 17]
    assert batch.slow.shape == (3, 17, 2)
    assert (batch.slow[0, 3:] == 0.0).all()
