from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from realtime_ser.networks import build_network
from realtime_ser.networks.multiscale_lstm import MultiscaleLstm
from realtime_ser.training.examples import Example, Variant
from realtime_ser.training.familiar import FEWEST, fit_familiarity, widen_familiarity
from realtime_ser.training.histories import fit_scaling
from realtime_ser.training.index import Clip
from tests.models import SMALL, WIDTH

UNITS = 32


def example(number: int, shift: float | np.ndarray = 0.0) -> Example:
    """Cells of some sound."""
    rng = np.random.default_rng(number)
    plane = np.random.default_rng(0).standard_normal((10, WIDTH // 2))
    cells = rng.standard_normal(10) @ plane + 0.1 * rng.standard_normal((UNITS, WIDTH // 2))
    slow = np.concatenate([cells + shift, np.full_like(cells, 0.1)], axis=1).astype(np.float16)
    clip = Clip(Path(f"{number}.wav"), "made", f"s{number % 9}", "sad")
    return Example(clip, (Variant(np.zeros((1, 1), np.float16), slow),))


SPEECH = [example(i) for i in range(300)]
ODD = np.random.default_rng(1).standard_normal(WIDTH // 2) * 3.0


def odd(number: int) -> Example:
    return example(number, shift=ODD)


NOISE = [odd(i).variants[0].slow for i in range(400, 500)]


@pytest.fixture
def network() -> MultiscaleLstm:
    torch.manual_seed(0)
    made = build_network("multiscale_lstm", SMALL | {"voice": 8})
    assert isinstance(made, MultiscaleLstm)
    fit_scaling(made, SPEECH)
    return made.eval()


@torch.no_grad()
def logits(network: MultiscaleLstm, of: Example) -> torch.Tensor:
    """(classes,) of the last unit at the longest length."""
    state = network.initial_state(1, torch.device("cpu"))
    mel = torch.zeros(1, 3, UNITS * 10, 64)
    slow = torch.from_numpy(of.variants[0].slow).float()[None]
    evidence, _ = network.fast_part(mel, slow, state)
    return evidence[0, -1, -1, :-1]


def test_speech_keeps_its_scores_and_something_else_loses_them(network: MultiscaleLstm) -> None:
    before = logits(network, example(1000)), logits(network, odd(1001))
    fit_familiarity(network, SPEECH, NOISE)
    torch.testing.assert_close(logits(network, example(1000)), before[0], atol=1e-3, rtol=0.05)
    assert logits(network, odd(1001)).abs().max() < 0.05 * before[1].abs().max()


def test_speech_of_a_new_place_is_let_in_and_the_limit_never_rises(
    network: MultiscaleLstm,
) -> None:
    fit_familiarity(network, SPEECH, NOISE)
    limit = network.familiarity.limit.clone()
    halfway = [example(i, shift=0.8 * ODD) for i in range(FEWEST)]
    widen_familiarity(network, halfway)
    wide = network.familiarity.limit.clone()
    assert wide < limit
    widen_familiarity(network, SPEECH)
    assert network.familiarity.limit == wide


def test_with_too_little_to_compare_everything_is_familiar(network: MultiscaleLstm) -> None:
    fit_familiarity(network, SPEECH, NOISE[:10])
    before = logits(network, odd(1001))
    fit_familiarity(network, SPEECH[:10], NOISE)
    torch.testing.assert_close(logits(network, odd(1001)), before)
    widen_familiarity(network, SPEECH)
    assert network.familiarity.limit.isinf()
