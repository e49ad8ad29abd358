"""Pictures of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def save_confusion(
    counts: npt.NDArray[np.int64],
    support: npt.NDArray[np.int64],
    classes: Sequence[str],
    folder: Path,
) -> tuple[Path, Path]:
    """``confusion_counts.png`` and ``confusion_normalised.png``; the title tells what is missing.

    Args:
        counts: (n_classes, n_classes) clips by truth and decision, those with a decision.
        support: (n_classes,) all clips of each class. A row of the normalised picture is divided
            by it, so that the diagonal is the recall.
        classes: names.
        folder: where to write.
    """
    shares = counts / np.maximum(support, 1)[:, None]
    silent = int(support.sum() - counts.sum())
    title = f"{silent} of {support.sum()} clips got no answer"
    files = folder / "confusion_counts.png", folder / "confusion_normalised.png"
    _save(counts.astype(float), "{:.0f}", "clips", title, classes, files[0])
    _save(shares, "{:.2f}", "share of the class", title, classes, files[1])
    return files


def _save(
    values: npt.NDArray[np.float64],
    style: str,
    unit: str,
    title: str,
    classes: Sequence[str],
    file: Path,
) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 5.4), layout="constrained")
    axes = figure.add_subplot()
    picture = axes.imshow(values, cmap="Blues", vmin=0.0)
    figure.colorbar(picture, label=unit)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_title(title)
    axes.set_xlabel("recognised")
    axes.set_ylabel("spoken")
    middle = values.max() / 2.0
    for row, column in np.ndindex(values.shape):
        value = values[row, column]
        colour = "white" if value > middle else "black"
        axes.text(column, row, style.format(value), ha="center", va="center", color=colour)
    figure.savefig(file, dpi=150)
