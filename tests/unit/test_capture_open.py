from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from realtime_ser.capture.file import FileSource
from realtime_ser.capture.microphone import MicrophoneSource
from realtime_ser.capture.open import open_source
from realtime_ser.capture.pipe import PcmFormat, PipeSource
from realtime_ser.config import CaptureConfig
from realtime_ser.errors import SourceError
from realtime_ser.testing import ManualClock
from tests.signals import tone


def make(uri: str, **more: object) -> object:
    return open_source(uri, CaptureConfig(), ManualClock(), paced=False, **more)  # type: ignore[arg-type]


def test_a_path_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    soundfile.write("mic.wav", tone(0.1), 16_000)
    Path("mic").write_bytes(Path("mic.wav").read_bytes())
    for uri in ("mic.wav", "./mic", str(tmp_path / "mic")):
        source = make(uri)
        assert isinstance(source, FileSource)
        assert source.open().duration == pytest.approx(0.1)
        source.close()


def test_minus_is_standard_input() -> None:
    source = make("-", pcm=PcmFormat(8_000, "alaw", 2), stdin=io.BytesIO(bytes(10)))
    assert isinstance(source, PipeSource)
    info = source.open()
    assert (info.sample_rate, info.channels) == (8_000, 2)


@pytest.mark.parametrize("uri", ["mic", "mic:3", "mic:USB Audio", "mic:" + "9" * 5000])
def test_mic_is_a_microphone_that_is_not_touched_yet(uri: str) -> None:
    assert isinstance(make(uri), MicrophoneSource)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("", "an empty name"),
        ("mic:", "names no device"),
        ("-", "no standard input"),
        ("nowhere.wav", "no such file"),
        (".", "is a folder"),
        ("a\0b", "cannot be read"),
    ],
)
def test_what_can_be_refused_at_once(uri: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as error:
        make(uri)
    assert "\n" not in str(error.value)


def test_a_start_is_for_recordings(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(2.0), 16_000)
    source = make(str(path), start=1.5)
    assert isinstance(source, FileSource)
    source.open()
    block = source.read(1.0)
    source.close()
    assert block is not None
    assert block.lost == 24_000


@pytest.mark.parametrize("uri", ["mic", "mic:3", "-"])
def test_what_is_heard_now_has_no_other_start(uri: str) -> None:
    with pytest.raises(SourceError, match=rf"{uri}: only a recording can start at 90 s; leave"):
        make(uri, start=90.0, stdin=io.BytesIO())
    make(uri, start=0.0, stdin=io.BytesIO())


def test_importing_capture_loads_no_audio_system_and_no_torch() -> None:
    code = (
        "import sys, realtime_ser.capture.open, realtime_ser.capture.devices, realtime_ser.testing;"
        "print([m for m in ('sounddevice', 'torch', 'textual') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
