"""The loop train -> evaluate -> analyze through the commands, on generated voices."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch

from realtime_ser.cli.main import main
from realtime_ser.models import load_model
from realtime_ser.training.recipe import read_recipe
from realtime_ser.training.run import train
from tests.corpus import PITCHES, write_corpus

RECIPE = """
name = "tiny"
network = "multiscale_lstm"
classes = ["angry", "neutral", "sad"]
[data]
index = "unused"
corpora = ["made"]
fold_corpus = "made"
folds = ["1", "2"]
validation_speakers = 1
[hyper]
n_classes = 3
channels = [4, 6, 8, 8]
embedding = 12
voice = 0
segment_units = [2, 4, 8]
hidden = 10
[optimizer]
epochs = 3
batch_size = 8
votes = 0.2
[augment]
speeds = [0.9, 1.0]
mixup = 0.3
"""


class Quiet:
    """Progress that nobody looks at; may pull the plug after some epochs."""

    def __init__(self, epochs: int | None = None) -> None:
        self.left = epochs

    def clips(self, name: str, total: int):  # type: ignore[no-untyped-def]
        return lambda: None

    def epoch(self, run: str, epoch: object, total: int) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    file.write_text(RECIPE)
    return file


@pytest.fixture(scope="module")
def model(index: Path, recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("run")
    (outcome,) = train(read_recipe(recipe), index, ["1"], output, torch.device("cpu"), Quiet())
    return outcome.folder


def test_an_interrupted_run_ends_like_an_uninterrupted_one(
    index: Path, recipe: Path, model: Path, tmp_path: Path
) -> None:
    plan, cpu = read_recipe(recipe), torch.device("cpu")
    with pytest.raises(KeyboardInterrupt):
        train(plan, index, ["1"], tmp_path, cpu, Quiet(epochs=1))
    (outcome,) = train(plan, index, ["1"], tmp_path, cpu, Quiet())
    expected = load_model(model).network.state_dict()  # type: ignore[attr-defined]
    found = load_model(outcome.folder).network.state_dict()  # type: ignore[attr-defined]
    for name, weights in expected.items():
        torch.testing.assert_close(found[name], weights, msg=name)


def test_a_trained_model_has_a_card(model: Path) -> None:
    card = (model / "README.md").read_text()
    assert "| made | 15 | CC0 |" in card or "| made | 12 | CC0 |" in card
    assert "decisions about people" in card


def run(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


@pytest.mark.parametrize("protocol", ["clip", "stream", "call"])
def test_evaluate_writes_what_the_contract_names(
    index: Path, model: Path, tmp_path: Path, protocol: str
) -> None:
    assert not run(
        "evaluate", "--index", str(index), "--protocol", protocol, "--model", str(model),
        "--corpus", "made", "--output", str(tmp_path), "--degrade", "noise:20",
    )  # fmt: skip
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["classes"] == list(PITCHES)
    assert 0.0 <= metrics["uar"] <= 1.0
    assert set(metrics["per_speaker"]) == {f"made/s{i}" for i in range(6)}
    assert set(metrics["by_sex"]) == {"f", "m"}
    with (tmp_path / "predictions.csv").open() as stream:
        assert len(list(csv.DictReader(stream))) == metrics["n"]
    for name in ("confusion_counts.png", "confusion_normalised.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_evaluate_counts_the_clips_that_it_leaves_out(
    index: Path, model: Path, tmp_path: Path
) -> None:
    text = index.read_text()
    other = index.with_name("other.csv")
    other.write_text(text + "0_angry_0.wav,made,s0,m,boredom,1,CC0,\n")
    assert not run(
        "evaluate", "--index", str(other), "--model", str(model), "--output", str(tmp_path)
    )
    assert json.loads((tmp_path / "metrics.json").read_text())["left_out"] == {"boredom": 1}


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_analyze_writes_a_timeline_a_recording_and_a_summary(
    index: Path, model: Path, tmp_path: Path, form: str
) -> None:
    inputs = [str(index.with_name(f"0_{emotion}_0.wav")) for emotion in PITCHES]
    assert not run(
        "analyze", *inputs, "--output", str(tmp_path), "--format", form, "--model", str(model)
    )
    for name in inputs:
        assert (tmp_path / f"{Path(name).stem}.{form}").stat().st_size > 0
    with (tmp_path / "summary.csv").open() as stream:
        records = list(csv.DictReader(stream))
    assert [record["recording"] for record in records] == inputs
    assert all(float(r["seconds"]) == pytest.approx(1.8, abs=0.01) for r in records)
    assert all(0.8 <= float(r["speech_seconds"]) <= 1.5 for r in records)
    assert not list(tmp_path.glob("*.part"))


def test_analyze_goes_on_after_a_broken_recording(
    index: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"this is no audio")
    good = index.with_name("0_angry_0.wav")
    output = tmp_path / "out"
    arguments = (str(broken), str(good), "--output", str(output), "--model", str(model))
    assert run("analyze", *arguments) == 2
    assert "broken.wav" in capsys.readouterr().err
    assert sorted(f.name for f in output.iterdir()) == ["0_angry_0.csv", "summary.csv"]


def test_analyze_never_overwrites_unless_told(index: Path, model: Path, tmp_path: Path) -> None:
    good = str(index.with_name("0_angry_0.wav"))
    arguments = ("analyze", good, "--output", str(tmp_path), "--model", str(model))
    assert not run(*arguments)
    before = (tmp_path / "0_angry_0.csv").read_bytes()
    assert run(*arguments) == 2
    assert (tmp_path / "0_angry_0.csv").read_bytes() == before
    assert not run(*arguments, "--overwrite")
