"""``realtime-ser models``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from realtime_ser.errors import ModelError
from realtime_ser.models import WEIGHTS_FILE, list_models, read_description


def command() -> None:
    """List the models that come with the package."""
    folders = list_models()
    if not folders:
        raise ModelError("models: none come with this installation; install the package again")
    for position, folder in enumerate(folders):
        if position:
            typer.echo()
        typer.echo("\n".join(describe(folder)))


def describe(folder: Path) -> list[str]:
    """A model in a few lines; a model that cannot be read is said to be so.

    Args:
        folder: with ``model.toml``.
    """
    try:
        description = read_description(folder)
    except ModelError as error:
        return [f"{folder.name}: {error}"]
    facts = {
        "network": description.get("network", "not stated"),
        "classes": _listed(description.get("classes")),
        "size": _size(folder / WEIGHTS_FILE),
        "trained on": _corpora(description.get("training")),
        "scores": _scores(description.get("scores")),
        "card": folder / "README.md",
    }
    return [folder.name, *(f"  {label:<11}{value}" for label, value in facts.items())]


def _listed(value: Any) -> str:
    return ", ".join(str(item) for item in value) if isinstance(value, list) else "not stated"


def _size(weights: Path) -> str:
    try:
        return f"{weights.stat().st_size / 1e6:.1f} MB"
    except OSError:
        return "weights are missing"


def _corpora(training: Any) -> str:
    """Data and licences, whichever way the training recipe wrote them."""
    if not isinstance(training, Mapping):
        return "not stated"
    corpora = training.get("corpora", training.get("data"))
    if isinstance(corpora, Mapping):
        return ", ".join(f"{name} ({licence})" for name, licence in corpora.items())
    if isinstance(corpora, list):
        return ", ".join(_corpus(item) for item in corpora)
    return "not stated"


def _corpus(item: Any) -> str:
    if not isinstance(item, Mapping):
        return str(item)
    name, licence = item.get("name", "unnamed"), item.get("licence", item.get("license"))
    return f"{name} ({licence})" if licence else str(name)


def _scores(scores: Any) -> str:
    """Figures at the top level of ``[scores]``."""
    if not isinstance(scores, Mapping):
        return "not stated"
    figures = [
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in scores.items()
        if isinstance(value, str | int | float)
    ]
    return ", ".join(figures) or "not stated"
