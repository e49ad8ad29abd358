"""``realtime-ser demo``."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from realtime_ser.cli import options
from realtime_ser.cli.messages import tell
from realtime_ser.cli.session import Session, run_session

TIMELINE = Path("timeline.csv")


def command(
    csv: options.Csv = TIMELINE,
    jsonl: options.Jsonl = None,
    append: options.Append = False,
    overwrite: options.Overwrite = False,
    plain: options.Plain = False,
    channels: options.Channels = "split",
    model: options.Model = None,
    device: options.Device = None,
    config: options.ConfigFile = None,
) -> None:
    """Run on the bundled recording of a call (synthetic speech: a customer and an agent)."""
    with as_file(files("realtime_ser") / "data" / "demo.ogg") as recording:
        run_session(
            Session(
                title="demo (synthetic speech)",
                source=str(recording),
                csv=csv,
                jsonl=jsonl,
                append=append,
                overwrite=overwrite,
                plain=plain,
            ),
            options.settings(config, model=model, device=device, channels=channels),
        )
    if csv is not None and str(csv) != "-":
        tell(f"timeline: {csv.resolve()}")
