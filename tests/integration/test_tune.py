"""``realtime-ser train --init``: a model goes on learning from a user's own recordings."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from realtime_ser.cli.main import main
from realtime_ser.models import load_model, read_description
from realtime_ser.training import tuning
from realtime_ser.training.index import read_index
from tests.corpus import write_corpus
from tests.models import save_untrained


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_untrained(tmp_path_factory.mktemp("model") / "base", voice=8)


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def with_speakers(index: Path, folder: Path, wanted: int) -> Path:
    """The same recordings, dealt out to so many speakers."""
    folder.mkdir(exist_ok=True)
    with index.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for i, row in enumerate(rows):
        row["speaker"] = f"p{i % wanted}"
        row["path"] = str(index.parent / row["path"])
    file = folder / "index.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return file


def test_few_speakers_make_a_model_but_no_claim(
    index: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", "--init", model, "--data", index, "--output", tmp_path) == 0
    out = capsys.readouterr().out
    assert "no claim: 6 speakers are too few" in out
    folder = tmp_path / "model"
    tuned, before = load_model(folder), load_model(model)
    assert tuned.classes == before.classes
    assert tuned.sha256 != before.sha256
    description = read_description(folder)
    assert description["scores"] == {}
    assert description["training"]["base_sha256"] == before.sha256
    card = (folder / "README.md").read_text()
    assert "No claim: 6 speakers" in card
    with (tmp_path / "log.csv").open() as stream:
        assert 1 <= len(list(csv.DictReader(stream))) <= tuning.TUNING.epochs


def test_with_enough_speakers_some_are_kept_out_and_the_score_is_stated(
    index: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = with_speakers(index, tmp_path / "data", 12)
    assert run("train", "--init", model, "--data", many, "--output", tmp_path / "o") == 0
    assert "UAR on speakers kept out" in capsys.readouterr().out
    scores = read_description(tmp_path / "o" / "model")["scores"]
    assert set(scores) == {"before_uar", "uar"}
    assert 0.0 <= scores["uar"] <= 1.0


def test_training_goes_on_from_no_other_models_checkpoint(
    index: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(tuning, "TUNING", tuning.OptimizerRecipe(epochs=1))
    assert run("train", "--init", model, "--data", index, "--output", tmp_path / "o") == 0
    other = save_untrained(tmp_path / "other", voice=8, seed=1)
    assert run("train", "--init", other, "--data", index, "--output", tmp_path / "o") == 2
    assert "holds a checkpoint of another recipe" in capsys.readouterr().err


def test_a_model_that_tells_strange_things_of_its_training_can_be_tuned(
    index: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "TUNING", tuning.OptimizerRecipe(epochs=1))
    base = tmp_path / "base"
    shutil.copytree(model, base)
    told = (base / "model.toml").read_text().replace(
        'run = "none"', 'run = "none"\ncorpora = [7, {}, { name = "own" }]'
    )  # fmt: skip
    (base / "model.toml").write_text(told)
    assert run("train", "--init", base, "--data", index, "--output", tmp_path / "o") == 0
    assert "| own | ? | not told |" in (tmp_path / "o" / "model" / "README.md").read_text()


def test_speakers_never_straddle_the_parts(index: Path, tmp_path: Path) -> None:
    clips = read_index(with_speakers(index, tmp_path, 12))
    parts = tuning.split_people(clips, seed=0)
    groups = [
        {clip.person for clip in part} for part in (parts.train, parts.validation, parts.test)
    ]
    assert [len(group) for group in groups] == [8, 2, 2]
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]
    assert sum(map(len, (parts.train, parts.validation, parts.test))) == len(clips)


def test_training_ends_when_it_no_longer_helps_and_keeps_the_best(
    index: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([1.0, 0.8, 0.9, 0.95, 0.99, 0.5])
    monkeypatch.setattr(tuning.Trainer, "_validate", lambda _: (next(losses), 0.5))
    monkeypatch.setattr(tuning, "TUNING", tuning.OptimizerRecipe(epochs=6, patience=2))
    assert run("train", "--init", model, "--data", index, "--output", tmp_path) == 0
    with (tmp_path / "log.csv").open() as stream:
        assert [float(row["validation_loss"]) for row in csv.DictReader(stream)] == [
            1.0, 0.8, 0.9, 0.95,
        ]  # fmt: skip
    again = tmp_path / "again"
    shutil.copytree(tmp_path, again, ignore=shutil.ignore_patterns("again", "model"))
    assert run("train", "--init", model, "--data", index, "--output", again) == 0
    assert load_model(again / "model").sha256 == load_model(tmp_path / "model").sha256


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--init", "MODEL"], "takes --data"),
        (["--init", "nobody", "--data", "INDEX"], "model 'nobody'"),
        (["--init", "MODEL", "--data", "INDEX", "--fold", "1"], "neither recipes nor --fold"),
        (["--init", "MODEL", "--data", "TWO"], "2 speakers with emotions of the model"),
        ([], "name a recipe, or a model with --init"),
    ],
)
def test_what_a_user_got_wrong_is_said(
    index: Path,
    model: Path,
    tmp_path: Path,
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    two = with_speakers(index, tmp_path, 2)
    names = {"MODEL": str(model), "INDEX": str(index), "TWO": str(two)}
    assert run("train", *(names.get(a, a) for a in arguments), "--output", tmp_path / "o") == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
