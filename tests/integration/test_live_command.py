"""``realtime-ser live --plain`` as users and scripts run it, in processes of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from realtime_ser.alerts.flags import alerts_of
from realtime_ser.sinks.reader import read_timeline
from tests.models import save_untrained
from tests.receiver import receiving
from tests.signals import silence, speech_like

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_untrained(tmp_path_factory.mktemp("model"))


def write(file: Path, seconds: float = 1.2) -> Path:
    sf.write(file, np.concatenate([silence(0.3), speech_like(seconds), silence(0.6)]), 16_000)
    return file


def live(
    model: Path, *arguments: str | bytes, **options: object
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "realtime_ser", "live", *arguments]
    return subprocess.run(
        [*command, "--plain", "--model", str(model)],
        capture_output=True, timeout=120, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        **({"stdin": subprocess.DEVNULL} | options),
    )  # type: ignore[call-overload,no-any-return]  # fmt: skip


def one_line(done: subprocess.CompletedProcess[bytes]) -> str:
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.decode(errors="replace").splitlines()
    return line


def test_rows_are_printed_and_written(model: Path, tmp_path: Path) -> None:
    recording = write(tmp_path / "call.wav")
    timeline = tmp_path / "t.csv"
    done = live(model, str(recording), "--csv", str(timeline))
    assert done.returncode == 0, done.stderr
    rows = read_timeline(timeline)
    assert [row.kind for row in rows].count("utterance") == 1
    assert len(done.stdout.splitlines()) == 1 + len(rows)
    assert done.stderr == b""


def test_a_pipe_goes_in_and_rows_come_out(model: Path) -> None:
    audio = np.concatenate([silence(0.3), speech_like(1.2), silence(0.6)])
    pcm = (audio * 32_767).astype("<i2").tobytes()
    done = live(model, "-", "--csv", "-", stdin=None, input=pcm)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"schema,stream,")
    assert done.stdout.count(b"\n") > 2


@pytest.mark.skipif(os.name == "nt", reason="there is no /dev/full")
def test_rows_on_stdout_do_not_need_a_stderr(model: Path, tmp_path: Path) -> None:
    call = str(write(tmp_path / "call.wav"))
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "realtime_ser", "live", call, "--csv", "-"]
        done = subprocess.run(
            [*command, "--model", str(model)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=full, timeout=120, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.count(b"\n") > 2


@pytest.mark.skipif(os.name == "nt", reason="files of standard input are told on POSIX only")
def test_the_file_that_comes_in_is_not_written_over(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "call.raw"
    file.write_bytes(bytes(64_000))
    with file.open("rb") as stream:
        done = live(model, "-", "--csv", str(file), "--overwrite", stdin=stream)
    assert "is the recording itself" in one_line(done)
    assert file.read_bytes() == bytes(64_000)


def test_raw_pcm_on_stdin(model: Path, tmp_path: Path) -> None:
    speech = np.concatenate([silence(0.3), speech_like(1.2), silence(0.6)])
    pcm = tmp_path / "call.s16"
    pcm.write_bytes((speech * 32767).astype("<i2").tobytes() + b"\x00")
    timeline = tmp_path / "t.jsonl"
    with pcm.open("rb") as stdin:
        done = live(model, "-", "--jsonl", str(timeline), stdin=stdin)
    assert done.returncode == 0, done.stderr
    assert read_timeline(timeline)[-1].kind == "utterance"
    assert b"inside a sample" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("live call.wav --csv t.csv", "t.csv: already exists; use --append"),
        ("live call.wav --jsonl t.csv --append", "t.csv: not a JSON Lines timeline"),
        ("live call.wav --csv nowhere/t.csv", "nowhere/t.csv: its folder does not exist"),
        ("live call.wav --csv t.csv --append --overwrite", "exclude each other"),
        ("live none.wav", "none.wav: "),
        ("live call.wav --speaker a/b", "use a name of letters"),
        ("demo --csv t.csv", "t.csv: already exists"),
        ("analyze t.csv --output .", "t.csv: exists already"),
        ("analyze mic --output .", "analyze takes recordings"),
        ("calibrate anna none.wav", "none.wav: "),
        ("calibrate a/b call.wav", "use a name of letters"),
    ],
)
def test_what_is_wrong_with_files_and_names_is_said_before_torch_is_loaded(
    tmp_path: Path, arguments: str, words: str
) -> None:
    write(tmp_path / "call.wav")
    (tmp_path / "t.csv").write_text("precious\n")
    code = (
        "import sys\nfrom realtime_ser.cli.main import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit as end: assert end.code == 2\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments.split()], cwd=tmp_path, timeout=120, check=False,
        capture_output=True, stdin=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    (line,) = done.stderr.decode().splitlines()
    assert words in line
    assert done.returncode == 0
    assert (tmp_path / "t.csv").read_text() == "precious\n"


@pytest.mark.parametrize("link", ["same", "absolute", "symbolic"])
def test_one_file_is_not_written_twice_at_once(model: Path, tmp_path: Path, link: str) -> None:
    write(tmp_path / "call.wav")
    (tmp_path / "t.csv").write_text("precious\n")
    other = {"same": "t.csv", "absolute": str(tmp_path / "t.csv"), "symbolic": "link.jsonl"}[link]
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "t.csv")
    done = live(model, "call.wav", "--csv", "t.csv", "--jsonl", other, "--overwrite", cwd=tmp_path)
    assert "--csv and --jsonl need different files" in one_line(done)
    assert (tmp_path / "t.csv").read_text() == "precious\n"


def test_a_recording_is_not_written_over(model: Path, tmp_path: Path) -> None:
    recording = write(tmp_path / "call.wav")
    before = recording.read_bytes()
    done = live(model, str(recording), "--csv", str(recording), "--overwrite")
    assert "is the recording itself" in one_line(done)
    assert recording.read_bytes() == before


def test_an_overlong_name_is_said_in_one_line(model: Path, tmp_path: Path) -> None:
    recording = write(tmp_path / "call.wav")
    assert "cannot be" in one_line(live(model, str(recording), "--csv", "a" * 5000, cwd=tmp_path))
    done = live(Path("m" * 5000), str(recording))
    assert "shipped models: default" in one_line(done)


@pytest.mark.skipif(sys.platform != "linux", reason="names on this disk are text")
def test_a_name_that_is_not_text_is_played(model: Path, tmp_path: Path) -> None:
    recording = write(tmp_path / "call.wav").rename(tmp_path / os.fsdecode(b"\xff\xfebad.wav"))
    done = live(model, os.fsencode(recording), "--csv", str(tmp_path / "t.csv"))
    assert done.returncode == 0, done.stderr
    assert len(read_timeline(tmp_path / "t.csv")) > 0


def test_a_closed_stdout_is_no_fault(model: Path, tmp_path: Path) -> None:
    recording = write(tmp_path / "call.wav")
    timeline = tmp_path / "t.csv"
    command = [sys.executable, "-m", "realtime_ser", "live", str(recording), "--plain",
               "--model", str(model), "--csv", str(timeline)]  # fmt: skip
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command], cwd=ROOT, timeout=120, check=False,
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(read_timeline(timeline)) > 0


def test_a_recording_damaged_in_the_middle_is_said(model: Path, tmp_path: Path) -> None:
    recording = tmp_path / "call.ogg"
    sf.write(recording, np.concatenate([speech_like(2.0, seed=i) for i in range(3)]), 16_000)
    content = bytearray(recording.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 6000] = np.random.default_rng(0).bytes(6000)
    recording.write_bytes(bytes(content))
    assert "call.ogg: " in one_line(live(model, str(recording)))


def settings(folder: Path, url: str) -> str:
    """A file of settings whose rule holds whenever somebody speaks."""
    (folder / "secret").write_text("0123456789abcdef0123456789abcdef")
    file = folder / "alerts.toml"
    file.write_text(
        f"[alerts]\nrules = ['heard: confidence >= 0 for 1 s']\nwebhook = '{url}'\n"
        f"secret_file = '{folder / 'secret'}'\n"
    )
    return str(file)


def test_an_alert_is_printed_written_and_posted(model: Path, tmp_path: Path) -> None:
    recording, timeline = write(tmp_path / "call.wav"), tmp_path / "t.csv"
    with receiving() as receiver:
        config = settings(tmp_path, receiver.url("/hook"))
        done = live(model, str(recording), "--csv", str(timeline), "--config", config)
    assert (done.returncode, done.stderr) == (0, b"")
    rows = read_timeline(timeline)
    (alert,) = [row for row in rows if row.kind == "alert"]
    assert alerts_of(alert) == ["heard"]
    (line,) = [line for line in done.stdout.decode().splitlines() if line.startswith("!")]
    assert line.endswith("  heard")
    ((path, _, body),) = receiver.came
    content = json.loads(body)
    assert (path, content["alert"], content["end"]) == ("/hook", "heard", alert.end)


def test_a_webhook_that_is_not_there_is_told_and_harms_nothing(model: Path, tmp_path: Path) -> None:
    recording, timeline = write(tmp_path / "call.wav"), tmp_path / "t.csv"
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
    config = settings(tmp_path, url)
    done = live(model, str(recording), "--csv", str(timeline), "--config", config)
    assert done.returncode == 0
    assert [row.kind for row in read_timeline(timeline)].count("alert") == 1
    first, last = done.stderr.decode().splitlines()
    assert "alerts.webhook: 127.0.0.1 cannot be reached" in first
    assert "1 of 1 alerts were not delivered to 127.0.0.1" in last


def test_a_webhook_without_its_secret_is_refused(model: Path, tmp_path: Path) -> None:
    config = settings(tmp_path, "https://example.com/")
    (tmp_path / "secret").unlink()
    line = one_line(live(model, str(write(tmp_path / "call.wav")), "--config", config))
    assert "alerts.secret_file" in line
    assert "cannot be read" in line
