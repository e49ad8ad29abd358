"""The screen on a microphone: muted, heard, learned, unplugged and back."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from realtime_ser.sinks.reader import read_timeline
from tests.hardware.conftest import ROOT
from tests.terminal import MISSING, Terminal
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hardware.conftest import VirtualMicrophone

pytestmark = [
    pytest.mark.hardware,
    pytest.mark.skipif(bool(MISSING), reason=MISSING or "tmux is there"),
]


@pytest.fixture
def terminal(virtual_microphone: VirtualMicrophone, tmp_path: Path) -> Iterator[Terminal]:
    environment = virtual_microphone.environment | {"XDG_DATA_HOME": str(tmp_path)}
    terminal = Terminal(tmp_path, environment)
    yield terminal
    terminal.end()


def test_a_microphone_from_mute_to_gone_and_back(
    virtual_microphone: VirtualMicrophone, terminal: Terminal, tmp_path: Path
) -> None:
    samples, rate = soundfile.read(ROOT / "realtime_ser" / "data" / "demo.ogg", dtype="float32")
    # Without pauses, so that the voice is learned in less than half a minute.
    speech = np.concatenate([samples[2 * rate : 12 * rate].sum(axis=1)] * 6)
    log = tmp_path / "mic.csv"
    command = [sys.executable, "-m", "realtime_ser", "live", "mic", "--csv", str(log)]
    terminal.type(shlex.join(command) + "; echo ended with $?\n")
    terminal.wait_for("unmute it")
    virtual_microphone.play(speech, rate)
    terminal.wait_for("the level is fine again", 15)
    wait_until(lambda: len(read_timeline(log)) >= 3, 30, "rows")
    terminal.press("c")
    terminal.wait_for("whose voice is it?", 10)
    terminal.type("anna")
    terminal.press("Enter")
    terminal.wait_for("s heard", 15)
    terminal.wait_for("voice is known", 60)
    assert list((tmp_path / "realtime-ser" / "speakers").glob("anna*"))
    terminal.press("d")
    terminal.wait_for("enter picks", 20)
    terminal.press("Down", "Enter")
    terminal.wait_for("listening to mic:", 30)
    virtual_microphone.kill()
    terminal.wait_for("opening it again", 15)
    virtual_microphone.start()
    terminal.wait_for("audio is back", 40)
    terminal.press("q")
    terminal.wait_for("ended with 0", 20)
    assert read_timeline(log)[-1].kind in ("utterance", "window")
