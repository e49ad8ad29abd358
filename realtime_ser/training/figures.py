"""Pictures of an evaluation."""

from __future__ import annotations

import importlib.util
import warnings
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FEWEST_IN_A_MAP, MOST_IN_A_MAP = 10, 2000
"""Points; more make a blot."""
MOST_IN_A_LEGEND = 10


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


def save_reliability(bins: Sequence[Mapping[str, float]], ece: float, folder: Path) -> Path:
    """``reliability.png``: how often the recogniser is right when it is so sure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.4, 5.4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], linestyle="--", color="grey", label="calibrated")
    points = [[b[key] for b in bins] for key in ("confidence", "accuracy", "n")]
    most = max(points[2], default=1)
    axes.plot(points[0], points[1], color="C0")
    axes.scatter(points[0], points[1], s=[8 + 120 * n / most for n in points[2]], label="clips")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share that was right")
    axes.set_title(f"ECE {ece:.3f}")
    axes.legend()
    file = folder / "reliability.png"
    figure.savefig(file, dpi=150)
    return file


def save_risk_coverage(curve: Sequence[Mapping[str, float]], folder: Path) -> Path:
    """``risk_coverage.png``: errors among what is shown, by how much is shown."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([p["coverage"] for p in curve], [p["risk"] for p in curve], marker="o")
    for point in curve:
        place = (point["coverage"], point["risk"])
        axes.annotate(f"{point['threshold']:.1f}", place, textcoords="offset points", xytext=(4, 4))
    axes.set(xlim=(0, 1.02), ylim=(0, None), xlabel="coverage (share not shown as uncertain)")
    axes.set_ylabel("risk (share of wrong ones)")
    axes.set_title("by uncertain_below")
    file = folder / "risk_coverage.png"
    figure.savefig(file, dpi=150)
    return file


def save_embeddings(
    embeddings: npt.NDArray[np.float32],
    emotions: Sequence[str],
    speakers: Sequence[str],
    folder: Path,
) -> Path | None:
    """``embeddings.png``: t-SNE (van der Maaten & Hinton 2008) by emotion, and by speaker.

    Args:
        embeddings: (n, width), one a clip.
        emotions: as spoken, of each.
        speakers: of each.
        folder: where to write.

    Returns:
        The file; None with too few clips for a map, or without scikit-learn. An older map goes.
    """
    file = folder / "embeddings.png"
    file.unlink(missing_ok=True)
    if len(embeddings) < FEWEST_IN_A_MAP or importlib.util.find_spec("sklearn") is None:
        return None
    from matplotlib.figure import Figure
    from sklearn.manifold import TSNE

    rng = np.random.default_rng(0)
    chosen = np.sort(rng.permutation(len(embeddings))[:MOST_IN_A_MAP])
    places = TSNE(perplexity=min(30.0, len(chosen) / 4), init="pca", random_state=0).fit_transform(
        embeddings[chosen]
    )
    figure = Figure(figsize=(11.0, 5.4), layout="constrained")
    for axes, title, labels in zip(
        figure.subplots(1, 2), ("emotion spoken", "speaker"), (emotions, speakers), strict=True
    ):
        own = np.array([labels[i] for i in chosen])
        for number, label in enumerate(sorted(set(own))):
            of_label = places[own == label]
            plain = label.replace("$", r"\$")  # a name is no formula
            axes.scatter(*of_label.T, s=7, color=f"C{number % 10}", label=plain)
        axes.set(title=title, xticks=[], yticks=[])
        if len(set(own)) <= MOST_IN_A_LEGEND:
            axes.legend(markerscale=2)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # of speakers' names
        figure.savefig(file, dpi=150)
    return file


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
