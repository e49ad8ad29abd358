"""From a recipe and an index to model folders; a run holds out what its name says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import torch
from torch import nn

from realtime_ser.errors import ConfigError, DataError, ModelError
from realtime_ser.fusion import Fusion, FusionConfig
from realtime_ser.model_checks import check_fit
from realtime_ser.models import read_description, round_weights, save_model
from realtime_ser.networks import build_network, network_config
from realtime_ser.networks.speech_trunk import SpeechTrunk
from realtime_ser.training import checkpoint
from realtime_ser.training.calibrate import calibrate, threshold
from realtime_ser.training.card import HELD_OUT_FOLDS, VALIDATION_SPEAKERS, write_card
from realtime_ser.training.examples import Example, ExampleMaker, HalfArray
from realtime_ser.training.index import Clip, check_recordings, of_corpora, read_index
from realtime_ser.training.loop import Epoch, Trainer
from realtime_ser.training.pretrained import load_trunk, trunk_sha256
from realtime_ser.training.siblings import answers_of_siblings
from realtime_ser.training.splits import (
    Split,
    folds_of,
    held_out_of,
    homes_of,
    run_of,
    split_clips,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from realtime_ser.networks.protocol import StreamingNetwork
    from realtime_ser.training.recipe import Recipe


class Progress(Protocol):
    """How the command tells the user where it is."""

    def clips(self, name: str, total: int) -> Callable[[], None]:
        """A stage over ``total`` clips begins; call the result after each."""

    def say(self, text: str) -> None:
        """What begins now, so that nobody takes the silence for a hang."""

    def epoch(self, recipe: str, run: str, epoch: Epoch, total: int) -> None:
        """An epoch of a recipe's run is done."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run."""

    run: str
    folder: Path
    validation_uar: float
    seconds: float
    """Of all its epochs, whatever the sessions they were trained in."""
    held_out_uar: Mapping[str, float]
    """UAR of segments of each held-out fold, mean of strangers and known speakers. Only of runs
    that hold out several: they serve to choose. A fold that is reported is scored by ``evaluate``,
    when nothing is left to choose."""


def train(
    recipe: Recipe,
    index: Path,
    runs: Sequence[str],
    output: Path,
    device: torch.device,
    progress: Progress,
) -> list[Outcome]:
    """Train the runs of a recipe, each resumable.

    Args:
        recipe: what to train.
        index: of the recordings.
        runs: folds to hold out (``1``, ``1+2``), or ``final``.
        output: a folder; each run has its own below it, with ``model/`` as the result.
        device: where to train.
        progress: told what happens.

    Raises:
        DataError, ConfigError, ModelError: what cannot be used.
        OSError: the disk is full, say.
    """
    clips = _clips_of(recipe, index)
    splits = _splits(recipe, clips, runs)
    check_recordings(clips, index)
    network = fresh_network(recipe)
    streaming = cast("StreamingNetwork", network)
    _check_fit(recipe, streaming)
    trunk = trunk_sha256(network)
    for run, split in splits.items():  # before features are computed, which takes long
        digest = checkpoint.digest_of(recipe, split.train, split.validation, trunk)
        checkpoint.read(folder_of(output, recipe, run), digest, device)
    homes = homes_of(clips, recipe.data)
    cache = output / "examples"
    maker = ExampleMaker(recipe, streaming, cache, homes)
    progress.say(f"features of {len(clips)} clips, kept in {cache}")
    examples = _by_clip(maker.make(clips, progress.clips("features", len(clips))))
    silent = sum(clip.path not in examples for clip in clips)
    if silent:
        progress.say(f"in {silent} of them no speech is found; nothing is learned from these")
    noises = maker.noises()
    return [
        _one_run(recipe, run, clips, split, examples, noises, output, device, progress)
        for run, split in splits.items()
    ]


def folder_of(output: Path, recipe: Recipe, run: str) -> Path:
    """Where a run is kept: those that serve to choose stand apart, by recipe."""
    several = len(folds_of(run)) > 1
    return output / "inner" / recipe.name / run_of(folds_of(run)) if several else output / run


def fresh_network(recipe: Recipe) -> nn.Module:
    """An untrained network, its trunk (if it has one) as it was pretrained; set by the seed.

    Raises:
        ModelError: the recipe's network, [hyper] or trunk cannot be used.
    """
    torch.manual_seed(recipe.seed)
    try:
        network = build_network(recipe.network, recipe.parameters)
    except ModelError as error:
        raise ModelError(f"{recipe.label}: {error}") from error
    trunk = getattr(network, "trunk", None)
    if isinstance(trunk, SpeechTrunk):
        try:
            load_trunk(trunk, recipe.trunk)
        except ModelError as error:
            raise ModelError(f"{recipe.label}: trunk: {error}") from error
    return network


def _clips_of(recipe: Recipe, index: Path) -> list[Clip]:
    """Those of the recipe's corpora and classes."""
    listed = read_index(index)
    try:
        wanted = of_corpora(listed, recipe.data.corpora)
    except DataError as error:
        raise DataError(
            f"{recipe.label}: data.corpora: {error}; change it in the recipe, or use train --init "
            "for recordings of your own"
        ) from error
    clips = [clip for clip in wanted if clip.emotion in recipe.classes]
    if not clips:
        raise DataError(f"{index}: no clip has one of the classes {', '.join(recipe.classes)}")
    return clips


def _splits(recipe: Recipe, clips: Sequence[Clip], runs: Sequence[str]) -> dict[str, Split]:
    """The split of each run.

    Raises:
        ConfigError, DataError: a fold that the index does not have, or too few speakers.
    """
    data = recipe.data
    known = {clip.fold for clip in clips if clip.corpus == data.fold_corpus and clip.fold}
    there = f"; corpus {data.fold_corpus} has {', '.join(sorted(known)) or 'none'} in the index"
    for fold in data.folds:
        if fold not in known:
            raise DataError(f"{recipe.label}: data.folds: no fold {fold!r}{there}")
    for run in runs:
        strange = sorted(set(folds_of(run)) - known)
        if strange:
            raise ConfigError(f"--fold {run}: no fold {strange[0]!r}{there}")
    try:
        return {run: split_clips(clips, data, folds_of(run), recipe.seed) for run in runs}
    except DataError as error:
        raise DataError(f"{recipe.label}: [data]: {error}") from error


def _check_fit(recipe: Recipe, network: StreamingNetwork) -> None:
    """Refuse [hyper] and [features] that do not fit one another before anything is computed."""
    equal = Fusion((1.0 / network.n_scales,) * network.n_scales)
    check_fit(
        network,
        network_config(recipe.network, recipe.parameters),
        recipe.classes,
        recipe.features,
        FusionConfig(equal, equal, equal, equal),
        Path(recipe.label),
    )


def _by_clip(examples: Sequence[Example]) -> dict[Path, list[Example]]:
    found: dict[Path, list[Example]] = {}
    for example in examples:
        found.setdefault(example.clip.path, []).append(example)
    return found


def _one_run(
    recipe: Recipe,
    run: str,
    clips: Sequence[Clip],
    split: Split,
    examples: dict[Path, list[Example]],
    noises: Mapping[str, Sequence[HalfArray]],
    output: Path,
    device: torch.device,
    progress: Progress,
) -> Outcome:
    folder = folder_of(output, recipe, run)

    def of(clips: Sequence[Clip]) -> list[Example]:
        return [example for clip in clips for example in examples.get(clip.path, [])]

    training, validation = of(split.train), of(split.validation)
    for name, part in (("training", training), ("validation", validation)):
        if not part:
            raise DataError(
                f"run {run}: no speech was found in its {name} clips; "
                "see [vad] and [segments] of the recipe"
            )
    network = fresh_network(recipe)
    trunk = trunk_sha256(network)
    digest = checkpoint.digest_of(recipe, split.train, split.validation, trunk)
    known = [one for fold, some in noises.items() if fold not in folds_of(run) for one in some]
    trainer = Trainer(recipe, network, training, validation, device, folder, digest, noises=known)
    trainer.run(lambda epoch: progress.epoch(recipe.name, run, epoch, recipe.optimizer.epochs))
    round_weights(trainer.network)  # what is calibrated and scored is what is saved
    listener = trainer.listener
    held_out = folds_of(run)
    siblings = (
        [] if held_out else answers_of_siblings(recipe, trunk, clips, examples, output, device)
    )
    heard = siblings or [listener.answers(validation)]
    fusion = calibrate(heard, recipe.classes)
    uar, known_uar = (
        listener.uar(split.validation, validation, fusion, known=known) for known in (False, True)
    )
    scored = held_out if len(held_out) > 1 else ()
    # Of the corpus whose folds name the runs only: recipes with other corpora stay comparable.
    in_folds = [clip for clip in split.test if clip.corpus == recipe.data.fold_corpus]
    seconds = sum(epoch.seconds for epoch in trainer.log)
    save_model(
        folder / "model",
        name=recipe.name,
        network_name=recipe.network,
        network=trainer.network,
        hyper=recipe.parameters,
        classes=recipe.classes,
        features=recipe.features,
        fusion=fusion,
        training=_provenance(recipe, run, split, device, len(trainer.log), seconds)
        | {
            "digest": digest,
            "held_out": held_out_of(clips, recipe.data, held_out),
            "calibrated_on": HELD_OUT_FOLDS if siblings else VALIDATION_SPEAKERS,
        },
        scores={
            "validation_uar": round(uar, 4),
            "validation_uar_known": round(known_uar, 4),
            "validation_segments": len(validation),
            "confidence_of_90_percent": round(threshold(heard, fusion), 3),
        },
    )
    parameters = sum(p.numel() for p in trainer.network.parameters())
    write_card(folder / "model", read_description(folder / "model"), parameters)
    return Outcome(
        run,
        folder / "model",
        uar,
        seconds,
        {
            fold: listener.uar_of_both(
                of_fold := [clip for clip in in_folds if clip.fold == fold], of(of_fold), fusion
            )
            for fold in scored
        },
    )


def _provenance(
    recipe: Recipe, run: str, split: Split, device: torch.device, epochs: int, seconds: float
) -> dict[str, Any]:
    """What a model file says of how it came about."""
    licences = {clip.corpus: clip.licence for clip in split.train}
    counts = Counter(clip.corpus for clip in split.train)
    return {
        "run": run,
        "seed": recipe.seed,
        "recipe": recipe.sha256,
        "epochs": epochs,
        "seconds": round(seconds),
        "device": str(device),
        "validation_speakers": sorted({clip.speaker for clip in split.validation}),
        "corpora": [
            {"name": name, "clips": n, "licence": licences[name]}
            for name, n in sorted(counts.items())
        ],
    }
