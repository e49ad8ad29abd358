"""Put a trained model and what is known of it where they ship.

    python scripts/publish_model.py runs/default docs/results/multiscale_lstm models/default

Takes the run ``final`` of the first folder and the evaluations in ``evaluation/N/metrics.json``
below it; keeps each run's log and metrics in the second folder; writes the model, with the scores
of its siblings in ``model.toml`` and card, into the third.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import tomli_w

from realtime_ser.models import WEIGHTS_FILE, load_model, read_description
from realtime_ser.training.card import write_card

EVALUATIONS = "evaluation"


def main() -> None:
    """Copy, collect, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("model", type=Path)
    options = parser.parse_args()
    metrics = {
        file.parent.name: json.loads(file.read_text(encoding="utf-8"))
        for file in sorted((options.runs / EVALUATIONS).glob("*/metrics.json"))
    }
    if not metrics:
        parser.error(f"{options.runs / EVALUATIONS}: holds no N/metrics.json")
    for run in ("final", *metrics):
        kept = options.results / (run if run == "final" else f"fold{run}")
        kept.mkdir(parents=True, exist_ok=True)
        shutil.copy(options.runs / run / "log.csv", kept)
    for fold in metrics:
        shutil.copy(
            options.runs / EVALUATIONS / fold / "metrics.json", options.results / f"fold{fold}"
        )
    selection = options.runs / "selection.json"
    if selection.exists():
        shutil.copy(selection, options.results)

    source = options.runs / "final" / "model"
    description = read_description(source)
    for key in ("uar", "ece", "coverage"):
        mean = sum(m[key] for m in metrics.values()) / len(metrics)
        description["scores"][f"held_out_clip_{key}"] = round(mean, 4)
    options.model.mkdir(parents=True, exist_ok=True)
    shutil.copy(source / WEIGHTS_FILE, options.model)
    (options.model / "model.toml").write_text(tomli_w.dumps(description), encoding="utf-8")
    network = load_model(options.model).network
    parameters = sum(p.numel() for p in network.parameters())  # type: ignore[attr-defined]
    write_card(options.model, description, parameters, metrics)


if __name__ == "__main__":
    main()
