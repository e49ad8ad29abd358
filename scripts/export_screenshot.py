"""Export the live screen as SVG, from a real run on the bundled recording.

python scripts/export_screenshot.py [SECONDS] [FILE]
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realtime_ser.assembly import load_recognizer
from realtime_ser.capture.open import open_source
from realtime_ser.clock import SystemClock
from realtime_ser.config import CaptureConfig, Config
from realtime_ser.desk import Desk
from realtime_ser.sinks.csv import CsvSink
from realtime_ser.succession import Succession
from realtime_ser.ui.app import LiveApp
from realtime_ser.ui.sink import UiSink

if TYPE_CHECKING:
    from realtime_ser.capture.source import Source

SIZE = (120, 40)


def main(seconds: float, output: Path) -> None:
    """Play the recording for a while, then take the picture."""
    output = output.resolve()
    config = replace(Config(), capture=CaptureConfig(channels="split"))
    recognizer = load_recognizer(config)
    clock, view = SystemClock(), UiSink()

    def source_at(uri: str, start: float) -> Source:
        return open_source(uri, config.capture, clock, paced=True, start=start)

    with (
        as_file(files("realtime_ser") / "data" / "demo.ogg") as recording,
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
    ):
        logs = [CsvSink("timeline.csv")]
        engines = Succession(str(recording), source_at, recognizer, config, view, logs)
        desk = Desk(engines)
        app = LiveApp(
            desk,
            rows=view,
            classes=recognizer.classes,
            title="demo (synthetic speech)",
            uncertain_below=config.timeline.uncertain_below,
            controls=desk,
            player=desk,
        )

        async def take_picture(_: Any) -> None:
            await asyncio.sleep(seconds)
            output.write_text(app.export_screenshot(), encoding="utf-8")
            app.exit()

        engines.start()
        try:
            app.run(headless=True, size=SIZE, auto_pilot=take_picture)
        finally:
            engines.abort()
            engines.join()


if __name__ == "__main__":
    main(
        float(sys.argv[1]) if len(sys.argv) > 1 else 50.5,
        Path(sys.argv[2]) if len(sys.argv) > 2 else Path("docs/screenshot.svg"),
    )
