"""Pictures of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def save_confusion(
    counts: npt.NDArray[np.int64], classes: Sequence[str], folder: Path
) -> tuple[Path, Path]:
    """``confusion_counts.png`` and ``confusion_normalised.png`` (rows: the truth, summing to 1)."""
    with np.errstate(invalid="ignore"):
        shares = np.nan_to_num(counts / counts.sum(axis=1, keepdims=True))
    files = folder / "confusion_counts.png", folder / "confusion_normalised.png"
    _save(counts.astype(float), "{:.0f}", "clips", classes, files[0])
    _save(shares, "{:.2f}", "share of the class", classes, files[1])
    return files


def _save(
    values: npt.NDArray[np.float64], style: str, unit: str, classes: Sequence[str], file: Path
) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 5.4), layout="constrained")
    axes = figure.add_subplot()
    picture = axes.imshow(values, cmap="Blues", vmin=0.0)
    figure.colorbar(picture, label=unit)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("recognised")
    axes.set_ylabel("spoken")
    middle = values.max() / 2.0
    for row, column in np.ndindex(values.shape):
        value = values[row, column]
        colour = "white" if value > middle else "black"
        axes.text(column, row, style.format(value), ha="center", va="center", color=colour)
    figure.savefig(file, dpi=150)
