"""Put a trained model and what is known of it where they ship.

    python scripts/publish_model.py runs/default docs/results/multiscale_lstm models/default

Takes the run ``final`` of the first folder and what ``evaluate_runs.py`` measured: of its siblings
in ``evaluation/FOLD-PROTOCOL/metrics.json``, where ``clip_`` and a name may stand for what is
special, and of itself in ``evaluation/final-PROTOCOL_CORPUS``. Keeps each run's log and metrics in
the second folder; writes the model, with these scores in ``model.toml`` and card, into the third.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from statistics import mean
from typing import Any

import tomli_w

from realtime_ser.models import WEIGHTS_FILE, description_sha256, load_model, read_description
from realtime_ser.training.card import write_card
from realtime_ser.training.protocols import PROTOCOLS
from realtime_ser.training.splits import FINAL

EVALUATIONS = "evaluation"


def main() -> None:
    """Copy, collect, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("model", type=Path)
    options = parser.parse_args()
    try:
        metrics = measured(options.runs)
    except ValueError as error:
        parser.error(str(error))
    for run, found in metrics.items():
        results = results_of(run, options.results)
        shutil.copy(options.runs / run / "log.csv", results)
        for condition in found:
            file = evaluation_of(options.runs, run, condition)
            shutil.copy(file, results / f"{condition}.json")
    elsewhere: dict[str, dict[str, Any]] = {}
    for condition, found in metrics.pop(FINAL).items():
        protocol, _, corpus = condition.partition("_")
        elsewhere.setdefault(corpus, {})[protocol] = found

    source = options.runs / FINAL / "model"
    description = read_description(source)
    of_siblings = {
        "held_out_clip_uar": [m["clip"]["uar"] for m in metrics.values()],
        "held_out_clip_ece": [m["clip"]["ece"] for m in metrics.values()],
        "held_out_clip_coverage": [m["clip"]["coverage"] for m in metrics.values()],
        "held_out_stream_known_uar": [m["stream"]["known"]["uar"] for m in metrics.values()],
        "held_out_call_known_uar": [m["call"]["known"]["uar"] for m in metrics.values()],
    }
    description["scores"] |= {key: round(mean(values), 4) for key, values in of_siblings.items()}
    options.model.mkdir(parents=True, exist_ok=True)
    shutil.copy(source / WEIGHTS_FILE, options.model)
    (options.model / "model.toml").write_text(tomli_w.dumps(description), encoding="utf-8")
    network = load_model(options.model).network
    parameters = sum(p.numel() for p in network.parameters())  # type: ignore[attr-defined]
    write_card(options.model, description, parameters, metrics, elsewhere)


def measured(runs: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """What ``evaluate_runs.py`` found: run -> condition -> metrics.

    Raises:
        ValueError: of a run something is missing, or was measured with another model.
    """
    metrics: dict[str, dict[str, dict[str, Any]]] = {}
    for model in sorted(file.parent for file in runs.glob("*/model/model.toml")):
        run = model.parent.name
        own = metrics[run] = {}
        for folder in sorted((runs / EVALUATIONS).glob(f"{run}-*")):
            condition = folder.name.removeprefix(f"{run}-")
            file = evaluation_of(runs, run, condition)
            if not file.exists():
                raise ValueError(f"{folder}: the evaluation is not finished; run it again")
            own[condition] = json.loads(file.read_text(encoding="utf-8"))
            if own[condition].get("model_sha256") != description_sha256(model):
                raise ValueError(f"{file}: is of another model than {model}; evaluate it again")
        lacking = [name for name in PROTOCOLS if name not in own and run != FINAL]
        if lacking:
            raise ValueError(f"{model}: there is no evaluation by {', '.join(lacking)}")
    if metrics.keys() <= {FINAL} or FINAL not in metrics:
        raise ValueError(f"{runs}: {FINAL} and runs of folds are needed")
    return metrics


def evaluation_of(runs: Path, run: str, condition: str) -> Path:
    """Where ``evaluate_runs.py`` left the metrics."""
    return runs / EVALUATIONS / f"{run}-{condition}" / "metrics.json"


def results_of(run: str, results: Path) -> Path:
    """Folder of a run's results, made when missing."""
    folder = results / (run if run == FINAL else f"fold{run}")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    main()
