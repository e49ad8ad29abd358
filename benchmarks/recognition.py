"""Print the tables of recognition in docs/benchmarks.md from the metrics kept beside it.

    python benchmarks/recognition.py docs/results/multiscale_lstm

The interval behind UAR is 95 % for other speakers of the same kind: 1.96 standard errors of the
UAR of single speakers.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from statistics import mean, stdev
from typing import Any

Metrics = dict[str, Any]
NEARLY_UNTOUCHED = ("3", "4")
"""Folds that little was developed on (docs/training.md, protocol)."""
INTERVAL = "+-"
STANDARD_ERRORS = 1.96


def main() -> None:
    """Read every ``foldN/CONDITION.json`` and print a table a condition."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("results", type=Path)
    folder = parser.parse_args().results
    conditions = sorted({file.stem for file in folder.glob("fold*/*.json")})
    for condition in conditions:
        files = sorted(folder.glob(f"fold*/{condition}.json"))
        by_fold = {
            file.parent.name.removeprefix("fold"): json.loads(file.read_text(encoding="utf-8"))
            for file in files
        }
        print(f"\n**{condition}**\n")
        print_table(by_fold)
        print_scales(by_fold)
    print_elsewhere(folder / "final")


def print_elsewhere(folder: Path) -> None:
    """Corpora that the model which ships was not trained on: ``PROTOCOL_CORPUS.json``."""
    corpora = [file.stem.removeprefix("clip_") for file in sorted(folder.glob("clip_*.json"))]
    if not corpora:
        return
    columns = [
        "corpus", "clips", "clip UAR", "ECE", "stream, first 15 s (clips)", "known",
        "ECE of all of stream",
    ]  # fmt: skip
    print(f"\n**elsewhere**\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for corpus in corpora:
        clip, stream = (
            json.loads((folder / f"{protocol}_{corpus}.json").read_text(encoding="utf-8"))
            for protocol in ("clip", "stream")
        )
        first = stream["by_elapsed_speech"][0]
        print(
            f"| {corpus} | {clip['n']} | {clip['uar']:.3f} | {clip['ece']:.3f} "
            f"| {first['uar']:.3f} ({first['n']}) | {stream['known']['uar']:.3f} "
            f"| {stream['ece']:.3f} |"
        )


def print_scales(by_fold: dict[str, Metrics]) -> None:
    """UAR of every segment length alone, of equal and of learned weights: mean of the folds."""
    found = [metrics["scales"] for metrics in by_fold.values() if metrics.get("scales")]
    if len(found) < len(by_fold):
        return
    alone = [mean(column) for column in zip(*(scales["single"] for scales in found), strict=True)]
    together = [mean(scales[key] for scales in found) for key in ("equal", "learned")]
    names = [f"length {number + 1}" for number in range(len(alone))]
    print(f"\n| {' | '.join([*names, 'equal weights', 'learned weights'])} |")
    print(f"|{'---|' * (len(names) + 2)}")
    print("| " + " | ".join(f"{value:.3f}" for value in [*alone, *together]) + " |")


def print_table(by_fold: dict[str, Metrics]) -> None:
    """A line a fold, then their mean, then the mean of those little was developed on."""
    found = {fold: figures(metrics) for fold, metrics in by_fold.items()}
    names = [name for name in next(iter(found.values())) if all(name in f for f in found.values())]
    rows = {fold: {name: row[name] for name in names} for fold, row in found.items()}
    print(f"| fold | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    for fold, row in rows.items():
        print(line(fold, row))
    if len(rows) > 1:
        print(line("**mean**", average(list(rows.values()), names)))
    untouched = [row for fold, row in rows.items() if fold in NEARLY_UNTOUCHED]
    if 1 < len(untouched) < len(rows):
        print(line(f"mean of {' and '.join(NEARLY_UNTOUCHED)}", average(untouched, names)))


def figures(metrics: Metrics) -> dict[str, float]:
    """Name of a column -> figure."""
    row = {"UAR": metrics["uar"]}
    of_speakers = [speaker["uar"] for speaker in metrics["per_speaker"].values()]
    if len(of_speakers) > 1:
        row[INTERVAL] = STANDARD_ERRORS * stdev(of_speakers) / math.sqrt(len(of_speakers))
    row |= {"WA": metrics["wa"], "macro F1": metrics["macro_f1"]}
    if metrics["protocol"] != "clip":
        row |= {
            f"{b['from']:.0f}-{'' if b['to'] is None else format(b['to'], '.0f')} s": b["uar"]
            for b in metrics["by_elapsed_speech"]
        }
        row |= {"known (60 s)": metrics["known"]["uar"], "ECE known": metrics["known"]["ece"]}
    row |= {"ECE": metrics["ece"], "coverage": metrics["coverage"]}
    sexes = {"women": "f", "men": "m"}
    by_sex = metrics["by_sex"]
    return row | {name: by_sex[sex]["uar"] for name, sex in sexes.items() if sex in by_sex}


def average(rows: list[dict[str, float]], names: list[str]) -> dict[str, float]:
    """Mean of every column; the interval of the mean is smaller than those of its parts."""
    means = {name: mean(row[name] for row in rows) for name in names}
    if INTERVAL in means:
        squares = sum(row[INTERVAL] ** 2 for row in rows)
        means[INTERVAL] = math.sqrt(squares) / len(rows)
    return means


def line(head: str, row: dict[str, float]) -> str:
    """A line of the table."""
    return f"| {head} | " + " | ".join(f"{value:.3f}" for value in row.values()) + " |"


if __name__ == "__main__":
    main()
