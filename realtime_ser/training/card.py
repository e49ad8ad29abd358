"""The card of a model: what it is, what it was made from, what it is not for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CARD_FILE = "README.md"

TEMPLATE = """\
# {name}

Speech emotion recogniser: {classes}.
Network `{network}`, {parameters} parameters; 16 kHz mono in, probabilities of the classes out,
every hop.

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

{held_out}## Attribution
{attribution}

## Limits
The speech is acted. A voice's expression is not what somebody feels, cultures and languages
differ, and a stranger in a strange room is recognised worse than the speakers above. Not for
decisions about people.
"""


HELD_OUT = """\
## Held-out folds
This model was trained on all folds, so it has no score of its own there. Its siblings were trained
the same way, each without one fold, and evaluated on that (protocol `clip`: each clip alone, cold,
through the same chain as live audio; six classes by chance: 0.167).

| fold | clips | UAR | WA | ECE | coverage |
|---|---|---|---|---|---|
{rows}

"""

ATTRIBUTION = {
    "crema-d": "CREMA-D: Cao et al. 2014, doi 10.1109/TAFFC.2014.2336244 (ODbL 1.0 / DbCL 1.0).",
    "emodb": "EmoDB: Burkhardt et al. 2005, doi 10.21437/Interspeech.2005-446.",
}
TRUNK = """\
The recurrent layers of the voice trunk are those of Resemblyzer (Resemble.AI, Apache-2.0), stored
with half the digits."""


def write_card(
    folder: Path,
    description: Mapping[str, Any],
    parameters: int,
    held_out: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Write the card into a model folder.

    Args:
        folder: of the model.
        description: the content of ``model.toml``.
        parameters: number of weights.
        held_out: fold -> content of ``metrics.json`` of the sibling trained without it.
    """
    attribution = [ATTRIBUTION[c["name"]] for c in description["training"]["corpora"]
               if c["name"] in ATTRIBUTION]  # fmt: skip
    if description["hyper"].get("voice", 0):
        attribution.append(TRUNK)
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
        held_out=_held_out(held_out) if held_out else "",
        attribution="\n".join(attribution) or "None is owed.",
    )
    (folder / CARD_FILE).write_text(text, encoding="utf-8")


def _held_out(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    keys = ("uar", "wa", "ece", "coverage")
    rows = [
        f"| {fold} | {m['n']} | " + " | ".join(f"{m[key]:.3f}" for key in keys) + " |"
        for fold, m in metrics.items()
    ]
    means = [sum(m[key] for m in metrics.values()) / len(metrics) for key in keys]
    rows.append("| **mean** | | " + " | ".join(f"{mean:.3f}" for mean in means) + " |")
    return HELD_OUT.format(rows="\n".join(rows))
