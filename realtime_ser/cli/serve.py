"""``realtime-ser serve``."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from realtime_ser.cli import options
from realtime_ser.cli.messages import tell, told_while
from realtime_ser.errors import ConfigError

if TYPE_CHECKING:
    import socket

    from realtime_ser.config import Config
    from realtime_ser.server.auth import Rules
    from realtime_ser.server.run import Tls


def command(
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen at; any but this machine's own needs a token.",
            show_default="127.0.0.1",
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="0 takes any.", min=0, max=65_535, show_default="8765"),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="File with the token that clients must bring; or REALTIME_SER_TOKEN."),
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="PEM file of the certificate.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file of its key.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for the timelines, one file a call.")
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        str | None, typer.Option(help="csv or jsonl.", show_default="csv")
    ] = None,
    keep_days: Annotated[
        float | None,
        typer.Option(help="Remove timelines that are older; 0 keeps them.", show_default="0"),
    ] = None,
    analyse_agent: Annotated[
        bool | None,
        typer.Option(
            "--analyse-agent",
            help="Analyse agents, too: prohibited at work in the EU, "
            "with few exceptions. See docs/responsible-use.md.",
        ),
    ] = None,
    pseudonyms: Annotated[
        bool | None, typer.Option("--pseudonyms", help="Write and show keyed hashes for names.")
    ] = None,
    model: options.Model = None,
    device: options.Device = None,
    config: options.ConfigFile = None,
) -> None:
    """Hear calls that come over the network."""
    given: dict[str, Any] = {
        "server.host": host,
        "server.port": port,
        "server.output": None if output is None else str(output),
        "server.format": format,
        "server.keep_days": keep_days,
        "server.analyse_agent": analyse_agent,
        "server.pseudonyms": pseudonyms,
    }
    settings = options.settings(
        config,
        model=model,
        device=device,
        **given,
    )
    _need_extra()
    from realtime_ser.alerts.webhook import webhook_of
    from realtime_ser.clock import SystemClock
    from realtime_ser.server.auth import Rules, check_reach, read_token
    from realtime_ser.server.listening import check_tls, listen
    from realtime_ser.server.run import Tls

    limits = settings.server
    if limits.keep_days and not limits.output:
        raise ConfigError("--keep-days: there is no --output whose timelines could be removed")
    token = read_token(token_file, os.environ)
    check_reach(limits.host, token)
    tls = None
    if check_tls(tls_cert, tls_key):
        assert tls_cert is not None
        assert tls_key is not None
        tls = Tls(tls_cert, tls_key)
    webhook_of(
        settings.alerts, SystemClock()
    )  # what is wrong with it is said before torch is loaded
    if limits.output:
        from realtime_ser.cli.folders import make_folder

        make_folder(Path(limits.output))
    with listen(limits.host, limits.port) as listener:
        _serve(settings, Rules(token, limits.origins), listener, tls)


def _serve(config: Config, rules: Rules, listener: socket.socket, tls: Tls | None) -> None:
    """Load the model and serve.

    Raises:
        RealtimeSerError: what the user can mend.
        typer.Exit: when draining took too long.
    """
    from realtime_ser.server.pseudonyms import key_file, load_key, pseudonym

    disguise = None
    if config.server.pseudonyms:
        key = load_key(key_file())

        def disguise(name: str) -> str:
            return pseudonym(name, key)

    if config.server.analyse_agent:
        tell(
            "agents are analysed: inferring emotions of people at work is prohibited in the "
            "European Union (AI Act, Article 5(1)(f)) except for medical and safety reasons; see "
            "docs/responsible-use.md"
        )
    # Only now torch, which takes seconds to load: what is wrong with the rest is said at once.
    with told_while("loading the model"):
        from realtime_ser.assembly import load_recognizer, pipeline_factory
        from realtime_ser.process import prepare_process

        prepare_process()
        recognizer = load_recognizer(config, many=True)
        make_pipeline = pipeline_factory(config, recognizer)
    from realtime_ser.cli.serving import LATE_STATUS, serve

    if not asyncio.run(
        serve(config, rules, listener, tls, recognizer, make_pipeline, recognizer.name, disguise)
    ):
        tell(f"draining took more than {config.server.drain:g} s; some audio was not analysed")
        raise typer.Exit(LATE_STATUS)


def _need_extra() -> None:
    try:
        import prometheus_client  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
        import websockets  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"serve needs {error.name}; pip install 'realtime-ser[server]'"
        ) from error
