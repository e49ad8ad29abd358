"""The card of a model: what it is, what it was made from, what it is not for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

HeldOut = Mapping[str, Mapping[str, Mapping[str, Any]]]

CARD_FILE = "README.md"
CLIP = "clip_"
"""Begins the name of a condition that is protocol ``clip`` and something special."""

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

{calibration}

{scores}{held_out}## Attribution
{attribution}

## Limits
{speech} A voice's expression is not what somebody feels,
cultures and languages differ, and a stranger in a strange room is recognised worse than the
speakers above.
Not for decisions about people, and in the European Union not at work or in education: see
docs/responsible-use.md.
"""


SCORES = """\
## Scores
| figure | value |
|---|---|
{rows}

The score of validation speakers is a check, not a claim about strangers. Scores on held-out folds
come from `realtime-ser evaluate`.

"""
ACTED = "The speech is acted, in English and German."
OWN = """\
Whether the recordings that it was tuned with are acted, and in which language, is not known here.
What `{base}` was made from is acted, in English and German."""
HELD_OUT = """\
## Held-out folds
This model was trained on all folds, so it has no score of its own there. Its siblings were trained
the same way, each without one fold, and evaluated on that, through the same chain as live audio
(UAR by chance: {chance:.3f}). `clip`: each clip alone. `stream`: a speaker's clips in turn;
its first 15 s, and known: after 60 s of speech. `call`: the same, neutral clips played again until
they are 60 %.

| fold | clips | clip UAR | WA | ECE | shown | first 15 s | known | ECE | call, known |
|---|---|---|---|---|---|---|---|---|---|
{rows}

Of what is not shown as uncertain, wrong are (protocol `clip`, all folds):

| uncertain below | shown | wrong |
|---|---|---|
{risk}

Recall by class (`clip`): {recalls}. UAR of women {women:.3f}, of men {men:.3f} (`clip`),
{known_women:.3f} and {known_men:.3f} (`stream`). Against what most listeners heard rather than
what the actor was asked for: {votes:.3f}.

{conditions}"""
CONDITIONS = """\
The same folds under conditions, and other corpora of which these siblings held out the speakers
(`clip`):

| condition | clips | UAR | against clean | ECE |
|---|---|---|---|---|
{rows}

"""
NAMES = {
    "telephone": "telephone (300-3400 Hz, 8 kHz, G.711)",
    "noise": "noise, 10 dB (recordings; which of them training used: see docs/benchmarks.md)",
    "white": "white noise, 10 dB",
    "room": "rooms (measured impulse responses)",
}
"""Of conditions, as files of metrics name them behind the protocol."""
ELSEWHERE = """\
## Elsewhere
Corpora that it was not trained on, shared classes. Known: after 60 s of a speaker's speech.

| corpus | clips | clip UAR | ECE | stream, first 15 s (clips) | known |
|---|---|---|---|---|---|
{rows}

"""

HELD_OUT_FOLDS, VALIDATION_SPEAKERS = "held-out folds", "validation speakers"
"""What a model may be calibrated on: what its siblings say of the folds that they held out, or
what it says itself of its validation speakers."""
CALIBRATION = {
    VALIDATION_SPEAKERS: """\
Fusion weights and temperatures were fitted on {n} speakers that were not trained on
({people}).""",
    HELD_OUT_FOLDS: """\
Fusion weights and temperatures were fitted on what its siblings, each trained the same way without
one fold, say of that fold. {n} more speakers were not trained on, as a check ({people}).""",
}
ATTRIBUTION = {
    "crema-d": "CREMA-D: Cao et al. 2014, doi 10.1109/TAFFC.2014.2336244 (ODbL 1.0 / DbCL 1.0).",
    "emodb": "EmoDB: Burkhardt et al. 2005, doi 10.21437/Interspeech.2005-446.",
    "ravdess": "RAVDESS: Livingstone & Russo 2018, doi 10.1371/journal.pone.0196391 (CC BY-NC-SA).",
    "tess": "TESS: Pichora-Fuller & Dupuis 2020, doi 10.5683/SP2/E8H2MF (CC BY-NC-ND).",
}
NON_COMMERCIAL_TERMS = "-NC"
NON_COMMERCIAL = """\
## Not for commercial use
The terms of {corpora} allow use of the recordings, and so of this model, only for purposes that are
not commercial.

"""
NO_DERIVATIVES_TERMS = "-ND"
NO_DERIVATIVES = """\
{corpora} may not be passed on altered, either. Whether a model is an altered copy of what it was
trained on is not settled: ask the makers before you pass it on.

"""
TRUNK = """\
The speech trunk is the first layers of the encoder of Whisper base (Radford et al. 2022, arXiv
2212.04356; OpenAI, MIT licence), rounded to 8 bits. What speech it was trained on, 680,000 hours
from the internet, is known only to its makers."""


def write_card(
    folder: Path,
    description: Mapping[str, Any],
    parameters: int,
    held_out: HeldOut | None = None,
    elsewhere: HeldOut | None = None,
    note: str = "",
) -> None:
    """Write the card into a model folder.

    Args:
        folder: of the model.
        description: the content of ``model.toml``.
        parameters: number of weights.
        note: a section of its own.
        held_out: fold -> condition -> content of ``metrics.json`` of the sibling that held it out.
            A condition is a protocol, or ``clip_`` and what is special.
        elsewhere: corpus -> protocol -> content of ``metrics.json`` of this model.
    """
    attribution = [ATTRIBUTION[c["name"]] for c in description["training"]["corpora"]
               if c["name"] in ATTRIBUTION]  # fmt: skip
    if description["hyper"].get("voice", 1):
        attribution.append(TRUNK)
    rows = "\n".join(f"| {name} | {value} |" for name, value in description["scores"].items())
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
        calibration=CALIBRATION[training.get("calibrated_on", VALIDATION_SPEAKERS)].format(
            n=len(people), people=", ".join(people)
        ),
        scores=SCORES.format(rows=rows) if rows else "",
        held_out=_terms(training["corpora"])
        + note
        + (_held_out(held_out) if held_out else "")
        + (_elsewhere(elsewhere) if elsewhere else ""),
        speech=OWN.format(base=training["base"]) if "base" in training else ACTED,
        attribution="\n".join(attribution) or "None is owed.",
    )
    (folder / CARD_FILE).write_text(text, encoding="utf-8")


def _terms(corpora: Sequence[Mapping[str, Any]]) -> str:
    bound, whole = (
        [c["name"] for c in corpora if terms in str(c["licence"]).upper()]
        for terms in (NON_COMMERCIAL_TERMS, NO_DERIVATIVES_TERMS)
    )
    text = NON_COMMERCIAL.format(corpora=" and ".join(bound)) if bound else ""
    return text + (NO_DERIVATIVES.format(corpora=" and ".join(whole)) if whole else "")


def _held_out(metrics: HeldOut) -> str:
    rows = {fold: _row(of_fold) for fold, of_fold in metrics.items()}
    lines = [
        f"| {fold} | {of_fold['clip']['n']} | {_cells(rows[fold])} |"
        for fold, of_fold in metrics.items()
    ]
    means = [mean(column) for column in zip(*rows.values(), strict=True)]
    lines.append(f"| **mean** | | {_cells(means)} |")
    clips, streams = ([m[p] for m in metrics.values()] for p in ("clip", "stream"))
    recalls = {
        name: mean(m["per_class"][name]["recall"] for m in clips)
        for name in clips[0]["classes"]
        if all(m["per_class"][name]["support"] for m in clips)
    }
    return HELD_OUT.format(
        chance=1.0 / len(recalls),
        rows="\n".join(lines),
        risk="\n".join(_risks(clips)),
        recalls=", ".join(f"{name} {recall:.2f}" for name, recall in recalls.items()),
        women=mean(m["by_sex"]["f"]["uar"] for m in clips),
        men=mean(m["by_sex"]["m"]["uar"] for m in clips),
        known_women=mean(m["by_sex"]["f"]["uar"] for m in streams),
        known_men=mean(m["by_sex"]["m"]["uar"] for m in streams),
        votes=mean(m["votes"]["uar"] for m in clips),
        conditions=_conditions(metrics),
    )


def _conditions(metrics: HeldOut) -> str:
    """Of conditions that every fold was evaluated under, and of corpora that any held out."""
    clean = mean(of_fold["clip"]["uar"] for of_fold in metrics.values())
    rows = []
    for name in sorted({n for of_fold in metrics.values() for n in of_fold if n.startswith(CLIP)}):
        found = [of_fold[name] for of_fold in metrics.values() if name in of_fold]
        uar, special = mean(m["uar"] for m in found), name.removeprefix(CLIP)
        if special in NAMES and len(found) < len(metrics):
            continue  # of fewer folds it cannot be held against clean
        against = f"{uar - clean:+.3f}" if special in NAMES else ""
        rows.append(
            f"| {NAMES.get(special, special)} | {sum(m['n'] for m in found)} | {uar:.3f} "
            f"| {against} | {mean(m['ece'] for m in found):.3f} |"
        )
    return CONDITIONS.format(rows="\n".join(rows)) if rows else ""


def _elsewhere(metrics: HeldOut) -> str:
    rows = []
    for corpus, found in sorted(metrics.items()):
        clip, stream = found["clip"], found["stream"]
        first = stream["by_elapsed_speech"][0]
        rows.append(
            f"| {corpus} | {clip['n']} | {clip['uar']:.3f} | {clip['ece']:.3f} "
            f"| {first['uar']:.3f} ({first['n']}) | {stream['known']['uar']:.3f} |"
        )
    return ELSEWHERE.format(rows="\n".join(rows))


def _row(of_fold: Mapping[str, Mapping[str, Any]]) -> list[float]:
    clip, stream, call = (of_fold[protocol] for protocol in ("clip", "stream", "call"))
    return [
        *(clip[key] for key in ("uar", "wa", "ece", "coverage")),
        stream["by_elapsed_speech"][0]["uar"],
        stream["known"]["uar"],
        stream["ece"],
        call["known"]["uar"],
    ]


def _cells(values: Sequence[float]) -> str:
    return " | ".join(f"{value:.3f}" for value in values)


def _risks(clips: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line a threshold that every fold has."""
    curves = [{p["threshold"]: p for p in m["risk_coverage"]} for m in clips]
    shared = sorted(set.intersection(*(set(curve) for curve in curves)))
    return [
        f"| {t:.1f} | {mean(c[t]['coverage'] for c in curves):.2f} "
        f"| {mean(c[t]['risk'] for c in curves):.2f} |"
        for t in shared
    ]
