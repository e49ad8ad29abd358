from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from realtime_ser.baseline import (
    Baseline,
    forget_baseline,
    list_baselines,
    load_baseline,
    prepare_folder,
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


DAMAGED = {
    "no number": (torch.full((1, 6), torch.nan), "12.3"),
    "infinite": (torch.tensor([[1.0, torch.inf]]), "12.3"),
    "float64": (torch.zeros(1, 6, dtype=torch.float64), "12.3"),
    "float16": (torch.zeros(1, 6, dtype=torch.float16), "12.3"),
    "int64": (torch.zeros(1, 6, dtype=torch.int64), "12.3"),
    "bool": (torch.zeros(1, 6, dtype=torch.bool), "12.3"),
    "no tensors": (None, "12.3"),
    "seconds are no number": (torch.zeros(1, 6), "nan"),
    "infinite seconds": (torch.zeros(1, 6), "1e999"),
    "negative seconds": (torch.zeros(1, 6), "-1"),
    "seconds are a text": (torch.zeros(1, 6), "many"),
}


@pytest.mark.parametrize(("tensor", "seconds"), DAMAGED.values(), ids=DAMAGED)
def test_numbers_that_nobody_stored_are_said(
    tmp_path: Path, tensor: torch.Tensor | None, seconds: str
) -> None:
    metadata = {"format": "1", "model": "abc", "seconds": seconds}
    memory = {} if tensor is None else {"sums": tensor}
    save_file(memory, tmp_path / "anna.safetensors", metadata)
    with pytest.raises(ConfigError, match=r"is damaged; run 'realtime-ser calibrate anna' again"):
        load_baseline("anna", "abc", tmp_path)


def refuse(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let the system refuse these methods of paths, as it does to users who may not."""

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    for name in names:
        monkeypatch.setattr(Path, name, refused)


@pytest.mark.parametrize("refused", ["is_file", "open"])
def test_a_file_that_may_not_be_read_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    save_baseline(ANNA, tmp_path)
    refuse(monkeypatch, refused)
    with pytest.raises(ConfigError, match=r"anna\.safetensors: cannot be read \(Permission denied"):
        load_baseline("anna", "abc", tmp_path)


@pytest.mark.parametrize("refused", ["iterdir", "is_file"])
def test_a_folder_that_may_not_be_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    save_baseline(ANNA, tmp_path)
    refuse(monkeypatch, refused)
    with pytest.raises(ConfigError, match=r"cannot be read \(Permission denied\); see to it"):
        list_baselines(tmp_path)


def test_only_files_of_possible_names_are_listed(tmp_path: Path) -> None:
    save_baseline(ANNA, tmp_path)
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / ".hidden.safetensors").touch()
    assert list_baselines(tmp_path) == ["anna"]
    with pytest.raises(ConfigError, match=r"'folder' is not known.*\(known: anna\)"):
        load_baseline("folder", "abc", tmp_path)
    assert list_baselines(tmp_path / "nowhere") == []


@pytest.mark.parametrize("letter", ["a", "\N{GREEK SMALL LETTER OMEGA}", "\u4e00"])
def test_the_longest_names_fit_into_file_names(tmp_path: Path, letter: str) -> None:
    name = letter * 64
    file = save_baseline(Baseline(name, "abc", 1.0, ANNA.memory), tmp_path)
    assert len(os.fsencode(file.name)) <= 255
    assert list_baselines(tmp_path) == [name]


FOUR_BYTES = "\N{MATHEMATICAL BOLD CAPITAL A}"


@pytest.mark.parametrize(
    "name", ["", "../anna", "a/b", ".hidden", "a" * 65, "a\nb", "-x", FOUR_BYTES * 64]
)
def test_names_that_are_no_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="use a name of letters"):
        save_baseline(Baseline(name, "abc", 1.0, {}), tmp_path)


def test_what_cannot_be_removed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_baseline(ANNA, tmp_path)
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(ConfigError, match="'folder' is not known; there is nothing to forget"):
        forget_baseline("folder", tmp_path)
    refuse(monkeypatch, "unlink")
    with pytest.raises(SinkError, match=r"cannot be removed \(Permission denied\)"):
        forget_baseline("anna", tmp_path)


def test_forgetting(tmp_path: Path) -> None:
    save_baseline(ANNA, tmp_path)
    forget_baseline("anna", tmp_path)
    assert list_baselines(tmp_path) == []
    with pytest.raises(ConfigError, match="nothing to forget"):
        forget_baseline("anna", tmp_path)


def test_a_place_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match=r"cannot be written \(File exists\); see to it"):
        save_baseline(ANNA, tmp_path / "file")
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)
        with pytest.raises(SinkError, match=r"cannot be written \(Permission denied\); see to it"):
            prepare_folder(tmp_path)
    refuse(monkeypatch, "replace")
    with pytest.raises(SinkError, match=r"anna\.safetensors: cannot be written \(Permission"):
        save_baseline(ANNA, tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []
