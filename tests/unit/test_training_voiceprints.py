from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from realtime_ser.adaptation import Voiceprint
from realtime_ser.networks import build_network
from realtime_ser.networks.multiscale_lstm import MultiscaleLstm
from realtime_ser.training.examples import Example
from realtime_ser.training.index import Clip
from realtime_ser.training.voiceprints import Matrix, fit_voiceprint
from tests.models import SMALL, WIDTH

CLIPS = 25
EMOTIONS = ("angry", "neutral", "sad")


@pytest.fixture
def network() -> MultiscaleLstm:
    made = build_network("multiscale_lstm", SMALL | {"voice": 8})
    assert isinstance(made, MultiscaleLstm)
    return made


def voices(speakers: int, seed: int = 0) -> Matrix:
    """Mean descriptions: speakers differ in some cells, moods (more strongly) in others."""
    rng = np.random.default_rng(seed)
    means = 0.1 * rng.standard_normal((speakers, CLIPS, WIDTH))
    means[:, :, :20] += rng.standard_normal((speakers, 1, 20))
    means[:, :, 20:40] += 2.0 * rng.standard_normal((speakers, CLIPS, 20))
    return means.reshape(-1, WIDTH)


def examples(speakers: int) -> list[Example]:
    return [
        Example(Clip(Path(f"{s}-{i}.wav"), "made", f"s{s:02}", EMOTIONS[i % 3]), ())
        for s in range(speakers)
        for i in range(CLIPS)
    ]


def test_speakers_are_told_apart_and_moods_are_not(network: MultiscaleLstm) -> None:
    fit_voiceprint(network, examples(60), voices(60), seed=0)
    voiceprint = Voiceprint(network.voiceprint, network.voice_limit)
    strangers = torch.from_numpy(voices(10, seed=1)).float().reshape(10, CLIPS, WIDTH)
    late, before = strangers[:, :5].mean(dim=1), strangers[:, 5:].mean(dim=1)
    assert (voiceprint.distance(late, before) < network.voice_limit).float().mean() >= 0.8
    others = before.roll(1, dims=0)
    assert (voiceprint.distance(late, others) > network.voice_limit).float().mean() >= 0.9


def test_with_too_few_speakers_nobody_is_told_apart(network: MultiscaleLstm) -> None:
    fit_voiceprint(network, examples(7), voices(7), seed=0)
    assert network.voice_limit.isinf()
