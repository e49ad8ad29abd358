"""The loop train -> evaluate -> analyze through the commands, on generated voices."""

from __future__ import annotations

import csv
import dataclasses
import errno
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
import torch

from realtime_ser.cli.main import main
from realtime_ser.errors import ConfigError, DataError
from realtime_ser.models import Model, load_model
from realtime_ser.networks import build_network
from realtime_ser.networks.multiscale_lstm import MultiscaleLstm
from realtime_ser.training import checkpoint, examples, selection
from realtime_ser.training.degrade import Degradation
from realtime_ser.training.examples import ExampleMaker, HalfArray
from realtime_ser.training.index import Clip, read_index
from realtime_ser.training.recipe import AugmentRecipe, Recipe, read_recipe
from realtime_ser.training.run import Outcome, train
from realtime_ser.training.splits import homes_of
from realtime_ser.types import AudioArray
from tests.corpus import PITCHES, write_corpus
from tests.signals import speech_like, white_noise

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
channels = [4, 6, 8, 8]
embedding = 12
voice = 0
segment_units = [2, 4, 0]
hidden = 10
[optimizer]
epochs = 3
batch_size = 8
average = 0.5
votes = 0.2
[augment]
speeds = [0.9, 1.0]
mixup = 0.3
"""


class Quiet:
    """Progress that nobody looks at; may pull the plug after some epochs."""

    def __init__(self, epochs: int | None = None) -> None:
        self.left = epochs
        self.said: list[str] = []

    def clips(self, name: str, total: int):  # type: ignore[no-untyped-def]
        return lambda: None

    def say(self, text: str) -> None:
        self.said.append(text)

    def epoch(self, recipe: str, run: str, epoch: object, total: int) -> None:
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
    assert_same_weights(outcome.folder, model)
    with (outcome.folder.parent / "log.csv").open() as stream:
        spent = [float(row["seconds"]) for row in csv.DictReader(stream)]
    assert len(spent) == plan.optimizer.epochs
    assert min(spent) > 0.0
    assert outcome.seconds == pytest.approx(sum(spent))


def assert_same_weights(one: Path, other: Path) -> None:
    """Of two runs, in their checkpoints, by the folders of their models."""
    expected, found = (torch.load(folder.parent / checkpoint.FILE) for folder in (other, one))
    for part in ("network", "average"):
        for name, weights in expected[part].items():
            torch.testing.assert_close(found[part][name], weights, msg=name)


@pytest.fixture
def adapting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A recipe whose network knows speakers, and hears strangers with other voices."""
    monkeypatch.setattr("realtime_ser.training.run.load_trunk", lambda *_: None)
    file = tmp_path / "adapting.toml"
    file.write_text(RECIPE.replace("voice = 0", f"voice = 8\n{SMALL_TRUNK}"))
    plan = read_recipe(file)
    return dataclasses.replace(plan, augment=dataclasses.replace(plan.augment, other_voices=2.0))


def test_an_interrupted_run_that_adapts_ends_like_an_uninterrupted_one(
    index: Path, adapting: Recipe, tmp_path: Path
) -> None:
    cpu = torch.device("cpu")
    (whole,) = train(adapting, index, ["1"], tmp_path / "whole", cpu, Quiet())
    with pytest.raises(KeyboardInterrupt):
        train(adapting, index, ["1"], tmp_path / "cut", cpu, Quiet(epochs=1))
    (cut,) = train(adapting, index, ["1"], tmp_path / "cut", cpu, Quiet())
    assert_same_weights(cut.folder, whole.folder)


@pytest.mark.parametrize(("run", "heard"), [("1", {2.0}), ("2", {1.0}), ("final", {1.0, 2.0})])
def test_no_run_learns_from_the_noise_of_its_own_fold(
    index: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    run: str, heard: set[float],
) -> None:  # fmt: skip
    of_folds = {fold: [np.full((1, 1), float(fold), np.float16)] for fold in ("1", "2")}
    monkeypatch.setattr(ExampleMaker, "noises", lambda _: of_folds)
    told: list[float] = []

    def note(*_: object, noises: list[HalfArray], **__: object) -> None:
        told.extend(float(noise[0, 0]) for noise in noises)
        raise KeyboardInterrupt

    monkeypatch.setattr("realtime_ser.training.run.Trainer", note)
    with pytest.raises(KeyboardInterrupt):
        train(read_recipe(recipe), index, [run], tmp_path, torch.device("cpu"), Quiet())
    assert set(told) == heard


def test_other_voices_make_another_network(index: Path, adapting: Recipe, tmp_path: Path) -> None:
    heads = []
    for share in (0.0, 2.0):
        augment = dataclasses.replace(adapting.augment, other_voices=share)
        plan = dataclasses.replace(adapting, augment=augment)
        folder = tmp_path / f"{share}"
        (outcome,) = train(plan, index, ["1"], folder, torch.device("cpu"), Quiet())
        network = load_model(outcome.folder).network
        assert isinstance(network, MultiscaleLstm)
        heads.append(network.heads.bias)
    assert not torch.allclose(*heads)


def test_a_run_goes_on_from_no_other_recipe_split_or_damaged_file(
    index: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, cpu = read_recipe(recipe), torch.device("cpu")
    with pytest.raises(KeyboardInterrupt):
        train(plan, index, ["1"], tmp_path, cpu, Quiet(epochs=1))
    monkeypatch.setattr(ExampleMaker, "make", None)  # it is said before features are computed
    refused = rf"{tmp_path / '1'}: holds a checkpoint of another recipe or split; remove .*\.pt"
    other = dataclasses.replace(plan.optimizer, learning_rate=1e-3)
    with pytest.raises(ConfigError, match=refused):
        train(dataclasses.replace(plan, optimizer=other), index, ["1"], tmp_path, cpu, Quiet())
    fewer = index.with_name("fewer.csv")
    fewer.write_text("".join(index.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(ConfigError, match=refused):
        train(plan, fewer, ["1"], tmp_path, cpu, Quiet())
    file = tmp_path / "1" / "checkpoint.pt"
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(ConfigError, match="holds a damaged checkpoint"):
        train(plan, index, ["1"], tmp_path, cpu, Quiet())


@pytest.mark.parametrize(
    "change",
    [
        *({key: None} for key in ("network", "average", "best", "optimizer", "schedule", "random")),
        {"log": [{"epoch": 1}]},
        {"network": {}},
        {"random": {"torch": torch.zeros(3), "numpy": {}}},
    ],
    ids=str,
)
def test_a_checkpoint_without_some_of_its_parts_is_said(
    index: Path, recipe: Path, model: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    shutil.copytree(model.parent.parent, tmp_path / "runs")
    file = tmp_path / "runs" / "1" / checkpoint.FILE
    stored = torch.load(file)
    kept = {key: value for key, value in stored.items() if change.get(key, "") is not None}
    torch.save(kept | {key: value for key, value in change.items() if value is not None}, file)
    with pytest.raises(ConfigError, match=r"1: holds a damaged checkpoint; remove .*\.pt or use"):
        train(read_recipe(recipe), index, ["1"], tmp_path / "runs", torch.device("cpu"), Quiet())


def test_a_fold_chooses_its_recipe_without_having_been_seen(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = write_corpus(tmp_path / "corpus", folds=3)
    three = dataclasses.replace(read_recipe(recipe).data, folds=("1", "2", "3"))
    one = dataclasses.replace(read_recipe(recipe), data=three)
    other = dataclasses.replace(one, name="other")
    trained: list[tuple[str, str]] = []

    def scripted(plan: Recipe, _index: Path, runs: list[str], *_: object) -> list[Outcome]:
        # "other" wins wherever fold 1 chooses, and by far in 2+3, whose networks learned from
        # fold 1: that pair must have no say in what is reported of fold 1.
        trained.extend((plan.name, run) for run in runs)
        better = 0.2 if plan.name == "other" else 0.0
        scores = {
            "1+2": {"1": 0.5 + better, "2": 0.55 - better / 4},
            "1+3": {"1": 0.5 + better, "3": 0.55 - better / 4},
            "2+3": {"2": 0.5 + 2 * better, "3": 0.5 + 2 * better},
        }
        return [Outcome(run, tmp_path, 0.5, 1.0, scores.get(run, {})) for run in runs]

    monkeypatch.setattr(selection, "train", scripted)
    arguments = (index, ["1", "2", "3", "final"], tmp_path, torch.device("cpu"), Quiet())
    selection.select_and_train([one, other], *arguments)
    assert trained[-4:] == [("tiny", "1"), ("other", "2"), ("other", "3"), ("other", "final")]
    said = json.loads((tmp_path / "selection.json").read_text())
    assert said["chosen"]["1"] == "tiny"
    assert said["score"]["1"] == {"tiny": pytest.approx(0.55), "other": pytest.approx(0.5)}
    selection.select_and_train([one], index, ["3"], tmp_path, torch.device("cpu"), Quiet())
    again = json.loads((tmp_path / "selection.json").read_text())
    assert again["chosen"] == said["chosen"] | {"3": "tiny"}
    assert again["inner_uar"]["other"] == said["inner_uar"]["other"]


def test_recipes_are_compared_where_both_are_strangers(recipe: Path, tmp_path: Path) -> None:
    index = write_corpus(tmp_path / "corpus", folds=3)
    text = RECIPE.replace('["1", "2"]', '["1", "2", "3"]').replace("epochs = 3", "epochs = 1")
    files = [tmp_path / "a.toml", tmp_path / "b.toml"]
    files[0].write_text(text)
    files[1].write_text(text.replace('"tiny"', '"smaller"').replace("hidden = 10", "hidden = 4"))
    output = tmp_path / "runs"
    assert not run("train", *map(str, files), "--data", str(index), "--output", str(output),
                   "--fold", "1")  # fmt: skip
    said = json.loads((output / "selection.json").read_text())
    assert set(said["inner_uar"]) == {"tiny", "smaller"}
    for inner in said["inner_uar"].values():
        assert {pair: set(by_fold) for pair, by_fold in inner.items()} == {
            "1+2": {"1", "2"}, "1+3": {"1", "3"},
        }  # fmt: skip
    description = load_model(output / "1" / "model").description
    assert description["name"] == said["chosen"]["1"]
    assert description["training"]["run"] == "1"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "3 folds or more"),
        ({"folds": ("1",)}, "both need the same classes, fold_corpus and folds"),
        ({"classes": ("angry", "sad")}, "both need the same classes"),
        ({"name": "tiny"}, "need different names; got tiny, tiny"),
        ({"run": "1+2"}, "name single folds"),
        ({"run": "9"}, "--fold 9: the recipes have folds 1, 2, 3"),
    ],
)
def test_recipes_that_cannot_be_compared_are_refused(
    recipe: Path, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    one = read_recipe(recipe)
    if "run" in change:
        one = dataclasses.replace(one, data=dataclasses.replace(one.data, folds=("1", "2", "3")))
    folds = dataclasses.replace(one.data, folds=change.get("folds", one.data.folds))
    other = dataclasses.replace(
        one,
        name=change.get("name", "other"),
        data=folds,
        classes=change.get("classes", one.classes),
    )
    runs = [change.get("run", "1")]
    with pytest.raises(ConfigError, match=words):
        selection.select_and_train(
            [one, other], tmp_path, runs, tmp_path, torch.device("cpu"), Quiet()
        )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"multiscale_lstm"', '"perceptron"', "network 'perceptron' is unknown"),
        ("hidden = 10", "hiden = 10", "unknown parameter 'hiden'"),
        ("voice = 0", "voice = 8\ntrunk_width = 16", "trunk: "),
        (
            '["made"]',
            '["made", "crema-d"]',
            "data.corpora: corpus 'crema-d' is not in the index; it has made; change it in the "
            "recipe, or use train --init for recordings of your own",
        ),
        (
            '["1", "2"]',
            '["1", "2", "9"]',
            "data.folds: no fold '9'; corpus made has 1, 2 in the index",
        ),
        ("validation_speakers = 1", "validation_speakers = 6", "too few to keep 6 for validation"),
        (
            "mixup = 0.3",
            'noise_folder = "nowhere/noise"',
            "augment.noise_folder: nowhere/noise: no such folder; check the path",
        ),
        (
            "mixup = 0.3",
            'conditions = ["room:nowhere"]',
            "augment.conditions room:nowhere: nowhere: no such folder; check the path",
        ),
    ],
)
def test_what_is_wrong_in_a_recipe_names_it(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, words: str
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(RECIPE.replace(old, new))
    arguments = ("--data", str(index), "--fold", "final", "--output", str(tmp_path / "o"))
    assert run("train", str(file), *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"realtime-ser: {file}: ")
    assert words in error
    assert error.count("\n") == 1


def test_a_missing_recording_is_said_before_any_is_read(
    index: Path, recipe: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(index.parent, data)
    (data / "5_sad_1.wav").unlink()
    own = data / "index.csv"
    for command in (
        ("train", str(recipe), "--data", str(own), "--output", str(tmp_path / "o")),
        ("evaluate", "--index", str(own), "--model", str(model), "--output", str(tmp_path / "e")),
    ):
        assert run(*command) == 2
        out, error = capsys.readouterr()
        assert out == ""
        assert f"{own}: {data / '5_sad_1.wav'}: no such file; check the path" in error
        assert error.count("\n") == 1


def test_an_error_after_features_began_is_one_line_on_stderr(
    index: Path, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(index.parent, data)
    (data / "5_sad_1.wav").write_bytes(b"no audio")
    arguments = ("--data", str(data / "index.csv"), "--output", str(tmp_path / "o"))
    assert run("train", str(recipe), *arguments) == 2
    out, error = capsys.readouterr()
    assert out == f"features of 36 clips, kept in {tmp_path / 'o' / 'examples'}\n"
    assert "5_sad_1.wav: not audio that can be read" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--device", "gpu"), "device gpu: use auto, cuda, mps, cpu"),
        (("--fold", "+"), "--fold '+': names no fold"),
        (("--fold", ""), "--fold '': names no fold"),
        (("--fold", "../1"), "--fold '../1': names no fold"),
        (("--fold", "1+9"), "--fold 1+9: no fold '9'; corpus made has 1, 2 in the index"),
        (("--output", "FILE/runs"), "file/runs: cannot be written"),
    ],
)
def test_train_says_what_a_user_got_wrong(
    index: Path,
    recipe: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, str],
    words: str,
) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    key, value = options
    arguments = ("train", str(recipe), "--data", str(index), key, value.replace("FILE", str(file)))
    assert run(*arguments) == 2
    assert words in capsys.readouterr().err


def test_a_full_disk_ends_training_in_a_line(
    index: Path, recipe: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "write", full)
    arguments = ("train", str(recipe), "--data", str(index), "--fold", "1")
    assert run(*arguments, "--output", str(tmp_path)) == 2
    assert "cannot be written (No space left on device)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("trunk_block", 2), ("trunk_reach", 12), ("trunk_heads", 4), ("trunk_described", 2),
        ("trunk_width", 32),
    ],
)  # fmt: skip
def test_another_way_of_hearing_makes_other_examples(
    recipe: Path, index: Path, tmp_path: Path, key: str, value: int
) -> None:
    plan = read_recipe(recipe)
    clip = read_index(index)[0]

    def cached(**hyper: int) -> set[Path]:
        own = dataclasses.replace(plan, hyper=plan.hyper | {"voice": 8} | hyper)
        torch.manual_seed(0)
        maker = ExampleMaker(own, build_network(own.network, own.parameters), tmp_path)
        maker.make([clip], lambda: None)
        return set(tmp_path.rglob("*.npz"))

    small = {"trunk_width": 16, "trunk_heads": 2, "trunk_layers": 2, "trunk_described": 1}
    before = cached(**small)
    assert cached(**small, hidden=4) == before
    assert cached(**small | {key: value}) > before


def test_a_speaker_keeps_his_microphone_and_his_room(
    recipe: Path, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, list[float]] = {"microphone": [], "room": []}

    def condition(spec: str, _: str) -> Degradation:
        def draw(samples: AudioArray, rng: np.random.Generator) -> AudioArray:
            drawn[spec].append(float(rng.random()))
            return samples

        return draw

    monkeypatch.setattr(examples, "parse_degradation", condition)
    plan = read_recipe(recipe)
    augment = dataclasses.replace(plan.augment, conditions=("microphone", "room"))
    plan = dataclasses.replace(plan, augment=augment)
    clips = [clip for own in list(by_speaker(index).values())[:2] for clip in own[:2]]
    maker = ExampleMaker(plan, build_network(plan.network, plan.parameters), tmp_path)
    assert [example.clip for example in maker.make(clips, lambda: None)] == clips
    for one, same, other, again in drawn.values():
        assert one == same != other == again


def test_who_speaks_and_the_fold_decide_which_example_is_cached(
    recipe: Path, index: Path, tmp_path: Path
) -> None:
    noise = tmp_path / "noise"
    noise.mkdir()
    for fold in ("1", "2"):
        sf.write(noise / f"{fold}-hum.wav", white_noise(1.0), 16_000)
    plan = read_recipe(recipe)
    augment = dataclasses.replace(plan.augment, noise_folder=str(noise), noise_folds=True)
    plan = dataclasses.replace(plan, augment=augment)
    clips = read_index(index)
    network = build_network(plan.network, plan.parameters)
    maker = ExampleMaker(plan, network, tmp_path / "cache", homes_of(clips, plan.data))
    clip = next(clip for clip in clips if clip.fold == "1")
    moved = dataclasses.replace(clip, fold="2")
    renamed = dataclasses.replace(clip, speaker="somebody else")
    for changed in (clip, clip, moved, renamed):
        maker.make([changed], lambda: None)
    assert len(list((tmp_path / "cache").rglob("*.npz"))) == 3


def test_rooms_that_were_replaced_are_heard_anew(recipe: Path, index: Path, tmp_path: Path) -> None:
    room = tmp_path / "rooms" / "hall.wav"
    room.parent.mkdir()
    plan = read_recipe(recipe)
    augment = dataclasses.replace(plan.augment, conditions=(f"room:{room.parent}",))
    plan = dataclasses.replace(plan, augment=augment)
    clip, network = read_index(index)[0], build_network(plan.network, plan.parameters)
    for seconds in (0.1, 0.2):
        sf.write(room, white_noise(seconds), 16_000)
        ExampleMaker(plan, network, tmp_path / "cache").make([clip], lambda: None)
    assert len(list((tmp_path / "cache").rglob("*.npz"))) == 2


def by_speaker(index: Path) -> dict[str, list[Clip]]:
    found: dict[str, list[Clip]] = {}
    for clip in read_index(index):
        found.setdefault(clip.speaker, []).append(clip)
    return found


def heard_noise(
    plan: Recipe, clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    """Lengths of the noise recordings that the clips may be heard in, in the order of the clips."""
    heard: list[int] = []

    def add(
        samples: AudioArray, snr_db: float, recordings: list[AudioArray], rng: np.random.Generator
    ) -> AudioArray:
        heard.append(sum(map(len, recordings)))
        return samples

    monkeypatch.setattr(examples, "add_noise", add)
    homes = homes_of(clips, plan.data)
    maker = ExampleMaker(plan, build_network(plan.network, plan.parameters), cache, homes)
    assert set(maker.noises()) == {"1", "2"}
    maker.make(clips, lambda: None)
    return heard


def test_a_clip_is_heard_in_the_noise_of_its_home_fold_only(
    recipe: Path, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = tmp_path / "noise"
    noise.mkdir()
    for fold, seconds in (("1", 1.0), ("2", 2.0)):
        sf.write(noise / f"{fold}-hum.wav", white_noise(seconds), 16_000)
    plan = read_recipe(recipe)
    augment = dataclasses.replace(plan.augment, noise_folder=str(noise), noise_folds=True)
    plan = dataclasses.replace(plan, augment=augment)
    clips = [own[0] for own in by_speaker(index).values()]
    assert [clip.fold for clip in clips] == ["1", "2"] * 3
    heard = heard_noise(plan, clips, tmp_path / "cache", monkeypatch)
    assert heard == [16_000, 32_000] * 3
    # Folds of other corpora have the homes that the runs give them.
    other = [dataclasses.replace(clip, corpus="other", fold=f"{clip.fold}0") for clip in clips]
    heard = heard_noise(plan, [*clips, *other], tmp_path / "more", monkeypatch)
    assert heard[-2:] == [16_000, 32_000]
    homeless = dataclasses.replace(clips[0], fold="")
    with pytest.raises(DataError, match="noise_folds needs a run that holds the clip out"):
        heard_noise(plan, [*clips, homeless], tmp_path / "none", monkeypatch)


def test_a_recording_that_was_replaced_is_heard_anew(
    recipe: Path, index: Path, tmp_path: Path
) -> None:
    plan = read_recipe(recipe)
    clip = dataclasses.replace(read_index(index)[0], path=tmp_path / "x.wav")
    network = build_network(plan.network, plan.parameters)
    frames, times = [], (1_000, 1_000, 2_000)
    for seconds, mtime in zip((1.0, 1.5, 2.0), times, strict=True):
        sf.write(clip.path, speech_like(seconds), 16_000)
        os.utime(clip.path, (mtime, mtime))
        (example,) = ExampleMaker(plan, network, tmp_path / "cache").make([clip], lambda: None)
        frames.append(len(example.variants[0].log_power))
    assert frames[0] < frames[1] < frames[2]
    clip.path.write_bytes(clip.path.read_bytes()[::-1])  # as long, and as old
    os.utime(clip.path, (3_000, 3_000))
    with pytest.raises(DataError, match=r"x\.wav: not audio"):
        ExampleMaker(plan, network, tmp_path / "cache").make([clip], lambda: None)
    clip.path.unlink()
    with pytest.raises(DataError, match=r"x\.wav: cannot be read"):
        ExampleMaker(plan, network, tmp_path / "cache").make([clip], lambda: None)


def test_noise_that_was_replaced_is_heard_anew(recipe: Path, index: Path, tmp_path: Path) -> None:
    plan = read_recipe(recipe)
    noise = tmp_path / "noise" / "rain.wav"
    noise.parent.mkdir()
    augment = dataclasses.replace(plan.augment, noise_folder=str(noise.parent))
    plan = dataclasses.replace(plan, augment=augment)
    clip, network = read_index(index)[0], build_network(plan.network, plan.parameters)
    heard = []
    for seconds in (1.0, 1.5):
        sf.write(noise, white_noise(seconds), 16_000)
        (example,) = ExampleMaker(plan, network, tmp_path / "cache").make([clip], lambda: None)
        heard.append([variant.log_power for variant in example.variants])
    same = [np.array_equal(*pair) for pair in zip(*heard, strict=True)]
    assert same == [True, True, False]  # both speeds, and in noise


def test_clips_without_speech_are_counted(recipe: Path, index: Path, tmp_path: Path) -> None:
    data = shutil.copytree(index.parent, tmp_path / "data")
    for name in ("2_sad_1.wav", "5_sad_1.wav"):
        sf.write(data / name, np.zeros(16_000), 16_000)
    progress, plan = Quiet(), read_recipe(recipe)
    train(plan, data / "index.csv", ["1"], tmp_path / "o", torch.device("cpu"), progress)
    assert progress.said[1] == "in 2 of them no speech is found; nothing is learned from these"


def test_a_folder_that_takes_no_file_is_said_at_once(
    index: Path,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    monkeypatch.setattr("realtime_ser.training.evaluation.decide", None)
    arguments = ("--index", str(index), "--model", str(model), "--output", str(tmp_path))
    assert run("evaluate", *arguments) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"realtime-ser: {tmp_path}: cannot be written (No space left on device)")


def test_a_damaged_file_of_the_cache_is_made_again(
    recipe: Path, index: Path, model: Path, tmp_path: Path
) -> None:
    plan, cpu = read_recipe(recipe), torch.device("cpu")
    shutil.copytree(model.parent.parent / "examples", tmp_path / "examples")
    files = sorted((tmp_path / "examples").rglob("*.npz"))
    whole = [file.read_bytes() for file in files]
    flipped = bytearray(whole[2])
    flipped[len(flipped) // 2] ^= 255
    for file, content in zip(files, (b"", whole[1][:100], flipped, b"rubbish"), strict=False):
        file.write_bytes(content)
    train(plan, index, ["1"], tmp_path, cpu, Quiet())
    assert [file.stat().st_size for file in files] == [len(content) for content in whole]
    assert sorted((tmp_path / "examples").rglob("*.npz")) == files


@pytest.mark.parametrize("content", ["[]", "{", "", '{"score": 3}', '{"inner_uar": {"tiny": []}}'])
def test_a_damaged_selection_is_said_before_anything_is_trained(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setattr(selection, "train", None)
    one = read_recipe(recipe)
    one = dataclasses.replace(one, data=dataclasses.replace(one.data, folds=("1", "2", "3")))
    (tmp_path / "selection.json").write_text(content)
    with pytest.raises(DataError, match=r"selection\.json: is damaged; remove it"):
        selection.select_and_train(
            [one, dataclasses.replace(one, name="other")],
            tmp_path, ["1"], tmp_path, torch.device("cpu"), Quiet(),
        )  # fmt: skip


@pytest.mark.parametrize(
    "hyper", ["frames_per_unit = 0", "frames_per_unit = 7", "segment_units = [-1]"]
)
def test_sizes_that_no_network_can_have_are_said(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], hyper: str
) -> None:
    file = tmp_path / "odd.toml"
    lines = [x for x in RECIPE.splitlines() if not x.startswith(hyper.split(" =")[0])]
    file.write_text("\n".join(lines).replace("[hyper]", f"[hyper]\n{hyper}"))
    assert run("train", str(file), "--data", str(index), "--output", str(tmp_path / "o")) == 2
    assert capsys.readouterr().err.count("\n") == 1


SMALL_TRUNK = "trunk_layers = 1\ntrunk_described = 1\ntrunk_width = 16\ntrunk_heads = 2"


def test_a_network_that_adapts_is_trained_and_gets_to_know_the_speaker(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime_ser.training.run.load_trunk", lambda *_: None)
    file = tmp_path / "adapting.toml"
    file.write_text(RECIPE.replace("voice = 0", f"voice = 8\n{SMALL_TRUNK}"))
    output = tmp_path / "runs"
    assert not run("train", str(file), "--data", str(index), "--fold", "1", "--output", str(output))
    model = load_model(output / "1" / "model")
    assert isinstance(model.network, MultiscaleLstm)
    assert model.network.centre.abs().sum() > 0.0
    assert (model.network.spread > 0.0).all()
    again = train(read_recipe(file), index, ["1"], tmp_path / "o", torch.device("cpu"), Quiet())
    same = (again[0].folder / "model.safetensors").read_bytes()
    assert same == (output / "1" / "model" / "model.safetensors").read_bytes()  # the seed decides


def test_a_rate_that_would_rise_for_one_step_only_rises_for_longer(
    index: Path, recipe: Path, tmp_path: Path
) -> None:
    plan = read_recipe(recipe)
    one_step = dataclasses.replace(plan.optimizer, epochs=1, batch_size=1000, warm_up=0.5)
    plan = dataclasses.replace(plan, optimizer=one_step)
    (outcome,) = train(plan, index, ["1"], tmp_path, torch.device("cpu"), Quiet())
    assert load_model(outcome.folder)


def test_the_mean_of_the_weights_is_the_result(model: Path) -> None:
    stored = torch.load(model.parent / checkpoint.FILE)
    result = load_model(model).network
    assert isinstance(result, MultiscaleLstm)
    last, mean = stored["network"]["heads.bias"], stored["average"]["module.heads.bias"]
    torch.testing.assert_close(result.heads.bias, mean)
    assert not torch.allclose(last, mean)


def test_the_run_that_holds_out_nothing_is_calibrated_by_its_siblings(
    index: Path, recipe: Path, tmp_path: Path
) -> None:
    plan, cpu = read_recipe(recipe), torch.device("cpu")
    plan = dataclasses.replace(plan, optimizer=dataclasses.replace(plan.optimizer, epochs=1))

    def trained(*runs: str) -> Model:
        return load_model(train(plan, index, runs, tmp_path, cpu, Quiet())[-1].folder)

    alone = trained("1", "final")
    assert alone.description["training"]["calibrated_on"] == "validation speakers"
    together = trained("2", "final")
    assert together.description["training"]["calibrated_on"] == "held-out folds"
    assert together.fusion != alone.fusion
    of_another_recipe = dataclasses.replace(plan, augment=AugmentRecipe(crop=0.1))
    train(of_another_recipe, index, ["2"], tmp_path / "other", cpu, Quiet())
    shutil.rmtree(tmp_path / "2")
    shutil.copytree(tmp_path / "other" / "2", tmp_path / "2")
    assert trained("final").description["training"]["calibrated_on"] == "validation speakers"
    shutil.rmtree(tmp_path / "2")
    assert trained("2", "final").fusion == together.fusion
    assert "siblings" in (tmp_path / "final" / "model" / "README.md").read_text()


def test_clips_without_speech_are_said(recipe: Path, index: Path, tmp_path: Path) -> None:
    deaf = dataclasses.replace(read_recipe(recipe).segments, min_speech=5.0)
    plan = dataclasses.replace(read_recipe(recipe), segments=deaf)
    with pytest.raises(DataError, match="run 1: no speech was found in its training clips"):
        train(plan, index, ["1"], tmp_path, torch.device("cpu"), Quiet())


def test_two_classes_are_enough(index: Path, recipe: Path, tmp_path: Path) -> None:
    two = tmp_path / "two.toml"
    text = RECIPE.replace('"angry", "neutral", "sad"', '"sad", "angry"')
    two.write_text(f"{text}\nmel_mask_bands = 5\n[features]\nn_mels = 40")
    (outcome,) = train(read_recipe(two), index, ["1"], tmp_path, torch.device("cpu"), Quiet())
    trained = load_model(outcome.folder)
    assert trained.classes == ("sad", "angry")
    assert trained.network.n_classes == 2
    assert trained.description["hyper"]["n_classes"] == 2
    assert trained.description["hyper"]["n_mels"] == 40
    output = tmp_path / "evaluation"
    assert not run(
        "evaluate", "--index", str(index), "--model", str(outcome.folder), "--output", str(output)
    )
    metrics = json.loads((output / "metrics.json").read_text())
    assert metrics["left_out"] == {"neutral": 12}


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
    assert set(metrics["per_speaker"]) == {f"made/s{i}" for i in range(6)}
    assert set(metrics["by_sex"]) == {"f", "m"}
    with (tmp_path / "predictions.csv").open() as stream:
        predictions = list(csv.DictReader(stream))
    assert len(predictions) == metrics["n"]
    assert "0_angry_0.wav" in {row["path"] for row in predictions}
    recalls = [
        np.mean([row["predicted"] == name for row in predictions if row["emotion"] == name])
        for name in PITCHES
    ]
    assert metrics["uar"] == pytest.approx(np.mean(recalls))
    women, men = (metrics["by_sex"][sex]["uar"] for sex in "fm")
    assert metrics["sex_gap"] == pytest.approx(abs(women - men))
    assert len(metrics["scales"]["single"]) == load_model(model).network.n_scales
    pictures = (
        "confusion_counts", "confusion_normalised", "reliability", "risk_coverage", "embeddings",
    )  # fmt: skip
    for name in (f"{picture}.png" for picture in pictures):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_evaluate_counts_the_clips_that_it_leaves_out(
    index: Path, model: Path, tmp_path: Path
) -> None:
    text = index.read_text()
    other = index.with_name("other.csv")
    other.write_text(text + "bored.wav,made,s0,m,boredom,1,CC0,\n")
    assert not run(
        "evaluate", "--index", str(other), "--model", str(model), "--output", str(tmp_path)
    )
    assert json.loads((tmp_path / "metrics.json").read_text())["left_out"] == {"boredom": 1}


def two_corpora(index: Path, folder: Path) -> Path:
    """The same recordings, of which speaker s5's are of a second corpus."""
    shutil.copytree(index.parent, folder)
    file = folder / index.name
    file.write_text(file.read_text().replace("made,s5", "second,s5"))
    return file


@pytest.mark.parametrize(
    ("options", "corpora", "clips"),
    [
        (["--corpus", "made", "second"], {"made", "second"}, 36),
        (["--corpus", "made", "--corpus", "second"], {"made", "second"}, 36),
        (["--corpus", "second"], {"second"}, 6),
        (["--fold", "1", "2"], {"made", "second"}, 36),
        (["--fold", "1", "--corpus", "made"], {"made"}, 18),
    ],
)
def test_evaluate_takes_several_corpora_or_folds(
    index: Path, model: Path, tmp_path: Path, options: list[str], corpora: set[str], clips: int
) -> None:
    data = two_corpora(index, tmp_path / "data")
    output = tmp_path / "o"
    assert not run(
        "evaluate", "--index", str(data), *options, "--model", str(model), "--output", str(output)
    )
    metrics = json.loads((output / "metrics.json").read_text())
    assert set(metrics["per_corpus"]) == corpora
    assert metrics["n"] == clips


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--fold", "99"],
            "index.csv: no clip of the wanted corpora is in fold '99'; there are 1, 2",
        ),
        (["--corpus", "made", "other"], "corpus 'other' is not in the index; it has made"),
        (["stray"], "unexpected 'stray'; see"),
        (["--fold", "1", "--corpus", "made", "x"], "'x': with both --corpus and --fold, write the"),
        (["--degrade", "cave"], "--degrade cave: unknown condition"),
    ],
)
def test_evaluate_says_what_a_user_got_wrong(
    index: Path,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    words: str,
) -> None:
    arguments = ("--index", str(index), "--model", str(model), "--output", str(tmp_path / "o"))
    assert run("evaluate", *arguments, *options) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_evaluate_tells_every_condition(capsys: pytest.CaptureFixture[str]) -> None:
    assert not run("evaluate", "--help")
    text = " ".join(capsys.readouterr().out.split())
    for words in ("telephone, microphone, noise:DB[:FOLDER] or room[:FOLDER]", "noise/*/1-*"):
        assert words in text


def test_what_got_no_answer_has_no_calibration_error(
    index: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "deaf.toml"
    settings.write_text("[segments]\nmin_speech = 5.0\n")
    assert not run(
        "evaluate", "--index", str(index), "--model", str(model), "--config", str(settings),
        "--output", str(tmp_path / "o"), "--fold", "1",
    )  # fmt: skip
    assert "UAR 0.000  WA 0.000  F1 0.000  ECE -  coverage 0.00" in capsys.readouterr().out


@pytest.mark.parametrize(("folds", "seen"), [(["1"], 0), (["1", "2"], 18)])
def test_evaluate_warns_of_clips_that_the_model_was_trained_on(
    index: Path,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    folds: list[str],
    seen: int,
) -> None:
    options = [word for fold in folds for word in ("--fold", fold)]
    assert not run(
        "evaluate", "--index", str(index), "--model", str(model), "--output", str(tmp_path),
        *options,
    )  # fmt: skip
    warning = (
        f"realtime-ser: warning: {seen} clips belong to corpora or folds the model was trained on "
        "(made fold 2)\n"
    )
    assert capsys.readouterr().err == (warning if seen else "")


def test_evaluate_refuses_a_negative_seed(
    index: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--index", str(index), "--model", str(model), "--output", str(tmp_path))
    assert run("evaluate", *arguments, "--seed", "-1") == 2
    assert "--seed" in capsys.readouterr().err


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
