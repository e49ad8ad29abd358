from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from realtime_ser.bench import BENCHMARKS, BenchmarkResult, startup
from realtime_ser.capture.driver import DeviceInfo
from realtime_ser.cli import bench, devices, models
from realtime_ser.errors import ConfigError, ModelError, SinkError

if TYPE_CHECKING:
    from pathlib import Path

RESULT = BenchmarkResult(
    title="Probe",
    columns=("what", "s"),
    rows=(("first", 0.123456), ("second", 2.0)),
    figure="second",
    value=2.0,
    unit="s",
)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the benchmarks that were run."""
    names: list[str] = []

    def run(name: str, **_: object) -> BenchmarkResult:
        names.append(name)
        return RESULT

    monkeypatch.setattr(bench, "run_benchmark", run)
    return names


def test_bench_ends_with_the_figure_that_matters(
    measured: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    bench.command("startup")
    lines = capsys.readouterr().out.splitlines()
    assert measured == ["startup"]
    assert "first" in "".join(lines)
    assert "0.1235" in "".join(lines)
    assert lines[-1] == "second: 2 s"


def test_bench_writes_json(measured: list[str], tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    bench.command("startup", file)
    content = json.loads(file.read_text(encoding="utf-8"))
    assert measured
    assert (content["benchmark"], content["value"], content["unit"]) == ("startup", 2.0, "s")
    assert content["rows"] == [["first", 0.123456], ["second", 2.0]]
    assert content["machine"]["cores"] >= 1


def test_bench_refuses_an_unknown_name(measured: list[str]) -> None:
    with pytest.raises(
        ConfigError,
        match=r"benchmark 'nope': unknown; known benchmarks: stream, streams, latency, startup",
    ):
        bench.command("nope")
    assert measured == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is a folder"),
        ("missing/bench.json", "its folder does not exist"),
        ("x" * 300, "File name too long"),
    ],
)
def test_bench_checks_its_file_before_it_measures(
    measured: list[str], tmp_path: Path, name: str, why: str
) -> None:
    with pytest.raises(SinkError, match=why):
        bench.command("startup", tmp_path / name)
    assert measured == []


def test_startup_reports_the_median_of_warm_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([99.0, 1.0, 5.0, 2.0, 4.0, 3.0] * len(startup.STARTS))
    monkeypatch.setattr(startup, "_start", lambda arguments: next(seconds))
    result = startup.run()
    assert [row[0] for row in result.rows] == [label for label, _ in startup.STARTS]
    assert {row[1:] for row in result.rows} == {(3.0, 1.0, 5.0)}
    assert result.value == 3.0


def test_every_benchmark_can_be_run() -> None:
    from importlib import import_module

    for name in BENCHMARKS:
        assert callable(import_module(f"realtime_ser.bench.{name}").run)


def device(index: int, name: str, *, is_default: bool = False) -> DeviceInfo:
    return DeviceInfo(index, name, "ALSA", 2, 44_100, is_default, (16_000, 44_100))


def shown(found: list[DeviceInfo], width: int = 120) -> str:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(devices.device_table(found))
    return capture.get()


def test_devices_marks_the_default() -> None:
    lines = shown([device(0, "[red]Built-in"), device(7, "Headset", is_default=True)]).splitlines()
    built_in = next(line for line in lines if "[red]Built-in" in line)
    headset = next(line for line in lines if "Headset" in line)
    assert "*" not in built_in
    assert headset.split() == ["*", "7", "Headset", "ALSA", "2", "44100", "16000", "44100"]


def test_devices_never_cuts_a_name() -> None:
    name = "Very long name of a device " * 4
    text = "".join(shown([device(0, name)], width=80).split())
    for word in name.split():
        assert word in text
    assert "…" not in text


def test_devices_says_when_there_are_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(devices, "list_devices", list)
    devices.command()
    assert capsys.readouterr().out == (
        "No device to record from was found; connect a microphone.\n"
    )


DESCRIPTION = """
format = 4
name = "probe"
network = "multiscale_lstm"
classes = ["angry", "neutral"]
sample_rate = 16000

[training]
corpora = [{ name = "Corpus", licence = "ODbL" }, "Other"]

[scores]
uar = 0.61234
protocol = "clip"
per_fold = [0.6, 0.62]
"""


def test_models_tells_what_the_description_says(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text(DESCRIPTION, encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(bytes(1_200_000))
    lines = [line.split(maxsplit=1) for line in models.describe(tmp_path)]
    assert lines[0] == [tmp_path.name]
    assert ["network", "multiscale_lstm"] in lines
    assert ["classes", "angry, neutral"] in lines
    assert ["size", "1.2 MB"] in lines
    assert ["trained", "on Corpus (ODbL), Other"] in lines
    assert ["scores", "uar 0.612, protocol clip"] in lines


@pytest.mark.parametrize("text", ["", "format = 99", "format = 1", "]"])
def test_models_survives_a_poor_description(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.toml").write_text(text, encoding="utf-8")
    lines = models.describe(tmp_path)
    assert lines[0].startswith(tmp_path.name)
    assert any("not stated" in line or "model.toml" in line for line in lines)


def test_models_without_any_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "list_models", list)
    with pytest.raises(ModelError, match="install the package again"):
        models.command()
