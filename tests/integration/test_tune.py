"""``realtime-ser train --init``: a model goes on learning from a user's own recordings."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
import soundfile as sf
import torch

from realtime_ser.cli.main import main
from realtime_ser.cli.train import Bars
from realtime_ser.models import load_model, read_description
from realtime_ser.training import tuning
from realtime_ser.training.index import read_index
from tests.corpus import write_corpus
from tests.models import save_untrained
from tests.signals import silence


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
    out, error = capsys.readouterr()
    begun, scored, *_ = out.splitlines()
    assert begun == f"features of 36 clips, kept in {tmp_path / 'examples'}"
    assert scored == "calibrating and scoring what was learned"
    assert "no claim: 6 speakers are too few" in out
    assert "epoch 1/" in error
    assert "features" not in error  # no bars where nobody watches
    folder = tmp_path / "model"
    tuned, before = load_model(folder), load_model(model)
    assert tuned.classes == before.classes
    assert tuned.sha256 != before.sha256
    description = read_description(folder)
    assert description["scores"] == {}
    assert description["training"]["base_sha256"] == before.sha256
    card = (folder / "README.md").read_text()
    assert "No claim: 6 speakers" in card
    assert "with recordings of whoever tuned it: 30 clips of 5 speakers (made)" in card
    with (tmp_path / "log.csv").open() as stream:
        assert 1 <= len(list(csv.DictReader(stream))) <= tuning.TUNING.epochs


@pytest.mark.parametrize("terminal", [False, True])
def test_what_begins_is_said_above_the_bars_or_on_stdout(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    with Bars() as bars:
        bars.clips("features", 1)()
        bars.say("scoring [all] of it")
    out, error = capsys.readouterr()
    assert "scoring [all] of it\n" in (error if terminal else out)
    assert bool(error) is terminal
    assert bool(out) is not terminal


def test_with_enough_speakers_some_are_kept_out_and_the_score_is_stated(
    index: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = with_speakers(index, tmp_path / "data", 12)
    assert run("train", "--init", model, "--data", many, "--output", tmp_path / "o") == 0
    out = capsys.readouterr().out
    assert "scoring untrained on 6 clips of 2 speakers kept out" in out
    assert "UAR on speakers kept out (2 speakers, 6 clips, mean of strangers and known" in out
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
    fewer = with_speakers(index, tmp_path / "data", 5)
    monkeypatch.setattr(tuning.ExampleMaker, "make", None)  # said before features are computed
    for base, recordings in ((other, index), (model, fewer)):
        capsys.readouterr()
        assert run("train", "--init", base, "--data", recordings, "--output", tmp_path / "o") == 2
        out, error = capsys.readouterr()
        assert out == ""
        assert f"{tmp_path / 'o'}: holds a checkpoint of other recordings, another" in error
        assert f"remove {tmp_path / 'o' / 'checkpoint.pt'} (features" in error
        assert error.count("\n") == 1


def test_an_index_named_by_another_path_is_the_same(
    index: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "TUNING", tuning.OptimizerRecipe(epochs=1))
    assert run("train", "--init", model, "--data", index, "--output", tmp_path / "o") == 0
    first = load_model(tmp_path / "o" / "model").sha256
    monkeypatch.setattr(tuning.Trainer, "_one_epoch", None)  # the checkpoint has it already
    monkeypatch.chdir(index.parent)
    assert run("train", "--init", model, "--data", index.name, "--output", tmp_path / "o") == 0
    assert load_model(tmp_path / "o" / "model").sha256 == first


def test_one_seed_makes_one_model(
    index: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "TUNING", tuning.OptimizerRecipe(epochs=1))
    one, other = tmp_path / "one", tmp_path / "other"
    assert run("train", "--init", model, "--data", index, "--output", one) == 0
    shutil.copytree(one / "examples", other / "examples")
    torch.rand(1)  # what was drawn before does not matter
    assert run("train", "--init", model, "--data", index, "--output", other) == 0
    assert load_model(one / "model").sha256 == load_model(other / "model").sha256


def test_the_model_to_start_from_is_not_replaced(
    index: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(model, tmp_path / "model")
    before = (tmp_path / "model" / "model.safetensors").read_bytes()
    assert run("train", "--init", tmp_path / "model", "--data", index, "--output", tmp_path) == 2
    error = capsys.readouterr().err
    assert f"--output {tmp_path}: holds the model to start from" in error
    assert error.count("\n") == 1
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == before


def test_clips_without_speech_are_counted(
    index: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(tuning, "TUNING", tuning.OptimizerRecipe(epochs=1))
    quiet = tmp_path / "quiet.wav"
    sf.write(quiet, silence(1.0), 16_000)
    more = with_speakers(index, tmp_path / "data", 4)
    with more.open("a") as stream:
        stream.write(f"{quiet},made,p0,f,sad,1,CC0,\n")
    assert run("train", "--init", model, "--data", more, "--output", tmp_path / "o") == 0
    assert "clips in which no speech was found: 1; nothing is learned" in capsys.readouterr().out


def test_emotions_that_the_model_lacks_are_named_before_anything_is_learned(
    index: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(tuning, "TUNING", tuning.OptimizerRecipe(epochs=1))
    more = with_speakers(index, tmp_path / "data", 4)
    lines = more.read_text().replace(",sad,", ", Sad ,").replace(",neutral,", ",Bored,")
    more.write_text(lines)
    assert run("train", "--init", model, "--data", more, "--output", tmp_path / "o") == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.endswith("have emotions that the model lacks and are left out: 12 of 'bored'")
    assert second.startswith("features of 24 clips")


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
        (["--init", "MODEL", "--data", "GONE"], "gone.wav: no such file; check the path"),
        (["--init", "MODEL", "--data", "BROKEN"], "broken.wav: not audio that can be read"),
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
    (tmp_path / "broken.wav").write_bytes(b"no audio")
    names = {"MODEL": str(model), "INDEX": str(index), "TWO": str(two)}
    for name in ("gone", "broken"):
        file = with_speakers(index, tmp_path / name, 6)
        rows = file.read_text()
        file.write_text(f"{rows}{tmp_path / name}.wav,made,p0,m,sad,1,CC0,\n")
        names[name.upper()] = str(file)
    assert run("train", *(names.get(a, a) for a in arguments), "--output", tmp_path / "o") == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
