"""The files of an evaluation."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from realtime_ser.errors import SinkError
from realtime_ser.replacing import replace_files
from realtime_ser.training.figures import (
    save_confusion,
    save_embeddings,
    save_reliability,
    save_risk_coverage,
)

if TYPE_CHECKING:
    from pathlib import Path

    from realtime_ser.training.evaluation import Decision


def write_report(
    metrics: Mapping[str, Any],
    decisions: Sequence[Decision],
    classes: Sequence[str],
    folder: Path,
) -> None:
    """``metrics.json``, ``predictions.csv`` and pictures: confusion, reliability, risk-coverage,
    embeddings.

    Raises:
        SinkError: a file cannot be written.
    """
    try:
        text = json.dumps(_without_nan(metrics), indent=2, allow_nan=False)
        table = io.StringIO(newline="")
        _write_predictions(csv.writer(table), decisions, classes)
        replace_files(
            {
                folder / "predictions.csv": table.getvalue().encode(),
                folder / "metrics.json": f"{text}\n".encode(),
            }
        )
        support = np.array([metrics["per_class"][name]["support"] for name in classes])
        save_confusion(np.array(metrics["confusion"]), support, classes, folder)
        save_reliability(metrics["reliability"], metrics["ece"], folder)
        save_risk_coverage(metrics["risk_coverage"], folder)
        shown = [d for d in decisions if d.embedding is not None]
        save_embeddings(
            np.array([d.embedding for d in shown]),
            [d.clip.emotion for d in shown],
            ["/".join(d.clip.person) for d in shown],
            folder,
        )
    except OSError as error:
        raise SinkError(f"{folder}: cannot be written ({error.strerror or error})") from error


def _write_predictions(writer: Any, decisions: Sequence[Decision], classes: Sequence[str]) -> None:
    writer.writerow(
        ["path", "corpus", "speaker", "emotion", "predicted", "shown", "elapsed", *classes]
    )
    for d in decisions:
        said = d.probabilities
        writer.writerow(
            [
                d.clip.name, d.clip.corpus, d.clip.speaker, d.clip.emotion,
                "" if said is None else classes[int(said.argmax())],
                int(d.shown), f"{d.elapsed:.2f}",
                *(["" for _ in classes] if said is None else [f"{p:.4f}" for p in said]),
            ]
        )  # fmt: skip


def _without_nan(value: Any) -> Any:
    """JSON has no NaN: a figure that does not exist is null."""
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value
