"""Export the live screen as SVG, from a real run on the bundled recording.

python scripts/export_screenshot.py [SECONDS] [FILE]
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from realtime_ser.assembly import load_recognizer, pipeline_factory
from realtime_ser.capture.open import open_source
from realtime_ser.clock import SystemClock
from realtime_ser.config import CaptureConfig, Config
from realtime_ser.engine import Engine
from realtime_ser.ui.app import LiveApp
from realtime_ser.ui.sink import UiSink

SIZE = (120, 40)


def main(seconds: float, output: Path) -> None:
    """Play the recording for a while, then take the picture."""
    config = replace(Config(), capture=CaptureConfig(channels="split"))
    recognizer = load_recognizer(config)
    clock, view = SystemClock(), UiSink()
    with as_file(files("realtime_ser") / "data" / "demo.ogg") as recording:
        source = open_source(str(recording), config.capture, clock, paced=True)
        engine = Engine(
            source, recognizer, pipeline_factory(config, recognizer), config, [view],
            clock=clock, device=str(recognizer.device), model=recognizer.name,
        )  # fmt: skip
        app = LiveApp(
            engine,
            rows=view,
            classes=recognizer.classes,
            title="demo (synthetic speech)",
            uncertain_below=config.timeline.uncertain_below,
        )

        async def take_picture(_: Any) -> None:
            await asyncio.sleep(seconds)
            output.write_text(app.export_screenshot(), encoding="utf-8")
            app.exit()

        engine.start()
        try:
            app.run(headless=True, size=SIZE, auto_pilot=take_picture)
        finally:
            engine.abort()
            engine.join()


if __name__ == "__main__":
    main(
        float(sys.argv[1]) if len(sys.argv) > 1 else 62.0,
        Path(sys.argv[2]) if len(sys.argv) > 2 else Path("docs/screenshot.svg"),
    )
