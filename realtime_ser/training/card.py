"""The card of a model: what it is, what it was made from, what it is not for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CARD_FILE = "README.md"

TEMPLATE = """\
# {name}

Speech emotion recogniser: {classes}. Network `{network}`, {parameters} parameters; 16 kHz mono in,
probabilities of the classes out, every hop.

## Made from
Run `{run}`, seed {seed}, {epochs} epochs, {minutes} min on {device}.

| corpus | clips | licence |
|---|---|---|
{corpora}

Fusion weights and temperature were fitted on {n_validation} speakers that were not trained on
({validation}).

## Scores
| figure | value |
|---|---|
{scores}

Validation speakers chose nothing but fusion weights and temperature; their score is a check, not a
claim about strangers. Scores on held-out folds come from `realtime-ser evaluate`.

## Limits
The speech is acted. A voice's expression is not what somebody feels, cultures and languages
differ, and a stranger in a strange room is recognised worse than the speakers above. Not for
decisions about people.
"""


def write_card(folder: Path, description: Mapping[str, Any], parameters: int) -> None:
    """Write the card into a model folder.

    Args:
        folder: of the model.
        description: the content of ``model.toml``.
        parameters: number of weights.
    """
    training = description["training"]
    people = training["validation_speakers"]
    text = TEMPLATE.format(
        name=description["name"],
        classes=", ".join(description["classes"]),
        network=description["network"],
        parameters=f"{parameters:,}",
        run=training["run"],
        seed=training["seed"],
        epochs=training["epochs"],
        minutes=round(training["seconds"] / 60, 1),
        device=training["device"],
        corpora="\n".join(
            f"| {c['name']} | {c['clips']} | {c['licence']} |" for c in training["corpora"]
        ),
        n_validation=len(people),
        validation=", ".join(people),
        scores="\n".join(f"| {k} | {v} |" for k, v in description["scores"].items()),
    )
    (folder / CARD_FILE).write_text(text, encoding="utf-8")
