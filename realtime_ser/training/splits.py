"""Who is trained on, who calibrates, who is tested: speakers never straddle a split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from realtime_ser.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from realtime_ser.training.index import Clip
    from realtime_ser.training.recipe import DataRecipe


HeldOut = dict[str, list[str]]
"""Corpus -> its folds that are held out."""
FINAL = "final"
"""Name of the run that holds nothing out but validation speakers."""
BETWEEN = "+"
"""Between the folds in the name of a run that holds out several, in alphabetical order."""


def folds_of(run: str) -> tuple[str, ...]:
    """The folds that a run holds out, by its name: ``final``, ``1`` or ``1+2``."""
    return () if run == FINAL else tuple(sorted({fold for fold in run.split(BETWEEN) if fold}))


def run_of(folds: Iterable[str]) -> str:
    """The name of the run that holds out these folds."""
    return BETWEEN.join(sorted(set(folds))) or FINAL


@dataclass(frozen=True, slots=True)
class Split:
    """Disjoint in speakers."""

    train: tuple[Clip, ...]
    validation: tuple[Clip, ...]
    test: tuple[Clip, ...]


def held_out_of(clips: Sequence[Clip], recipe: DataRecipe, run: Sequence[str]) -> HeldOut:
    """Which folds of which corpus a run holds out.

    Of the corpus whose folds name the runs, those in the run's name. The folds of every other
    corpus are dealt out over the recipe's runs in turn, so that no run is trained on all of them.

    Args:
        clips: of all corpora.
        recipe: whose runs.
        run: the folds in its name.
    """
    folds: dict[str, set[str]] = {}
    for clip in clips:
        if clip.fold:
            folds.setdefault(clip.corpus, set()).add(clip.fold)
    held_out: HeldOut = {}
    for corpus, names in sorted(folds.items()):
        ordered = sorted(names, key=lambda name: (len(name), name))
        if corpus == recipe.fold_corpus:
            chosen = [name for name in ordered if name in run]
        else:
            chosen = [
                name
                for i, name in enumerate(ordered)
                if recipe.folds and recipe.folds[i % len(recipe.folds)] in run
            ]
        if chosen:
            held_out[corpus] = chosen
    return held_out


def homes_of(clips: Sequence[Clip], recipe: DataRecipe) -> dict[tuple[str, str], str]:
    """Which run holds out a fold of a corpus: (corpus, fold) -> run."""
    return {
        (corpus, fold): run
        for run in recipe.folds
        for corpus, folds in held_out_of(clips, recipe, (run,)).items()
        for fold in folds
    }


def split_clips(
    clips: Sequence[Clip], recipe: DataRecipe, held_out: Sequence[str], seed: int
) -> Split:
    """Hold out folds (or none, for the model that ships) and some validation speakers.

    Raises:
        DataError: a fold that is not there, too few speakers, or a speaker in two folds.
    """
    in_folds = [clip for clip in clips if clip.corpus == recipe.fold_corpus]
    for fold in held_out:
        if all(clip.fold != fold for clip in in_folds):
            raise DataError(f"corpus {recipe.fold_corpus}: has no fold {fold!r}")
    folds = held_out_of(clips, recipe, held_out)
    test = [clip for clip in clips if clip.fold in folds.get(clip.corpus, ())]
    tested = {clip.person for clip in test}
    rest = [clip for clip in clips if clip.fold not in folds.get(clip.corpus, ())]
    straddling = tested & {clip.person for clip in rest}
    if straddling:
        raise DataError(f"corpus {min(straddling)[0]}: a speaker is in two folds")
    people = sorted({clip.person for clip in rest if clip.corpus == recipe.fold_corpus})
    if len(people) <= recipe.validation_speakers:
        raise DataError(
            f"corpus {recipe.fold_corpus}: {len(people)} speakers are too few to keep "
            f"{recipe.validation_speakers} for validation"
        )
    chosen = np.random.default_rng(seed).permutation(len(people))[: recipe.validation_speakers]
    validating = {people[i] for i in chosen}
    return Split(
        train=tuple(clip for clip in rest if clip.person not in validating),
        validation=tuple(clip for clip in rest if clip.person in validating),
        test=tuple(test),
    )
