"""``analyze`` that ends early: what was heard is kept, whole, under its name, and summed up."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf

from realtime_ser.alerts.flags import alerts_of
from realtime_ser.capture.file import FileSource
from realtime_ser.cli.main import main
from realtime_ser.engine import Engine
from realtime_ser.errors import SinkError, SourceError
from realtime_ser.sinks.csv import CsvSink
from realtime_ser.sinks.reader import read_timeline
from tests.models import save_untrained
from tests.receiver import receiving
from tests.signals import silence, speech_like

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtime_ser.types import CapturedBlock, TimelineRow

SECONDS = 6.0


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_untrained(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("recordings")
    calls = [folder / "first.wav", folder / "second.wav", folder / "third.wav"]
    for call in calls:
        speech = speech_like(SECONDS - 1.0, seed=len(call.stem))
        sf.write(call, np.concatenate([speech, silence(1.0)]), 16_000)
    return [str(call) for call in calls]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out"


def analyze(*arguments: str | Path) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        main(["analyze", *map(str, arguments)])
    return ended.value.code


def summary(output: Path) -> list[dict[str, str]]:
    with (output / "summary.csv").open() as stream:
        return list(csv.DictReader(stream))


def names(output: Path) -> list[str]:
    return sorted(file.name for file in output.iterdir())


def at_second(
    seconds: float, uri: str, then: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Do something once that much of a recording was read; nothing more comes of it then."""
    read = FileSource.read
    samples = 0

    def watched(self: FileSource, timeout: float) -> CapturedBlock | None:
        nonlocal samples
        if str(self._path) != uri:
            return read(self, timeout)
        if samples >= seconds * 16_000:
            threading.Event().wait(timeout)
            return None
        block = read(self, timeout)
        if block is not None:
            samples += len(block.samples)
        if samples >= seconds * 16_000:
            then()
        return block

    monkeypatch.setattr(FileSource, "read", watched)


def send(number: signal.Signals) -> Callable[[], None]:
    main_thread = threading.main_thread().ident
    assert main_thread is not None
    return lambda: signal.pthread_kill(main_thread, number)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_an_interrupt_keeps_what_was_heard(
    model: Path, recordings: list[str], output: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], number: signal.Signals, status: int, form: str,
) -> None:  # fmt: skip
    handler = signal.getsignal(number)
    at_second(3.0, recordings[1], send(number), monkeypatch)
    assert analyze(*recordings, "--output", output, "--format", form, "--model", model) == status
    assert f"second.{form}: stopped; its rows end at 3.0 s" in capsys.readouterr().err
    assert names(output) == [f"first.{form}", f"second.{form}", "summary.csv"]
    assert [record["recording"] for record in summary(output)] == recordings[:2]
    assert [float(r["seconds"]) for r in summary(output)] == pytest.approx([6.0, 3.0], abs=0.05)
    assert [record["utterances"] for record in summary(output)] == ["1", "1"]
    if form != "parquet":
        kept = read_timeline(output / f"second.{form}")
        assert kept[-1].kind == "utterance"
        assert kept[-1].end == pytest.approx(3.0, abs=0.05)
    assert signal.getsignal(number) is handler


def test_an_interrupt_before_the_first_row_leaves_no_timeline(
    model: Path, recordings: list[str], output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_second(0.01, recordings[0], send(signal.SIGINT), monkeypatch)
    assert analyze(*recordings, "--output", output, "--model", model) == 130
    assert names(output) == []


def test_an_impatient_user_keeps_the_rows_that_were_written(
    model: Path, recordings: list[str], output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, stop = CsvSink.write, Engine.stop
    interrupt = send(signal.SIGINT)
    draining = threading.Event()
    written: list[bool] = []

    def note_draining(self: Engine) -> None:
        stop(self)
        draining.set()

    def interrupted_once_more(self: CsvSink, row: TimelineRow) -> None:
        write(self, row)
        if draining.is_set() and not any(written):
            interrupt()
        written.append(draining.is_set())

    monkeypatch.setattr(Engine, "stop", note_draining)
    monkeypatch.setattr(CsvSink, "write", interrupted_once_more)
    at_second(3.0, recordings[0], interrupt, monkeypatch)
    assert analyze(recordings[0], "--output", output, "--model", model) == 130
    assert any(written)
    assert len(read_timeline(output / "first.csv")) == len(written)


def test_a_full_disk_leaves_the_finished_recordings_summed_up(
    model: Path, recordings: list[str], output: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    write = CsvSink.write

    def limited(self: CsvSink, row: TimelineRow) -> None:
        if "second" in row.stream:
            raise SinkError("second.csv.part: cannot be written (No space left on device)")
        write(self, row)

    monkeypatch.setattr(CsvSink, "write", limited)
    assert analyze(*recordings, "--output", output, "--model", model) == 2
    assert names(output) == ["first.csv", "summary.csv"]
    assert [record["recording"] for record in summary(output)] == recordings[:1]
    assert capsys.readouterr().err.splitlines() == [
        "realtime-ser: second.csv.part: cannot be written (No space left on device)"
    ]


def test_a_recording_that_breaks_while_it_is_left_does_not_hold_the_user(
    model: Path, recordings: list[str], output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt = send(signal.SIGINT)

    def interrupt_and_break() -> None:
        interrupt()
        raise SourceError("first.wav: broken")

    at_second(3.0, recordings[0], interrupt_and_break, monkeypatch)
    assert analyze(*recordings, "--output", output, "--model", model) == 130
    assert names(output) == ["first.csv", "summary.csv"]


def test_a_folder_stands_for_the_recordings_in_it(
    model: Path, recordings: list[str], tmp_path: Path, output: Path
) -> None:
    calls = tmp_path / "calls"
    (calls / "older.wav").mkdir(parents=True)
    for call in recordings[:2]:
        shutil.copy(call, calls)
    (calls / "notes.txt").write_text("quiet line")
    (calls / "myself.wav").symlink_to(calls / "myself.wav")
    (calls / "._first.wav").write_bytes(b"what one system leaves on the disks of others")
    assert analyze(calls, "--output", output, "--model", model) == 0
    assert names(output) == ["first.csv", "second.csv", "summary.csv"]


def test_recordings_that_differ_in_their_ending_keep_it(
    model: Path, recordings: list[str], tmp_path: Path, output: Path
) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    for name in ("call.wav", "call.aiff", "other.wav"):
        sf.write(calls / name, speech_like(2.0), 16_000)
    assert analyze(calls, "--output", output, "--model", model) == 0
    assert names(output) == ["call.aiff.csv", "call.wav.csv", "other.csv", "summary.csv"]


def test_two_recordings_of_one_name_are_refused(
    recordings: list[str], tmp_path: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(recordings[0], tmp_path)
    assert analyze(recordings[0], tmp_path / "first.wav", "--output", output) == 2
    assert "another input has the same name" in capsys.readouterr().err
    assert not output.exists()


def test_a_recording_that_is_not_there_is_said_before_anything_is_made(
    tmp_path: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = [tmp_path / "a\nb.wav", tmp_path / "c.wav"]
    assert analyze(*missing, "--output", output, "--model", "nobody's") == 2
    assert capsys.readouterr().err.splitlines() == [
        f"realtime-ser: {tmp_path}/a b.wav: no such file; check the path",
        f"realtime-ser: {tmp_path}/c.wav: no such file; check the path",
    ]
    assert not output.exists()


def test_an_empty_name_is_refused(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert analyze("", "--output", output) == 2
    assert "INPUT: an empty name" in capsys.readouterr().err


def test_a_recording_that_is_not_there_does_not_hold_the_others(
    model: Path, recordings: list[str], output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert analyze("nowhere.wav", recordings[0], "--output", output, "--model", model) == 2
    assert names(output) == ["first.csv", "summary.csv"]
    assert "nowhere.wav: no such file" in capsys.readouterr().err


def test_the_longest_name_that_a_disk_holds_is_no_trouble(
    model: Path, recordings: list[str], tmp_path: Path, output: Path
) -> None:
    longest = tmp_path / ("x" * 251 + ".wav")
    shutil.copy(recordings[0], longest)
    assert analyze(longest, "--output", output, "--model", model) == 0
    assert names(output) == ["summary.csv", "x" * 251 + ".csv"]


def test_no_name_in_a_folder_is_a_microphone(
    model: Path, recordings: list[str], tmp_path: Path, output: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    shutil.copy(recordings[0], tmp_path / "mic:call.wav")
    monkeypatch.chdir(tmp_path)
    assert analyze(".", "--output", output, "--model", model) == 0
    assert names(output) == ["mic:call.csv", "summary.csv"]


@pytest.mark.skipif(os.name != "posix", reason="names are text elsewhere")
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_name_that_is_no_text_is_in_the_summary_with_question_marks(
    model: Path, recordings: list[str], tmp_path: Path, output: Path, form: str
) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    calls = tmp_path / "calls"
    calls.mkdir()
    try:
        shutil.copy(recordings[0], os.fsencode(calls) + b"/b\xff.wav")
    except OSError:
        pytest.skip("this disk takes names in UTF-8 only")
    shutil.copy(recordings[1], calls / "c.wav")
    assert analyze(calls, "--output", output, "--model", model, "--format", form) == 0
    content = (output / "summary.csv").read_bytes()
    assert b"b?" in content
    assert b"\r" not in content
    assert len(content.splitlines()) == 3


def test_an_output_that_no_disk_holds_is_refused(
    recordings: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert analyze(recordings[0], "--output", tmp_path / ("y" * 300)) == 2
    assert "cannot be written (File name too long)" in capsys.readouterr().err


def test_a_name_that_no_disk_holds_is_refused(
    output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert analyze("x" * 300 + ".wav", "--output", output) == 2
    assert "cannot be read (File name too long)" in capsys.readouterr().err


def test_a_folder_without_recordings_is_refused(
    tmp_path: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("quiet line")
    assert analyze(tmp_path, "--output", output) == 2
    assert f"{tmp_path}: no recordings are in it" in capsys.readouterr().err
    assert not output.exists()


def test_a_folder_in_the_way_is_refused_before_anything_runs(
    model: Path, recordings: list[str], output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (output / "second.csv").mkdir(parents=True)
    arguments = (*recordings, "--output", output, "--model", model, "--overwrite")
    assert analyze(*arguments) == 2
    assert "second.csv: is a folder" in capsys.readouterr().err
    assert names(output) == ["second.csv"]


def test_an_old_summary_is_refused_before_anything_runs(
    model: Path, recordings: list[str], output: Path
) -> None:
    output.mkdir()
    (output / "summary.csv").write_text("mine")
    assert analyze(*recordings, "--output", output, "--model", model) == 2
    assert names(output) == ["summary.csv"]
    assert (output / "summary.csv").read_text() == "mine"


def test_alerts_are_written_and_counted_and_nobody_is_told(
    model: Path, recordings: list[str], output: Path, tmp_path: Path
) -> None:
    config = tmp_path / "alerts.toml"
    with receiving() as receiver:
        config.write_text(
            "[alerts]\nrules = ['heard: confidence >= 0 for 2 s', 'confidence >= 0 for 3 s']\n"
            f"webhook = '{receiver.url('/')}'\nsecret_file = 'nowhere'\n"
        )
        assert analyze(recordings[0], "--output", output, "--model", model, "--config", config) == 0
    assert receiver.came == []
    rows = read_timeline(output / "first.csv")
    alerts = [row for row in rows if row.kind == "alert"]
    assert [alerts_of(row) for row in alerts] == [["heard"], ["confidence-for-3-s"]]
    for alert in alerts:
        before = rows[rows.index(alert) - 1]
        assert (before.kind, before.end) == ("window", alert.end)
    assert [record["alerts"] for record in summary(output)] == ["2"]
