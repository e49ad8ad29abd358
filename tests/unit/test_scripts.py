"""What is evaluated, and what of it ships: the scripts between training and the card."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from realtime_ser.models import load_model, read_description
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


def test_what_ships_is_the_final_run_with_the_scores_of_its_siblings(tmp_path: Path) -> None:
    runs, results, model = (tmp_path / name for name in ("runs", "results", "model"))
    for seed, (run, uar) in enumerate((("1", 0.5), ("2", 0.6), ("final", 0.9))):
        trained(runs / run, {}, seed=seed)
        conditions = ("clip_strange", "stream_strange") if run == "final" else (
            "clip", "stream", "call", "clip_small")  # fmt: skip
        for condition in conditions:
            _write(runs / "evaluation" / f"{run}-{condition}" / "metrics.json", metrics(uar))
    publish = [sys.executable, ROOT / "scripts" / "publish_model.py", runs, results, model]
    subprocess.run(publish, check=True, cwd=ROOT)
    scores = read_description(model)["scores"]
    assert scores["held_out_clip_uar"] == pytest.approx(0.55)
    assert scores["held_out_stream_known_uar"] == pytest.approx(0.65)
    assert load_model(model).sha256 == load_model(runs / "final" / "model").sha256
    assert json.loads((results / "fold2" / "clip.json").read_text())["uar"] == 0.6
    assert (results / "final" / "clip_strange.json").exists()
    card = (model / "README.md").read_text()
    assert "| **mean** | | 0.550 |" in card
    assert "| strange | 100 | 0.900 |" in card


def _write(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(content))
