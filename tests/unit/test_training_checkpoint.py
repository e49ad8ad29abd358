from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from realtime_ser.errors import ConfigError
from realtime_ser.training import checkpoint
from realtime_ser.training.index import Clip
from realtime_ser.training.recipe import DataRecipe, Recipe
from tests.corpus import clip

DATA = DataRecipe("unused", (), "made", ("1", "2"), 2)


def made_recipe(seed: int = 0) -> Recipe:
    return Recipe("x", "multiscale_lstm", ("angry", "sad"), DATA, seed)


def test_a_digest_tells_recipes_and_splits_apart_but_not_folders() -> None:
    one, other = clip("angry"), clip("sad")
    moved = Clip(Path("elsewhere") / one.path, "made", "a", "angry")
    digest = checkpoint.digest_of(made_recipe(), [one], [other])
    assert checkpoint.digest_of(made_recipe(), [moved], [other]) == digest
    others = {
        checkpoint.digest_of(made_recipe(seed=1), [one], [other]),
        checkpoint.digest_of(made_recipe(), [other], [one]),
        checkpoint.digest_of(made_recipe(), [one, other], []),
    }
    assert len(others | {digest}) == 4
    elsewhere = dataclasses.replace(DATA, index="elsewhere/index.csv")
    other_index = dataclasses.replace(made_recipe(), data=elsewhere)
    assert checkpoint.digest_of(other_index, [one], [other]) == digest


@pytest.mark.parametrize("content", [b"", b".", b"hello\n" * 100, b"no checkpoint", None])
def test_a_damaged_checkpoint_is_said(tmp_path: Path, content: bytes | None) -> None:
    cpu = torch.device("cpu")
    assert checkpoint.read(tmp_path, "d", cpu) is None
    checkpoint.write(tmp_path, {"digest": "d", "weights": torch.zeros(1000)})
    stored = checkpoint.read(tmp_path, "d", cpu)
    assert stored is not None
    assert len(stored["weights"]) == 1000
    file = tmp_path / checkpoint.FILE
    file.write_bytes(file.read_bytes()[:2000] if content is None else content)
    with pytest.raises(ConfigError, match=r"holds a damaged checkpoint; remove .*\.pt") as error:
        checkpoint.read(tmp_path, "d", cpu)
    assert "\n" not in str(error.value)


def test_the_generator_of_a_gpu_goes_on_too(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu, rng = torch.device("cuda"), np.random.default_rng(0)
    state = {gpu: torch.arange(16, dtype=torch.uint8)}
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: state[device].clone())
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda s, device: state.update({device: s}))
    states = checkpoint.random_states(rng, gpu)
    drawn = rng.random(), torch.rand(1).item()
    state[gpu] = torch.zeros(16, dtype=torch.uint8)
    checkpoint.restore_random_states(states, rng, gpu)
    assert state[gpu].tolist() == list(range(16))
    assert (rng.random(), torch.rand(1).item()) == drawn
    assert "cuda" not in checkpoint.random_states(rng, torch.device("cpu"))
