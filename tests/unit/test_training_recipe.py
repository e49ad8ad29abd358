from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from realtime_ser.errors import ConfigError
from realtime_ser.training.recipe import read_recipe


def test_the_shipped_recipes_can_be_read() -> None:
    folder = Path(__file__).parents[2] / "configs" / "train"
    for file in folder.glob("*.toml"):
        assert read_recipe(file).classes


def test_the_research_recipe_is_the_default_one_on_more_recordings() -> None:
    folder = Path(__file__).parents[2] / "configs" / "train"
    default, research = (
        read_recipe(folder / f"{name}.toml") for name in ("multiscale_lstm", "research")
    )
    data = dataclasses.replace(research.data, corpora=default.data.corpora)
    same = {"name": default.name, "classes": default.classes, "data": data}
    assert dataclasses.replace(research, **same) == default
    assert set(research.data.corpora) > set(default.data.corpora)
    assert set(research.classes) - set(default.classes) == {"surprise"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "not a readable TOML file"),
        ('colour = "red"', "unknown key 'colour'"),
        ("[data]\nindexes = 3", r"\[data\]: unknown key 'indexes'"),
        ('name = "x"', "missing"),
    ],
)
def test_a_broken_recipe_is_said(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_recipe(file)


WHOLE = """
name = "x"
network = "multiscale_lstm"
classes = ["angry", "sad"]
[data]
index = "index.csv"
corpora = ["made"]
fold_corpus = "made"
folds = ["1"]
"""


def changed_recipe(folder: Path, table: str, line: str) -> Path:
    """The whole recipe, with a line put in the place of its key, or into a table."""
    key = line.partition(" =")[0]
    lines = [old for old in WHOLE.splitlines() if not old.startswith(f"{key} =")]
    header = f"[{table}]"
    if header not in lines and table:
        lines.append(header)
    lines.insert(lines.index(header) + 1 if table else 0, line)
    file = folder / "recipe.toml"
    file.write_text("\n".join(lines))
    return file


@pytest.mark.parametrize(
    ("table", "line", "words"),
    [
        ("", 'name = ["x"]', "name = .* is not a text"),
        ("", "seed = -1", "seed = -1 is outside 0 to"),
        ("", 'classes = "angry"', "classes = 'angry' is not a list"),
        ("", 'classes = ["angry"]', "classes must be two or more"),
        ("", 'classes = ["angry", "angry"]', "classes must be two or more"),
        ("", 'classes = ["angry", "hungry"]', "classes must be two or more"),
        ("", 'name = "../x"', "name = '../x' must be letters"),
        ("", 'file = "x"', "unknown key 'file'"),
        ("", "hyper = 3", r"\[hyper\] must be a table"),
        ("", "vad = 3", r"\[vad\] must be a table"),
        ("hyper", "n_classes = 3", r"hyper\.n_classes must be 2"),
        ("data", "folds = [1]", r"\[data\]: folds = 1 is not a text"),
        ("data", 'folds = ["../../esc"]', r"data\.folds = '\.\./\.\./esc' must be letters"),
        ("data", 'folds = ["a/b"]', r"data\.folds = 'a/b' must be letters"),
        ("data", 'corpora = ["other"]', "data.fold_corpus = 'made' is not one of data.corpora"),
        ("data", "validation_speakers = 0", "validation_speakers = 0 is outside"),
        ("data", 'validation_speakers = "6"', "validation_speakers = '6' is not a whole number"),
        ("vad", 'backend = "ear"', r"\[vad\]: backend = 'ear' is not one of"),
        ("vad", "threshold = 2", r"vad\.threshold = 2\.0 is outside"),
        ("segments", "max_segment = 0", r"segments\.max_segment = 0\.0 is outside"),
        ("features", "n_mels = -1", r"features\.n_mels = -1 is outside"),
        ("features", "hop = 401", r"features\.hop = 401 is outside 1 to 400"),
        ("features", "f_max = 9000", r"features\.f_max = 9000\.0 is outside"),
        ("features", "sample_rate = 8000", r"features\.sample_rate = 8000 is outside"),
        ("optimizer", "epochs = 0", "epochs = 0 is outside"),
        ("optimizer", "epochs = 1.5", "epochs = 1.5 is not a whole number"),
        ("optimizer", "batch_size = 0", "batch_size = 0 is outside"),
        ("optimizer", "learning_rate = 0", "learning_rate = 0.0 is outside"),
        ("optimizer", "learning_rate = nan", "learning_rate = nan is outside"),
        ("optimizer", "warm_up = 1.5", "warm_up = 1.5 is outside"),
        ("optimizer", "votes = 1.5", "votes = 1.5 is outside"),
        ("augment", "speeds = 1.0", "speeds = 1.0 is not a list"),
        ("augment", "speeds = [0.9]", "speeds must contain 1.0"),
        ("augment", "speeds = [0, 1.0]", "speeds = 0.0 is outside"),
        ("augment", "noise_snr_db = [5]", "noise_snr_db must be two numbers"),
        ("augment", "noise_snr_db = [20, 5]", "noise_snr_db must be two numbers"),
        ("augment", "noise_folds = true", r"augment\.noise_folds: needs augment\.noise_folder"),
        ("augment", "noise_folds = 1", "noise_folds = 1 is not true or false"),
        ("augment", "other_voices = -1", "other_voices = -1.0 is outside"),
        ("augment", "degraded = 1.5", "degraded = 1.5 is outside"),
        ("augment", "mixup = -1", "mixup = -1.0 is outside"),
        ("optimizer", "average = 1", "average = 1.0 is outside"),
        ("history", "cold = 2", "cold = 2.0 is outside"),
        ("history", "longest = 0", "longest = 0 is outside"),
        ("augment", "crop_units = 0", "crop_units = 0 is outside"),
        ("augment", "mel_masks = -1", "mel_masks = -1 is outside"),
        ("augment", "mel_mask_bands = 65", "mel_mask_bands = 65 is outside 1 to 64"),
        ("augment", "time_mask_frames = 0", "time_mask_frames = 0 is outside"),
    ],
)
def test_a_value_that_no_training_could_use_is_said(
    tmp_path: Path, table: str, line: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=rf"recipe\.toml: .*{words}"):
        read_recipe(changed_recipe(tmp_path, table, line))


def test_a_recipe_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"no\.toml: cannot be read \(No such file.*check the path"
    ):
        read_recipe(tmp_path / "no.toml")


def test_a_recipe_is_called_by_its_file_which_decides_nothing(tmp_path: Path) -> None:
    file = changed_recipe(tmp_path, "", "seed = 3")
    read = read_recipe(file)
    unnamed = dataclasses.replace(read, file="")
    assert (read.label, unnamed.label) == (str(file), "recipe x")
    assert read == unnamed
    assert read.sha256 == unnamed.sha256


def test_whole_numbers_are_fine_as_floats_and_sizes_follow_from_the_recipe(tmp_path: Path) -> None:
    read = read_recipe(changed_recipe(tmp_path, "augment", "speeds = [1]"))
    assert read.augment.speeds == (1.0,)
    assert isinstance(read.augment.speeds[0], float)
    assert read.parameters == {"n_classes": 2, "n_mels": 64}
