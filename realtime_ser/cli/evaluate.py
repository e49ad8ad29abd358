"""``realtime-ser evaluate``."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from realtime_ser.cli import options
from realtime_ser.cli.messages import tell


def command(
    *,
    more: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="More names after --corpus NAME or --fold NAME.",
            show_default=False,
        ),
    ] = None,
    index: Annotated[Path, typer.Option(help="Index CSV of labelled recordings.")],
    output: Annotated[Path, typer.Option(help="Folder for metrics.json and the rest.")],
    protocol: Annotated[str, typer.Option(help="clip, stream or call.")] = "clip",
    model: options.Model = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME...", help="Only these corpora; may be repeated."),
    ] = None,
    fold: Annotated[
        list[str] | None, typer.Option(metavar="NAME...", help="Only these folds; may be repeated.")
    ] = None,
    degrade: Annotated[
        str | None,
        typer.Option(
            help="telephone, microphone, noise:DB[:FOLDER] or room[:FOLDER]; instead of a folder a "
            "pattern of files, as in 'noise:10:noise/*/1-*'."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the order of clips and --degrade.")] = 0,
    device: options.Device = None,
    config: options.ConfigFile = None,
) -> None:
    """Measure a model on labelled recordings, through the same chain as live audio."""
    from datetime import UTC, datetime

    from realtime_ser.assembly import load_recognizer, pipeline_factory
    from realtime_ser.cli.folders import make_folder
    from realtime_ser.errors import ConfigError, DataError
    from realtime_ser.models import description_sha256, find_model, read_description
    from realtime_ser.training.degrade import parse_degradation
    from realtime_ser.training.evaluation import decide, summarise
    from realtime_ser.training.index import check_recordings, of_corpora, of_folds, read_index
    from realtime_ser.training.protocols import PROTOCOLS, sessions
    from realtime_ser.training.report import write_report
    from realtime_ser.training.seen import warning_of_seen

    chosen = next((known for known in PROTOCOLS if known == protocol), None)
    if chosen is None:
        raise ConfigError(f"--protocol {protocol}: use one of {', '.join(PROTOCOLS)}")
    settings = options.settings(config, model=model, device=device)
    change = parse_degradation(degrade) if degrade is not None else None
    corpora, folds = _with_more(corpus or [], fold or [], more or [])
    listed = read_index(index)
    try:
        clips = of_folds(of_corpora(listed, corpora), folds)
    except DataError as error:
        raise DataError(f"{index}: {error}") from error
    recognizer = load_recognizer(settings, adapt=chosen != "clip")
    used = [clip for clip in clips if clip.emotion in recognizer.classes]
    if not used:
        raise DataError(f"{index}: no clip of the wanted ones has a class of the model")
    if chosen == "call" and not any(clip.emotion == "neutral" for clip in used):
        raise DataError(f"{index}: no clip is neutral, and a call is mostly neutral; use stream")
    check_recordings(used, index)
    folder = find_model(settings.recognizer.model)
    description, measured = read_description(folder), description_sha256(folder)
    warning = warning_of_seen(used, description.get("training", {}))
    left_out = Counter(clip.emotion for clip in clips if clip.emotion not in recognizer.classes)
    make_folder(output)
    if warning:  # now that nothing is left to complain of
        tell(warning)
    total = len(used) if chosen == "clip" else len({clip.person for clip in used})
    make_pipeline = pipeline_factory(settings, recognizer)
    started = datetime.now(UTC)
    decisions = list(
        decide(
            options.with_bar(sessions(used, chosen, seed, change), protocol, total),
            recognizer,
            lambda name: make_pipeline(name, 0, started),
            settings.timeline.uncertain_below,
        )
    )
    metrics = summarise(decisions, recognizer.classes) | {
        "protocol": protocol,
        "degrade": degrade,
        "seed": seed,
        "model": recognizer.name,
        "model_sha256": measured,
        "left_out": dict(left_out),
    }
    write_report(metrics, decisions, recognizer.classes, output)
    typer.echo(
        f"UAR {metrics['uar']:.3f}  WA {metrics['wa']:.3f}  F1 {metrics['macro_f1']:.3f}  "
        f"ECE {_or_dash(metrics['ece'])}  coverage {metrics['coverage']:.2f}  "
        f"clips {metrics['n']}  silent {metrics['silent']}  left out {_named(left_out)}  "
        f"->  {output}"
        f"{'  (in part trained on)' if warning else ''}"
    )


def _with_more(
    corpora: list[str], folds: list[str], more: list[str]
) -> tuple[list[str], list[str]]:
    """Names that follow the first one of ``--corpus`` or ``--fold`` belong to that option.

    Raises:
        ConfigError: it cannot be told which one that is.
    """
    from realtime_ser.errors import ConfigError

    if more and corpora and folds:
        raise ConfigError(
            f"{more[0]!r}: with both --corpus and --fold, write the option before each name"
        )
    if more and not corpora and not folds:
        raise ConfigError(f"unexpected {more[0]!r}; see 'realtime-ser evaluate --help'")
    return (corpora + more, folds) if corpora else (corpora, folds + more)


def _or_dash(figure: float) -> str:
    """A dash where there is nothing to compute it from."""
    return "-" if math.isnan(figure) else f"{figure:.3f}"


def _named(left_out: Counter[str]) -> str:
    """``81 (boredom)``"""
    total = sum(left_out.values())
    return f"{total} ({', '.join(sorted(left_out))})" if total else "0"
