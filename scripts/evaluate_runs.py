"""Every evaluation of a model's runs that its card tells of.

    python scripts/evaluate_runs.py runs/default --index CORPORA/index.csv --background BACKGROUND

Each run of a fold is measured on the folds that it held out: by every protocol and in the
conditions on the corpus whose folds the runs are named after, by ``clip`` on the others; the run
``final`` on corpora that it was not trained on. Noise is that of the fold, too, where recordings in
BACKGROUND/noise are named by folds (``noise_folds`` of the recipe). Results lie in
``evaluation/RUN-NAME`` below the first folder, where ``publish_model.py`` looks for them. What is
there already of the same models is left alone, so an interrupted script goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from realtime_ser.models import description_sha256, read_description
from realtime_ser.training.protocols import PROTOCOLS
from realtime_ser.training.sounds import noise_of
from realtime_ser.training.splits import FINAL

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Evaluation:
    """One call of ``realtime-ser evaluate``."""

    model: Path
    output: Path
    options: list[str]

    @property
    def missing(self) -> bool:
        """Nothing is there, or something of another model."""
        file = self.output / "metrics.json"
        if not file.exists():
            return True
        measured = json.loads(file.read_text(encoding="utf-8")).get("model_sha256")
        return bool(measured != description_sha256(self.model))


class Run:
    """A trained model and where its results go."""

    def __init__(self, model: Path, results: Path) -> None:
        self.name = model.parent.name
        training = read_description(model)["training"]
        self.held_out: dict[str, list[str]] = training["held_out"]
        """Folds of each corpus that the model never heard."""
        self._trained_on = {corpus["name"] for corpus in training["corpora"]}
        self._model = model
        self._results = results

    def evaluation(self, name: str, protocol: str, corpus: str, *more: str) -> Evaluation:
        """On what the run has not heard of a corpus.

        Raises:
            ValueError: it has heard all of it.
        """
        if corpus in self._trained_on and corpus not in self.held_out:
            raise ValueError(f"run {self.name} was trained on all of {corpus}")
        folds = [part for fold in self.held_out.get(corpus, ()) for part in ("--fold", fold)]
        options = ["--protocol", protocol, "--corpus", corpus, *folds, *more]
        return Evaluation(self._model, self._results / f"{self.name}-{name}", options)


def main() -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--background", type=Path, required=True, help="holds noise/ and rooms/")
    parser.add_argument("--corpus", default="crema-d", help="whose folds the runs are named after")
    parser.add_argument("--elsewhere", nargs="*", default=["ravdess", "tess"], help="for final")
    parser.add_argument("--jobs", type=int, default=1, help="side by side, one thread each")
    given = parser.parse_args()
    missing = [one for one in evaluations(given) if one.missing]
    with ThreadPoolExecutor(given.jobs) as pool:
        failed = [code for code in pool.map(lambda one: run(one, given.index), missing) if code]
    sys.exit(max(failed, default=0))


def evaluations(given: argparse.Namespace) -> Iterator[Evaluation]:
    """All of the runs in the folder."""
    for file in sorted(given.runs.glob("*/model/model.toml")):
        run = Run(file.parent, given.runs / "evaluation")
        if run.name == FINAL:
            for corpus in given.elsewhere:
                yield run.evaluation(f"clip_{corpus}", "clip", corpus)
                yield run.evaluation(f"stream_{corpus}", "stream", corpus)
            continue
        for protocol in PROTOCOLS:
            yield run.evaluation(protocol, protocol, given.corpus)
        for corpus in sorted(run.held_out.keys() - {given.corpus}):
            yield run.evaluation(f"clip_{corpus}", "clip", corpus)
        for name, spec in conditions(given.background, run.name).items():
            yield run.evaluation(f"clip_{name}", "clip", given.corpus, "--degrade", spec)


def conditions(background: Path, fold: str) -> dict[str, str]:
    """What stands in the card, and how it is called for."""
    return {
        "telephone": "telephone",
        "noise": f"noise:10:{noise_of(background / 'noise', fold)}",
        "white": "noise:10",
        "room": f"room:{background / 'rooms'}",
    }


def run(one: Evaluation, index: Path) -> int:
    """Exit status, after a line."""
    command = [sys.executable, "-m", "realtime_ser", "evaluate", "--index", str(index)]
    command += ["--model", str(one.model), "--output", str(one.output), *one.options]
    done = subprocess.run(
        command, env=os.environ | ONE_THREAD, capture_output=True, text=True, check=False
    )
    said = done.stdout if done.returncode == 0 else done.stderr
    last = (said.strip().splitlines() or ["nothing"])[-1]
    sys.stdout.write(f"{one.output.name}: {last}\n")
    sys.stdout.flush()
    return done.returncode


if __name__ == "__main__":
    main()
