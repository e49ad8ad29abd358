from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from realtime_ser.adaptation import PAST, PAST_WEIGHT
from realtime_ser.networks import build_network
from realtime_ser.networks.multiscale_lstm import MultiscaleLstm
from realtime_ser.training.examples import Example, Variant
from realtime_ser.training.familiar import FEWEST, fit_familiarity, widen_familiarity
from realtime_ser.training.histories import fit_scaling
from realtime_ser.training.index import Clip
from tests.models import SMALL, WIDTH

UNITS = 32


def example(number: int, shift: float = 0.0) -> Example:
    """Cells that vary in ten directions only, but for a little noise and a shift."""
    rng = np.random.default_rng(number)
    plane = np.random.default_rng(0).standard_normal((10, WIDTH // 2))
    cells = rng.standard_normal(10) @ plane + 0.1 * rng.standard_normal((UNITS, WIDTH // 2))
    slow = np.concatenate([cells + shift, np.full_like(cells, 0.1)], axis=1).astype(np.float16)
    clip = Clip(Path(f"{number}.wav"), "made", f"s{number % 9}", "sad")
    return Example(clip, (Variant(np.zeros((1, 1), np.float16), slow),))


SPEECH = [example(i) for i in range(300)]
ODD = np.random.default_rng(1).standard_normal(WIDTH // 2) * 3.0


def odd(number: int) -> Example:
    return example(number, shift=ODD)  # type: ignore[arg-type]  # one shift a cell


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> MultiscaleLstm:
    # The small network has no more cells than the default number of directions.
    monkeypatch.setattr("realtime_ser.networks.familiarity.DIRECTIONS", 20)
    monkeypatch.setattr("realtime_ser.training.familiar.DIRECTIONS", 20)
    torch.manual_seed(0)
    made = build_network("multiscale_lstm", SMALL | {"voice": 8})
    assert isinstance(made, MultiscaleLstm)
    fit_scaling(made, SPEECH)
    return made.eval()


@torch.no_grad()
def logits(network: MultiscaleLstm, of: Example, usual: Example | None = None) -> torch.Tensor:
    """(classes,) of the last unit at the longest length."""
    state = network.initial_state(1, torch.device("cpu"))
    if usual is not None:
        slow = torch.from_numpy(usual.variants[0].slow).float()[None]
        heard = torch.arange(1.0, UNITS + 1.0)[None]
        relative = network.relative(network.describe_voice(slow, heard, state)[0])
        state[PAST] = 1000.0 * relative[:, :, -1].transpose(0, 1)
        state[PAST_WEIGHT] = torch.full_like(state[PAST_WEIGHT], 1000.0)
    mel = torch.zeros(1, 3, UNITS * 10, 64)
    slow = torch.from_numpy(of.variants[0].slow).float()[None]
    evidence, _ = network.fast_part(mel, slow, state)
    return evidence[0, -1, -1, :-1]


def test_speech_keeps_its_scores_and_something_else_loses_them(network: MultiscaleLstm) -> None:
    before = logits(network, example(1000)), logits(network, odd(1001))
    fit_familiarity(network, SPEECH)
    torch.testing.assert_close(logits(network, example(1000)), before[0], atol=1e-4, rtol=0.05)
    assert logits(network, odd(1001)).abs().max() < 0.05 * before[1].abs().max()


def test_who_is_known_is_familiar(network: MultiscaleLstm) -> None:
    fit_familiarity(network, SPEECH)
    stranger = logits(network, odd(1001)).abs().max()
    assert logits(network, odd(1001), usual=odd(1002)).abs().max() > 5.0 * stranger


def test_speech_of_a_new_place_is_let_in_and_limits_never_fall(network: MultiscaleLstm) -> None:
    fit_familiarity(network, SPEECH)
    limits = network.familiarity.limits.clone()
    widen_familiarity(network, [odd(i) for i in range(FEWEST + 10)])
    assert (network.familiarity.limits > limits).all()
    wide = network.familiarity.limits.clone()
    widen_familiarity(network, SPEECH)
    torch.testing.assert_close(network.familiarity.limits, wide)


def test_with_too_little_speech_everything_is_familiar(network: MultiscaleLstm) -> None:
    fit_familiarity(network, SPEECH[:50])
    assert network.familiarity.limits.isinf().all()
    widen_familiarity(network, SPEECH)
    assert network.familiarity.limits.isinf().all()
