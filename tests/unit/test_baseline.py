from __future__ import annotations

from pathlib import Path

import pytest
import torch

from realtime_ser.baseline import (
    Baseline,
    forget_baseline,
    list_baselines,
    load_baseline,
    save_baseline,
)
from realtime_ser.errors import ConfigError, SinkError

ANNA = Baseline("anna", "abc", 12.3, {"sums": torch.arange(6.0).reshape(1, 6)})


def test_what_is_stored_is_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there yet"
    save_baseline(ANNA, folder)
    found = load_baseline("anna", "abc", folder)
    assert (found.name, found.model, found.seconds) == ("anna", "abc", 12.3)
    torch.testing.assert_close(found.memory, ANNA.memory)
    assert list_baselines(folder) == ["anna"]
    assert [file.name for file in folder.iterdir()] == ["anna.safetensors"]


def test_calibrating_again_replaces(tmp_path: Path) -> None:
    save_baseline(ANNA, tmp_path)
    save_baseline(Baseline("anna", "def", 20.0, ANNA.memory), tmp_path)
    assert load_baseline("anna", "def", tmp_path).seconds == 20.0


def test_another_model_means_something_else_by_the_numbers(tmp_path: Path) -> None:
    save_baseline(ANNA, tmp_path)
    with pytest.raises(ConfigError, match="'anna' was calibrated with another model; run"):
        load_baseline("anna", "xyz", tmp_path)


def test_somebody_unknown_is_said_with_those_who_are_known(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"calibrate bert' first \(known: none\)"):
        load_baseline("bert", "abc", tmp_path)
    save_baseline(ANNA, tmp_path)
    with pytest.raises(ConfigError, match=r"\(known: anna\)"):
        load_baseline("bert", "abc", tmp_path)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_damaged_file_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "anna.safetensors").write_bytes(content)
    with pytest.raises(ConfigError, match=r"anna\.safetensors: is damaged; run"):
        load_baseline("anna", "abc", tmp_path)


@pytest.mark.parametrize("name", ["", "../anna", "a/b", ".hidden", "a" * 65, "a\nb", "-x"])
def test_names_that_are_no_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="use a name of letters"):
        save_baseline(Baseline(name, "abc", 1.0, {}), tmp_path)


def test_forgetting(tmp_path: Path) -> None:
    save_baseline(ANNA, tmp_path)
    forget_baseline("anna", tmp_path)
    assert list_baselines(tmp_path) == []
    with pytest.raises(ConfigError, match="nothing to forget"):
        forget_baseline("anna", tmp_path)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="cannot be written"):
        save_baseline(ANNA, tmp_path / "file")
