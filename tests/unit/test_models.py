from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import tomli_w
import torch

from realtime_ser.errors import ModelError
from realtime_ser.models import find_model, list_models, load_model
from tests.models import CLASSES, save_untrained


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_untrained(tmp_path / "model")


def edit(folder: Path, key: str, value: object) -> None:
    file = folder / "model.toml"
    content = tomllib.loads(file.read_text())
    content[key] = value
    file.write_text(tomli_w.dumps(content))


def test_what_is_saved_is_loaded(folder: Path) -> None:
    model = load_model(folder)
    assert model.classes == CLASSES
    assert model.fusion.weights == (0.5, 0.3, 0.2)
    assert isinstance(model.network, torch.nn.Module)
    assert not model.network.training


def test_the_default_model_is_shipped_and_loads() -> None:
    assert "default" in [path.name for path in list_models()]
    assert load_model(find_model("default")).classes == CLASSES


def test_an_unknown_name_lists_the_shipped_ones() -> None:
    with pytest.raises(ModelError, match=r"'nonesuch'.*shipped models:.*default"):
        find_model("nonesuch")


def test_altered_weights_are_refused(folder: Path) -> None:
    file = folder / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(ModelError, match="sha256 differs"):
        load_model(folder)


def test_missing_weights_are_said(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors: cannot be read"):
        load_model(folder)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("format", 99, "format is 99, this version reads 1"),
        ("classes", ["angry", "bored"], "classes must be some of"),
        ("classes", ["angry", "sad"], "do not fit the network"),
        ("sample_rate", 8000, "sample_rate must be 16000"),
        ("network", "perceptron", "'perceptron' is unknown"),
        ("hyper", {"hidden": 11}, "does not fit model.toml"),
        ("fusion", {"weights": [1.0]}, "do not fit the network"),
        ("features", {"colour": 1}, "unknown key 'colour'"),
        ("hyper", 3, r"table \[hyper\] is missing"),
    ],
)
def test_a_foreign_description_is_refused(
    folder: Path, key: str, value: object, words: str
) -> None:
    edit(folder, key, value)
    with pytest.raises(ModelError, match=words):
        load_model(folder)


def test_a_description_that_is_not_toml_is_refused(folder: Path) -> None:
    (folder / "model.toml").write_bytes(b"\xff\xfe = nonsense")
    with pytest.raises(ModelError, match=r"model\.toml: cannot be read"):
        load_model(folder)
