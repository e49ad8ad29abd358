"""A model made at home in somebody's own recordings: what ``train --init`` does."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from realtime_ser.errors import ConfigError, DataError
from realtime_ser.models import load_model, read_description, round_weights, save_model
from realtime_ser.training import checkpoint
from realtime_ser.training.calibrate import calibrate
from realtime_ser.training.card import write_card
from realtime_ser.training.examples import ExampleMaker
from realtime_ser.training.index import check_recordings, read_index
from realtime_ser.training.listening import Listener
from realtime_ser.training.loop import Trainer
from realtime_ser.training.recipe import AugmentRecipe, DataRecipe, OptimizerRecipe, Recipe
from realtime_ser.training.seen import corpora_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import nn

    from realtime_ser.models import Model
    from realtime_ser.training.examples import Example
    from realtime_ser.training.index import Clip
    from realtime_ser.training.run import Progress

RUN = "tuned"
FEWEST_TO_TUNE = 3
"""Speakers: two to learn from, one to stop early on."""
FEWEST_TO_CLAIM = 10
"""Speakers from which some can be kept out of everything, so that a score may be stated."""
SHARE = 0.2
"""Of the speakers, to stop early on; and as many again to score."""
TUNING = OptimizerRecipe(epochs=15, learning_rate=3e-4, patience=4)
AUGMENTATION = AugmentRecipe(conditions=("telephone", "room", "microphone"))


@dataclass(frozen=True, slots=True)
class Parts:
    """Clips, disjoint in speakers."""

    train: tuple[Clip, ...]
    validation: tuple[Clip, ...]
    test: tuple[Clip, ...]
    """Empty where there are too few speakers for a claim."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came of it."""

    folder: Path
    speakers: int
    silent: int
    """Clips in which no speech was found: nothing is learned from them, and a score counts them as
    wrong."""
    test_speakers: int
    """Kept out of everything, so that they can be scored."""
    test_clips: int
    before: float | None
    """UAR on the test speakers, mean of strangers and known speakers; None where there are none."""
    after: float | None

    @property
    def verdict(self) -> str:
        """What may be said of it."""
        if self.before is None or self.after is None:
            return (
                f"no claim: {self.speakers} speakers are too few to keep some out and score them; "
                f"that takes {FEWEST_TO_CLAIM}"
            )
        verb = "better" if self.after > self.before else "NO better; keep the model you had"
        return (
            f"UAR on speakers kept out ({self.test_speakers} speakers, {self.test_clips} clips, "
            f"mean of strangers and known speakers) {self.before:.3f} -> {self.after:.3f}: {verb}"
        )


def tune(
    model: Path, index: Path, output: Path, device: torch.device, progress: Progress, seed: int = 0
) -> Tuned:
    """Go on training a model with other recordings.

    Args:
        model: folder of the model to start from; it is left as it is.
        index: of the recordings; every corpus in it is used.
        output: a folder; ``model/`` below it is the result, and replaces an earlier one.
        device: where to train.
        progress: told what happens.
        seed: of the split, the order and the changes.

    Raises:
        ConfigError: ``output`` holds the model to start from, or a checkpoint of other recordings.
        DataError: too few speakers, no clips with the model's classes, recordings that cannot be
            used.
        ModelError: the model cannot be used.
        OSError: the disk is full, say.
    """
    result_folder = output / "model"
    if result_folder.exists() and result_folder.samefile(model):
        raise ConfigError(
            f"--output {output}: holds the model to start from, which the result would replace; "
            "use another --output"
        )
    base = load_model(model)
    listed = read_index(index)
    clips = [clip for clip in listed if clip.emotion in base.classes]
    people = sorted({clip.person for clip in clips})
    if len(people) < FEWEST_TO_TUNE:
        raise DataError(
            f"{index}: {len(people)} speakers with emotions of the model "
            f"({', '.join(base.classes)}); {FEWEST_TO_TUNE} are needed"
        )
    check_recordings(clips, index)
    if unknown := Counter(clip.emotion for clip in listed if clip.emotion not in base.classes):
        named = ", ".join(f"{n} of {emotion!r}" for emotion, n in sorted(unknown.items()))
        progress.say(
            f"{unknown.total()} clips have emotions that the model lacks and are left out: {named}"
        )
    recipe = _recipe(base, clips, index, seed)
    parts = split_people(clips, seed)
    digest = checkpoint.digest_of(recipe, parts.train, parts.validation, base.sha256)
    checkpoint.read(
        output, digest, device, "other recordings, another model or another version than this time"
    )
    network = cast("nn.Module", base.network)
    cache = output / "examples"
    maker = ExampleMaker(recipe, base.network, cache)
    progress.say(f"features of {len(clips)} clips, kept in {cache}")
    examples = maker.make(clips, progress.clips("features", len(clips)))
    network.to(device)
    torch.manual_seed(seed)

    def of(chosen: Sequence[Clip]) -> list[Example]:
        paths = {clip.path for clip in chosen}
        return [example for example in examples if example.clip.path in paths]

    training, validation = of(parts.train), of(parts.validation)
    if not training or not validation:
        raise DataError(f"{index}: no speech was found in the clips to learn from")
    test_speakers = len({clip.person for clip in parts.test})
    if parts.test:
        kept_out = f"{len(parts.test)} clips of {test_speakers} speakers kept out"
        progress.say(f"scoring {base.name} on {kept_out}")
    before = _score(Listener(network, recipe, device), base.fusion, parts.test, of(parts.test))
    trainer = Trainer(
        recipe, network, training, validation, device, output, digest, pretrained=True
    )
    trainer.run(lambda epoch: progress.epoch(recipe.name, RUN, epoch, recipe.optimizer.epochs))
    progress.say("calibrating and scoring what was learned")
    round_weights(trainer.network)  # what is calibrated and scored is what is saved
    fusion = calibrate([trainer.listener.answers(validation)], base.classes)
    after = _score(trainer.listener, fusion, parts.test, of(parts.test))
    result = Tuned(
        folder=result_folder,
        speakers=len(people),
        silent=len(clips) - len({example.clip.path for example in examples}),
        test_speakers=test_speakers,
        test_clips=len(parts.test),
        before=before,
        after=after,
    )
    scores = {} if before is None else {"before_uar": round(before, 4), "uar": round(after or 0, 4)}
    save_model(
        result.folder,
        name=f"{base.name}-tuned",
        network_name=recipe.network,
        network=trainer.network,
        hyper=recipe.hyper,
        classes=base.classes,
        features=base.features,
        fusion=fusion,
        training=_provenance(base, recipe, parts, trainer, device),
        scores=scores,
    )
    parameters = sum(p.numel() for p in trainer.network.parameters())
    note = _note(base.name, parts, result.verdict)
    write_card(result.folder, read_description(result.folder), parameters, note=note)
    return result


def split_people(clips: Sequence[Clip], seed: int) -> Parts:
    """Some speakers to learn from, some to stop early on, and some to score if there are enough."""
    people = sorted({clip.person for clip in clips})
    order = [people[i] for i in np.random.default_rng(seed).permutation(len(people))]
    n = max(1, round(SHARE * len(people)))
    validating = set(order[:n])
    testing = set(order[n : 2 * n]) if len(people) >= FEWEST_TO_CLAIM else set()
    return Parts(
        train=tuple(clip for clip in clips if clip.person not in validating | testing),
        validation=tuple(clip for clip in clips if clip.person in validating),
        test=tuple(clip for clip in clips if clip.person in testing),
    )


def _recipe(base: Model, clips: Sequence[Clip], index: Path, seed: int) -> Recipe:
    corpora = tuple(sorted({clip.corpus for clip in clips}))
    return Recipe(
        name=RUN,
        network=str(base.description["network"]),
        classes=base.classes,
        data=DataRecipe(str(index), corpora, fold_corpus=corpora[0], folds=()),
        seed=seed,
        hyper=base.description["hyper"],
        features=base.features,
        optimizer=TUNING,
        augment=AUGMENTATION,
    )


def _score(
    listener: Listener, fusion: Any, clips: Sequence[Clip], examples: Sequence[Example]
) -> float | None:
    if not clips:
        return None
    return listener.uar_of_both(clips, examples, fusion)


def _note(base: str, parts: Parts, verdict: str) -> str:
    """The card's section on where the model and the recordings come from."""
    corpora = ", ".join(sorted({clip.corpus for clip in parts.train}))
    speakers = len({clip.person for clip in parts.train})
    return (
        f"## Tuned\nTrained on from `{base}` with recordings of whoever tuned it: "
        f"{len(parts.train)} clips of {speakers} speakers ({corpora}).\n"
        f"Whatever else is listed above is what `{base}` was made from.\n"
        f"The speakers that it was calibrated on also decided when to stop, so it may be surer of\n"
        f"itself than it should be, most of all where they are one or two.\n"
        f"{verdict[0].upper()}{verdict[1:]}.\n\n"
    )


def _provenance(
    base: Model, recipe: Recipe, parts: Parts, trainer: Trainer, device: torch.device
) -> dict[str, Any]:
    earlier = corpora_of(base.description.get("training"))
    licences = {clip.corpus: clip.licence for clip in parts.train}
    counts = Counter(clip.corpus for clip in parts.train)
    return {
        "run": RUN,
        "base": base.name,
        "base_sha256": base.sha256,
        "seed": recipe.seed,
        "epochs": len(trainer.log),
        "seconds": round(sum(epoch.seconds for epoch in trainer.log)),
        "device": str(device),
        "validation_speakers": sorted({clip.speaker for clip in parts.validation}),
        "corpora": [
            *earlier,
            *(
                {"name": name, "clips": n, "licence": licences[name] or "not told"}
                for name, n in sorted(counts.items())
                if name not in {entry["name"] for entry in earlier}
            ),
        ],
    }
