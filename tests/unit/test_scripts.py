"""What is evaluated, and what of it ships: the scripts between training and the card."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from realtime_ser.models import description_sha256, load_model, read_description
from scripts import evaluate_runs
from tests.models import save_untrained
from tests.unit.test_training_card import metrics

ROOT = Path(__file__).resolve().parents[2]
CORPORA = [{"name": "main", "clips": 9, "licence": "CC0"},
           {"name": "small", "clips": 5, "licence": "CC0"}]  # fmt: skip


def trained(folder: Path, held_out: dict[str, list[str]], *, seed: int = 0) -> Path:
    """A run's folder, as ``train`` leaves it."""
    model = save_untrained(folder / "model", voice=8, seed=seed)
    description = read_description(model)
    description["training"] = {
        "run": folder.name, "seed": 0, "epochs": 1, "seconds": 60, "device": "cpu",
        "validation_speakers": ["s1"], "corpora": CORPORA, "held_out": held_out,
    }  # fmt: skip
    (model / "model.toml").write_text(tomli_w.dumps(description))
    (folder / "log.csv").write_text("epoch\n1\n")
    return model


def given(folder: Path) -> argparse.Namespace:
    return argparse.Namespace(
        runs=folder / "runs", background=folder / "background", corpus="main", elsewhere=["strange"]
    )


def test_a_run_is_scored_on_what_it_held_out_and_nothing_else(tmp_path: Path) -> None:
    trained(tmp_path / "runs" / "1", {"main": ["1"], "small": ["1", "5"]})
    trained(tmp_path / "runs" / "final", {})
    (tmp_path / "background" / "noise" / "rain").mkdir(parents=True)
    (tmp_path / "background" / "noise" / "rain" / "1-a.opus").touch()
    found = {one.output.name: one.options for one in evaluate_runs.evaluations(given(tmp_path))}
    main_corpus = ["--corpus", "main", "--fold", "1"]
    for protocol in ("clip", "stream", "call"):
        assert found[f"1-{protocol}"] == ["--protocol", protocol, *main_corpus]
    assert found["1-clip_small"][2:] == ["--corpus", "small", "--fold", "1", "--fold", "5"]
    noise = str(tmp_path / "background" / "noise" / "**" / "1-*")
    assert found["1-clip_noise"][2:] == [*main_corpus, "--degrade", f"noise:10:{noise}"]
    assert found["1-clip_white"][2:] == [*main_corpus, "--degrade", "noise:10"]
    assert {name for name in found if name.startswith("final")} == {
        "final-clip_strange", "final-stream_strange",
    }  # fmt: skip
    assert found["final-stream_strange"] == ["--protocol", "stream", "--corpus", "strange"]


def test_a_corpus_that_a_run_has_heard_all_of_gives_no_score(tmp_path: Path) -> None:
    trained(tmp_path / "runs" / "1", {"small": ["1"]})
    (tmp_path / "background" / "noise").mkdir(parents=True)
    (tmp_path / "background" / "noise" / "rain.opus").touch()
    with pytest.raises(ValueError, match="run 1 was trained on all of main"):
        list(evaluate_runs.evaluations(given(tmp_path)))


def test_what_was_measured_is_measured_again_for_another_model(tmp_path: Path) -> None:
    model = trained(tmp_path / "runs" / "final", {})
    (one, *_) = evaluate_runs.evaluations(given(tmp_path))
    assert one.missing
    found = {"model_sha256": description_sha256(model)}
    _write(one.output / "metrics.json", found)
    assert not one.missing
    trained(tmp_path / "runs" / "final", {}, seed=1)
    assert one.missing


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """Two runs of folds and the final one, all evaluated."""
    runs = tmp_path / "runs"
    for seed, (run, uar) in enumerate((("1", 0.5), ("2", 0.6), ("final", 0.9))):
        trained(runs / run, {}, seed=seed)
        conditions = ("clip_strange", "stream_strange") if run == "final" else (
            "clip", "stream", "call", "clip_small")  # fmt: skip
        for condition in conditions:
            found = metrics(uar) | {"model_sha256": description_sha256(runs / run / "model")}
            _write(runs / "evaluation" / f"{run}-{condition}" / "metrics.json", found)
    return runs


def published(runs: Path) -> subprocess.CompletedProcess[str]:
    """Into ``results`` and ``model`` beside the runs."""
    results, model = runs.parent / "results", runs.parent / "model"
    publish = [sys.executable, ROOT / "scripts" / "publish_model.py", runs, results, model]
    return subprocess.run(publish, check=False, cwd=ROOT, capture_output=True, text=True)


def test_what_ships_is_the_final_run_with_the_scores_of_its_siblings(measured: Path) -> None:
    runs, results, model = (measured.parent / name for name in ("runs", "results", "model"))
    assert published(runs).returncode == 0
    scores = read_description(model)["scores"]
    assert scores["held_out_clip_uar"] == pytest.approx(0.55)
    assert scores["held_out_stream_known_uar"] == pytest.approx(0.65)
    assert load_model(model).sha256 == load_model(runs / "final" / "model").sha256
    assert json.loads((results / "fold2" / "clip.json").read_text())["uar"] == 0.6
    assert (results / "final" / "clip_strange.json").exists()
    card = (model / "README.md").read_text()
    assert "| **mean** | | 0.550 |" in card
    assert "| strange | 100 | 0.900 |" in card


def test_scores_of_another_model_are_not_published(measured: Path) -> None:
    trained(measured / "2", {}, seed=7)
    done = published(measured)
    assert done.returncode == 2
    assert "2-call/metrics.json: is of another model" in done.stderr
    assert not (measured.parent / "model").exists()


def test_a_fold_without_an_evaluation_is_said(measured: Path) -> None:
    shutil.rmtree(measured / "evaluation" / "1-stream")
    done = published(measured)
    assert done.returncode == 2
    assert "there is no evaluation by stream" in done.stderr


def test_a_listener_is_held_against_the_others(tmp_path: Path) -> None:
    index = tmp_path / "index.csv"
    index.write_text(
        "path,corpus,speaker,emotion,votes_angry,votes_sad\n"
        "a.wav,made,s0,angry,3,1\nb.wav,made,s0,sad,0,2\n"
    )
    command = [sys.executable, ROOT / "benchmarks" / "listeners.py", "--corpus", "made"]
    done = subprocess.run([*command, "--index", index], check=True, capture_output=True, text=True)
    # Of the first clip three are with the others, and one is not; of the second both are.
    assert "| one listener against the others | 0.875 | 0.833 |" in done.stdout
    assert "| that name what was intended | - | 0.833 |" in done.stdout


def _write(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(content))
