"""Which recipe for which fold: nested cross-validation, so that no choice sees what it reports.

Every recipe is trained without each pair of folds. Of a pair, one fold chooses for the other: the
recipe for fold 1 is the one whose networks, trained without folds 1 and 2, 1 and 3, 1 and 4, do
best on folds 2, 3 and 4. The one for the model that ships does best over all pairs.
(Varma & Simon 2006, doi 10.1186/1471-2105-7-91.)
"""

from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from realtime_ser.errors import ConfigError, DataError
from realtime_ser.training.run import Outcome, Progress, train
from realtime_ser.training.splits import folds_of, run_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch

    from realtime_ser.training.recipe import Recipe

SELECTION_FILE = "selection.json"
FEWEST_FOLDS = 3
"""One to report, one to choose on, one to train on."""


def select_and_train(
    recipes: Sequence[Recipe],
    index: Path,
    runs: Sequence[str],
    output: Path,
    device: torch.device,
    progress: Progress,
) -> list[Outcome]:
    """Choose a recipe for every run, as ``selection.json`` then tells, and train it.

    Args:
        recipes: candidates, of the same folds; their names tell them apart.
        index: of the recordings.
        runs: single folds to hold out, or ``final``.
        output: a folder, see ``train``.
        device: where to train.
        progress: told what happens.

    Raises:
        DataError, ConfigError, ModelError: what cannot be used.
    """
    _check(recipes, runs)
    file = output / SELECTION_FILE
    earlier = _earlier(file)
    pairs = [
        run_of(pair)
        for pair in combinations(recipes[0].data.folds, 2)
        if any(set(folds_of(run)) <= set(pair) for run in runs)
    ]
    inner = {
        recipe.name: {
            outcome.run: outcome.held_out_uar
            for outcome in train(recipe, index, pairs, output, device, progress)
        }
        for recipe in recipes
    }
    scores = {
        run: {name: _score(outcomes, folds_of(run)) for name, outcomes in inner.items()}
        for run in runs
    }
    chosen = {run: max(of_run, key=lambda name: of_run[name]) for run, of_run in scores.items()}
    _record(file, earlier, {"inner_uar": inner, "score": scores, "chosen": chosen})
    return [
        outcome
        for recipe in recipes
        if (own := [run for run in runs if chosen[run] == recipe.name])
        for outcome in train(recipe, index, own, output, device, progress)
    ]


def _score(outcomes: Mapping[str, Mapping[str, float]], reported: Sequence[str]) -> float:
    """Mean UAR on folds that are not reported, of networks that saw neither them nor those."""
    return float(
        np.mean(
            [
                uar
                for pair, by_fold in outcomes.items()
                if set(reported) <= set(folds_of(pair))
                for fold, uar in by_fold.items()
                if fold not in reported
            ]
        )
    )


def _earlier(file: Path) -> dict[str, dict[str, Any]]:
    """What earlier commands found for other runs.

    Raises:
        DataError: the file is damaged.
    """
    if not file.exists():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if all(isinstance(content[key], dict) for key in ("inner_uar", "score", "chosen")) and all(
            isinstance(inner, dict) for inner in content["inner_uar"].values()
        ):
            return dict(content)
    except (OSError, ValueError, LookupError, TypeError):
        pass
    raise DataError(f"{file}: is damaged; remove it, and the choices will be made again")


def _record(file: Path, earlier: Mapping[str, Any], content: dict[str, dict[str, Any]]) -> None:
    """Write down what was found, beside what earlier commands found."""
    merged = {key: earlier.get(key, {}) | value for key, value in content.items()}
    for name, inner in content["inner_uar"].items():
        merged["inner_uar"][name] = earlier.get("inner_uar", {}).get(name, {}) | inner
    new = file.with_suffix(".new")
    new.write_text(json.dumps(merged, indent=1) + "\n", encoding="utf-8")
    new.replace(file)


def _check(recipes: Sequence[Recipe], runs: Sequence[str]) -> None:
    names = [recipe.name for recipe in recipes]
    if len(set(names)) != len(names):
        raise ConfigError(f"recipes to choose from need different names; got {', '.join(names)}")
    data = recipes[0].data
    for recipe in recipes[1:]:
        same = (recipe.data.fold_corpus, recipe.data.folds) == (data.fold_corpus, data.folds)
        if not same or recipe.classes != recipes[0].classes:
            raise ConfigError(
                f"recipes {names[0]} and {recipe.name}: to choose between them, "
                "both need the same classes, fold_corpus and folds"
            )
    if len(data.folds) < FEWEST_FOLDS:
        raise ConfigError(f"to choose between recipes takes {FEWEST_FOLDS} folds or more")
    for run in runs:
        if len(folds_of(run)) > 1:
            raise ConfigError(f"--fold {run}: with several recipes, name single folds")
        if not set(folds_of(run)) <= set(data.folds):
            raise ConfigError(f"--fold {run}: the recipes have folds {', '.join(data.folds)}")
