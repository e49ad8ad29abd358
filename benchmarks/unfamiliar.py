"""Sounds of a kind that the model has not learned to tell from speech.

    python benchmarks/unfamiliar.py configs/train/multiscale_lstm.toml \\
        --model runs/default/1/model --examples runs/default/examples

What the network takes for speech (``networks/familiarity.py``) is fitted again for every kind of
noise, to all kinds but that one, and the recordings of that kind go through the chain of a live
stream. Noise of all kinds was still laid over training speech.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from statistics import mean

import torch
from trust import Bench, false_alarms, recordings_of

from realtime_ser.models import load_model
from realtime_ser.networks.multiscale_lstm import MultiscaleLstm
from realtime_ser.training.examples import ExampleMaker
from realtime_ser.training.familiar import MOST, fit_familiarity
from realtime_ser.training.index import of_corpora, read_index
from realtime_ser.training.recipe import read_recipe
from realtime_ser.training.splits import folds_of, homes_of, split_clips


def main() -> None:
    """Print a line for each kind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--examples", type=Path, required=True, help="where training keeps them")
    options = parser.parse_args()
    torch.set_num_threads(1)
    recipe = read_recipe(options.recipe)
    model = load_model(options.model)
    network = model.network
    if not isinstance(network, MultiscaleLstm) or network.trunk is None:
        parser.error(f"{options.model}: has nothing that tells speech from other sounds")
    listed = of_corpora(read_index(Path(recipe.data.index)), recipe.data.corpora)
    clips = [clip for clip in listed if clip.emotion in recipe.classes]
    folds = folds_of(model.description["training"]["run"])
    train = split_clips(clips, recipe.data, folds, recipe.seed).train
    homes = homes_of(clips, recipe.data)
    maker = ExampleMaker(recipe, network, options.examples, homes)
    examples = maker.make(train[:: max(1, len(train) // MOST)], lambda: None)
    kinds = sorted(path for path in Path(recipe.augment.noise_folder).iterdir() if path.is_dir())
    noises = {}
    for kind in kinds:
        augment = replace(recipe.augment, noise_folder=str(kind), noise_folds=False)
        of_kind = replace(recipe, augment=augment)
        noises[kind] = ExampleMaker(of_kind, network, options.examples).noises()[""]

    bench = Bench(model)
    print(
        "| left out | minutes | windows shown in 10 min | of these not neutral |\n|---|---|---|---|"
    )
    rates = []
    for kind in kinds:
        others = [noise for other in kinds if other != kind for noise in noises[other]]
        fit_familiarity(network, examples, others)
        found = false_alarms(bench, recordings_of(kind))["all"]
        rates.append((found["shown_in_10_min"], found["not_neutral_in_10_min"]))
        print("| " + " | ".join([kind.name, *(f"{value:.1f}" for value in found.values())]) + " |")
    shown, strong = (mean(column) for column in zip(*rates, strict=True))
    print(f"| mean | | {shown:.1f} | {strong:.1f} |")


if __name__ == "__main__":
    main()
