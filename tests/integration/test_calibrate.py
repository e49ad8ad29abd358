"""``realtime-ser calibrate`` and what ``live --speaker`` makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from realtime_ser.baseline import list_baselines, load_baseline, save_baseline
from realtime_ser.cli.main import main
from realtime_ser.models import load_model
from realtime_ser.sinks.reader import read_timeline
from tests.models import save_untrained
from tests.signals import silence, speech_like


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_untrained(tmp_path / "model", voice=8)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "speakers"
    monkeypatch.setattr("realtime_ser.baseline.speakers_folder", lambda: folder)
    monkeypatch.setattr("realtime_ser.assembly.speakers_folder", lambda: folder)
    return folder


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def recording(file: Path, sentences: int) -> Path:
    pieces = [x for i in range(sentences) for x in (speech_like(2.0, seed=i), silence(0.6))]
    sf.write(file, np.concatenate(pieces), 16_000)
    return file


def test_a_known_speaker_is_known_from_the_first_row(
    tmp_path: Path, model: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calm = recording(tmp_path / "calm.wav", 6)
    assert run("calibrate", "anna", calm, "--seconds", "8", "--model", model) == 0
    assert list_baselines(folder) == ["anna"]
    assert "anna: " in capsys.readouterr().out
    assert run("calibrate", "--list") == 0
    assert capsys.readouterr().out == "anna\n"

    call = recording(tmp_path / "call.wav", 1)
    rows = {}
    for speaker in ("anna", None):
        timeline = tmp_path / f"{speaker}.csv"
        options = ["--speaker", speaker] if speaker else []
        live = ["live", call, "--plain", "--csv", timeline, "--model", model, *options]
        assert run(*live) == 0
        rows[speaker] = read_timeline(timeline)
    assert rows[None][0].adapted == 0.0
    assert 8.0 <= rows["anna"][0].adapted < 11.0
    assert rows["anna"][0].probabilities != rows[None][0].probabilities


def test_too_little_speech_makes_no_baseline(
    tmp_path: Path, model: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = recording(tmp_path / "short.wav", 1)
    assert run("calibrate", "anna", short, "--model", model) == 2
    error = capsys.readouterr().err
    assert "s of speech were heard; 5 s are needed" in error
    assert error.count("\n") == 1
    assert list_baselines(folder) == []


def test_a_model_that_does_not_adapt_is_no_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save_untrained(tmp_path / "other")
    calm = recording(tmp_path / "calm.wav", 1)
    assert run("calibrate", "anna", calm, "--model", model) == 2
    assert "does not adapt to speakers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["calibrate"], "names no speaker"),
        (["calibrate", "a/b", "x.wav"], "use a name of letters"),
        (["calibrate", "\N{MATHEMATICAL BOLD CAPITAL A}" * 64, "x.wav"], "and 200 bytes"),
        (["calibrate", "anna", "-"], "cannot listen to '-'"),
        (["calibrate", "anna", "none.wav"], "none.wav: "),
        (["calibrate", "anna", "--forget"], "nothing to forget"),
        (["calibrate", "anna", "--seconds", "1"], "--seconds"),
        (["live", "call.wav", "--speaker", "anna", "--channels", "split"], "channels = 'mix'"),
    ],
)
def test_what_a_user_got_wrong_is_said(
    tmp_path: Path,
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_whom_the_settings_leave_out_is_not_learned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "calls.toml"
    settings.write_text('[capture]\nchannels = "split"\nleft_out = [1]\n')
    call = recording(tmp_path / "call.wav", 2)
    assert run("calibrate", "anna", call, "--config", settings) == 2
    assert "hears all channels as one voice" in capsys.readouterr().err


def test_a_damaged_baseline_is_said(
    tmp_path: Path, model: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = recording(tmp_path / "call.wav", 3)
    assert run("calibrate", "anna", call, "--seconds", "5", "--model", model) == 0
    found = load_baseline("anna", load_model(model).sha256, folder)
    found.memory["speaker_units"].fill_(-100.0)
    save_baseline(found, folder)
    capsys.readouterr()
    assert run("live", call, "--speaker", "anna", "--plain", "--model", model) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "speaker 'anna': the baseline is damaged" in line
    assert "run 'realtime-ser calibrate' again" in line


def test_a_place_that_cannot_be_written_is_said_before_anybody_speaks(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("realtime_ser.assembly.load_recognizer", None)
    folder.touch()
    assert run("calibrate", "anna", recording(tmp_path / "call.wav", 1)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{folder}: cannot be written (File exists)" in line


def test_somebody_nobody_calibrated_is_said(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = recording(tmp_path / "call.wav", 1)
    assert run("live", call, "--speaker", "anna", "--plain", "--model", model) == 2
    assert "run 'realtime-ser calibrate anna' first" in capsys.readouterr().err
