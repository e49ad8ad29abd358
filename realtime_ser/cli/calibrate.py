"""``realtime-ser calibrate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from realtime_ser.cli import options
from realtime_ser.cli.messages import tell

if TYPE_CHECKING:
    from realtime_ser.config import Config

SHORTEST = 5.0
"""Seconds of speech under which nobody is known."""


def command(
    name: Annotated[str, typer.Argument(help="Of the speaker.")] = "",
    source: Annotated[str, typer.Argument(help="mic, mic:NAME-OR-INDEX or a recording.")] = "mic",
    seconds: Annotated[
        float, typer.Option(min=SHORTEST, max=120.0, help="Of speech to listen to.")
    ] = 15.0,
    list_: Annotated[
        bool, typer.Option("--list", help="List the speakers that are known.")
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Remove what is known of NAME.")] = False,
    model: options.Model = None,
    device: options.Device = None,
    config: options.ConfigFile = None,
) -> None:
    """Learn how somebody usually sounds, for live --speaker.

    Some seconds of calm speech are enough. What is stored are numbers that describe the voice, no
    audio.
    """
    from realtime_ser.baseline import forget_baseline, list_baselines, speakers_folder
    from realtime_ser.errors import ConfigError

    folder = speakers_folder()
    if list_:
        typer.echo("\n".join(list_baselines(folder)) or "nobody is known yet")
        return
    if not name:
        raise ConfigError("calibrate: names no speaker; use 'realtime-ser calibrate NAME'")
    if forget:
        forget_baseline(name, folder)
        return
    _calibrate(name, source, seconds, options.settings(config, model=model, device=device))


def _calibrate(name: str, source: str, seconds: float, config: Config) -> None:
    from realtime_ser.baseline import (
        Baseline,
        check_name,
        prepare_folder,
        save_baseline,
        speakers_folder,
    )
    from realtime_ser.capture.open import open_source
    from realtime_ser.cli.quiet import native_stderr_muted
    from realtime_ser.clock import SystemClock
    from realtime_ser.errors import ConfigError, SourceError

    check_name(name)
    clock, folder = SystemClock(), speakers_folder()
    if source == "-":
        raise ConfigError("calibrate: cannot listen to '-'; name a microphone or a recording")
    if config.capture.channels == "split":  # whom capture.left_out leaves out would be heard, too
        raise ConfigError(
            "calibrate: hears all channels as one voice; use settings with channels = 'mix', and a "
            "recording of that one person"
        )
    opened = open_source(source, config.capture, clock, paced=False)
    prepare_folder(folder)
    # Only now torch, which takes a second to load: what is wrong with the rest is said at once.
    from realtime_ser.assembly import load_recognizer, pipeline_factory
    from realtime_ser.enrolment import listen

    recognizer = load_recognizer(config)
    if not recognizer.adapts:
        raise ConfigError(f"model {recognizer.name} does not adapt to speakers; use another one")
    if source == "mic" or source.startswith("mic:"):
        tell("speak in your usual voice; say anything, and stay calm")
    with native_stderr_muted(), options.seconds_bar("speech", seconds) as heard:
        memory, speech = listen(
            opened, recognizer, pipeline_factory(config, recognizer), seconds, clock, heard
        )
    if speech < SHORTEST:
        raise SourceError(
            f"{source}: only {speech:.1f} s of speech were heard; "
            f"{SHORTEST:g} s are needed to know somebody"
        )
    file = save_baseline(Baseline(name, recognizer.sha256, speech, memory), folder)
    typer.echo(f"{name}: {speech:.1f} s of speech  ->  {file}")
