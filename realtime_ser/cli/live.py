"""``realtime-ser live``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from realtime_ser.cli import options
from realtime_ser.cli.screen import run_replay
from realtime_ser.cli.session import Session, can_draw, is_terminal, run_session
from realtime_ser.errors import ConfigError


def command(
    source: Annotated[
        str, typer.Argument(help="mic, mic:NAME-OR-INDEX, a recording, or - for raw PCM on stdin.")
    ] = "mic",
    csv: options.Csv = None,
    jsonl: options.Jsonl = None,
    append: options.Append = False,
    overwrite: options.Overwrite = False,
    plain: options.Plain = False,
    channels: options.LiveChannels = None,
    model: options.Model = None,
    device: options.Device = None,
    config: options.ConfigFile = None,
    speaker: Annotated[
        str | None, typer.Option(help="Who speaks, as 'realtime-ser calibrate NAME' stored it.")
    ] = None,
    rate: Annotated[int, typer.Option(help="Sample rate of '-', in Hz.")] = 16_000,
    encoding: Annotated[
        str, typer.Option(help="Encoding of '-': s16le, f32le, mulaw or alaw.")
    ] = "s16le",
    replay: Annotated[
        Path | None, typer.Option(help="Show the timeline of a past session, CSV or JSON Lines.")
    ] = None,
    web: Annotated[
        bool, typer.Option("--web", help="Serve the screen to a browser on this machine.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(help="Of --web; 0 takes any.", min=0, max=65_535, show_default="8000 if free"),
    ] = None,
) -> None:
    """Show and log the emotion of a voice while it speaks."""
    if replay is not None:
        if source != "mic" or csv or jsonl or speaker or web:
            raise ConfigError(
                "--replay: shows what was logged; give no source, file, speaker or --web"
            )
        run_replay(
            replay, options.settings(config), plain=plain or not (is_terminal() and can_draw())
        )
        return
    from realtime_ser.capture.pipe import PcmFormat

    mode, count = options.split_channels(channels)
    pcm = PcmFormat(rate, encoding, count) if source == "-" else None  # type: ignore[arg-type]
    session = Session(
        title=source,
        source=source,
        csv=csv,
        jsonl=jsonl,
        append=append,
        overwrite=overwrite,
        plain=plain,
        pcm=pcm,
        speaker=speaker,
    )
    config_of_session = options.settings(config, model=model, device=device, channels=mode)
    if web:
        from realtime_ser.cli.web import serve_session

        given = {"--model": model, "--device": device, "--channels": mode, "--config": config}
        words = [str(word) for item in given.items() if item[1] is not None for word in item]
        serve_session(session, config_of_session, words, port)
    elif port is not None:
        raise ConfigError("--port: is for --web; add it")
    else:
        run_session(session, config_of_session)
