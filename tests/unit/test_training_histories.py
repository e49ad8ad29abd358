from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch

from realtime_ser.adaptation import PAST, PAST_SQUARES, PAST_UNITS, PAST_WEIGHT
from realtime_ser.networks import build_network
from realtime_ser.networks.multiscale_lstm import MultiscaleLstm
from realtime_ser.training.examples import Example, Variant
from realtime_ser.training.histories import Histories, adapts, fit_scaling
from realtime_ser.training.index import Clip
from realtime_ser.training.recipe import HistoryRecipe
from tests.models import SMALL, WIDTH

CPU = torch.device("cpu")
EMOTIONS = ("neutral", "sad", "angry")


def example(speaker: int, number: int, level: float) -> Example:
    """Trunk cells around a level of the speaker's own; the second variant is ten higher."""
    rng = np.random.default_rng(100 * speaker + number)
    means = level + 0.1 * rng.standard_normal((6 + number, WIDTH // 2))
    clip = Clip(Path(f"{speaker}-{number}.wav"), "made", f"s{speaker}", EMOTIONS[number % 3])
    return Example(
        clip,
        tuple(
            Variant(
                np.zeros((1, 1), np.float16),
                np.concatenate([m, np.full_like(m, 0.1)], axis=1).astype(np.float16),
            )
            for m in (means, means + 10.0)
        ),
    )


EXAMPLES = [example(s, i, level=2.0 * s) for s in range(3) for i in range(6)]


@pytest.fixture
def network() -> MultiscaleLstm:
    torch.manual_seed(0)
    made = build_network("multiscale_lstm", SMALL | {"voice": 8})
    assert adapts(made)
    fit_scaling(made, EXAMPLES)
    return made.eval()


def test_scaling_is_everybodys_and_within_is_one_speakers(network: MultiscaleLstm) -> None:
    means = network.centre[:, : WIDTH // 2]
    assert means.mean() == pytest.approx(2.0, abs=0.05)  # of 0, 2 and 4
    assert network.spread[:, : WIDTH // 2].mean() == pytest.approx(1.63, abs=0.1)
    # Speakers differ much more from one another than from themselves.
    assert network.within[:, : WIDTH // 2].mean() < 0.02


def test_a_past_is_the_speakers_own_in_the_same_condition(network: MultiscaleLstm) -> None:
    histories = Histories(network, EXAMPLES, HistoryRecipe(cold=0.0))
    every = list(range(len(EXAMPLES)))
    for variant, higher in ((0, 0.0), (1, 10.0)):
        past = histories.draw(every, [variant] * len(every), np.random.default_rng(0))
        assert (past[PAST_WEIGHT] > 0.0).all()
        assert (past[PAST_UNITS] >= 6.0).all()
        mean = (past[PAST] / past[PAST_WEIGHT][..., None])[:, 0, : WIDTH // 2].mean(dim=1)
        raw = mean * network.spread[0, 0] + network.centre[0, 0]
        for i, example_ in enumerate(EXAMPLES):
            level = 2.0 * int(example_.clip.speaker[1:]) + higher
            assert raw[i] == pytest.approx(level, abs=0.7)
        assert (past[PAST_SQUARES] >= 0.0).all()


def test_no_clip_is_in_a_past_twice_nor_the_clip_itself(network: MultiscaleLstm) -> None:
    recipe = HistoryRecipe(cold=0.0, call=0.0, longest=40)
    histories = Histories(network, EXAMPLES, recipe)
    rng = np.random.default_rng(0)
    own = [len(e.variants[0].slow) for e in EXAMPLES[:6]]  # 6 to 11 units: sums tell clips apart
    for current in range(6):
        others = [units for i, units in enumerate(own) if i != current]
        possible = {sum(some) for n in range(1, 6) for some in combinations(others, n)}
        drawn = [histories.draw([current], [0], rng)[PAST_UNITS].item() for _ in range(50)]
        assert set(drawn) <= possible
        assert max(drawn) == sum(others)  # all of them, once


def test_a_call_is_mostly_calm_however_long_it_is(network: MultiscaleLstm) -> None:
    def heard(emotion: str, level: float) -> Example:
        made = example(0, 0, level)  # of 6 units each
        return replace(made, clip=replace(made.clip, emotion=emotion))

    few = [heard("neutral", 0.0) for _ in range(3)] + [heard("angry", 4.0) for _ in range(38)]
    histories = Histories(network, few, HistoryRecipe(cold=0.0, call=1.0, longest=40))
    rng = np.random.default_rng(0)
    lengths, shares = [], []
    for _ in range(200):
        past = histories.draw([40], [0], rng)
        relative = past[PAST][0, 0, : WIDTH // 2] / past[PAST_WEIGHT][0, 0]
        level = (
            relative * network.spread[0, : WIDTH // 2] + network.centre[0, : WIDTH // 2]
        ).mean()
        lengths.append(past[PAST_UNITS].item() / 6)
        shares.append(1.0 - level.item() / 4.0)
    long = [share for n, share in zip(lengths, shares, strict=True) if n >= 10]
    assert max(lengths) > 30
    assert min(long) > 0.3
    assert np.mean(long) == pytest.approx(0.7, abs=0.1)


def test_strangers_have_no_past(network: MultiscaleLstm) -> None:
    rng = np.random.default_rng(0)
    cold = Histories(network, EXAMPLES, HistoryRecipe(cold=1.0)).draw([0, 7], [0, 1], rng)
    assert all((value == 0.0).all() for value in cold.values())
    sole = Histories(network, EXAMPLES[:1], HistoryRecipe(cold=0.0)).draw([0], [0], rng)
    assert sole[PAST_UNITS].tolist() == [0.0]


def test_a_past_is_what_the_network_would_have_remembered(network: MultiscaleLstm) -> None:
    """Simulated in training, the same live: a segment heard, then the next one begins."""
    histories = Histories(network, EXAMPLES[:2], HistoryRecipe(cold=0.0, longest=1))
    drawn = histories.draw([0], [0], np.random.default_rng(0))  # the other one, once
    slow = torch.from_numpy(EXAMPLES[1].variants[0].slow).float()[None]
    mel = torch.zeros(1, 3, 10 * slow.shape[1], 64)
    with torch.no_grad():
        _, after = network.fast_part(mel, slow, network.initial_state(1, CPU))
    state = network.initial_state(1, CPU) | after
    live = network.next_segment(state)
    for key in (PAST, PAST_SQUARES, PAST_WEIGHT, PAST_UNITS):
        torch.testing.assert_close(drawn[key], live[key], rtol=2e-3, atol=2e-2)


def test_voices_are_speakers_in_a_condition(network: MultiscaleLstm) -> None:
    voices = Histories(network, EXAMPLES, HistoryRecipe()).voices()
    assert voices.shape == (6, network.n_scales, WIDTH)  # three speakers, two variants
    means = (voices * network.spread)[:, :, : WIDTH // 2].mean(dim=(1, 2))
    expected = np.array([0.0, 10.0, 2.0, 12.0, 4.0, 14.0]) - 7.0
    assert means.tolist() == pytest.approx(expected.tolist(), abs=0.1)


def test_two_corpora_do_not_differ_in_their_voices(network: MultiscaleLstm) -> None:
    far = [example(s + 3, i, level=2.0 * s - 5.0) for s in range(3) for i in range(6)]
    moved = [replace(e, clip=replace(e.clip, corpus="other")) for e in far]
    one, other = Histories(network, [*EXAMPLES, *moved], HistoryRecipe()).voices().chunk(2)
    assert (one - other)[:, :, : WIDTH // 2].abs().max() < 0.2
