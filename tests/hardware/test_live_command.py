"""The whole main job on a microphone: what is said is on disk when the user presses Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from realtime_ser.sinks.reader import read_timeline
from tests.hardware.conftest import ROOT
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hardware.conftest import VirtualMicrophone

pytestmark = pytest.mark.hardware


def test_live_mic_logs_what_is_said(virtual_microphone: VirtualMicrophone, tmp_path: Path) -> None:
    samples, rate = soundfile.read(ROOT / "realtime_ser" / "data" / "demo.ogg", dtype="float32")
    speech = np.ascontiguousarray(samples[: 12 * rate, 0])
    timeline = tmp_path / "timeline.csv"
    live = subprocess.Popen(
        [sys.executable, "-m", "realtime_ser", "live", "mic", "--plain", "--csv", str(timeline)],
        env=virtual_microphone.environment, cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        wait_until(timeline.exists, 60, "the timeline's header")
        virtual_microphone.play(speech, rate)
        wait_until(lambda: timeline.read_text().count(",window,") >= 4, 40, "rows of speech")
        live.send_signal(signal.SIGINT)
        printed, _ = live.communicate(timeout=30)
    finally:
        live.kill()
        live.wait(10)
    rows = read_timeline(timeline)
    assert live.returncode == 130
    assert len(printed.splitlines()) == 1 + len(rows)
    assert all(row.latency_ms is not None and row.latency_ms < 5_000 for row in rows)
    assert rows[-1].kind == "utterance"
