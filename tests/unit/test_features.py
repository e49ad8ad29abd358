from __future__ import annotations

import pytest
import torch

from realtime_ser.features import TRUNK_BANDS, FeatureConfig, FrontEnd
from tests.signals import speech_like, tone

HOP = FeatureConfig().hop


@pytest.fixture(scope="module")
def front_end() -> FrontEnd:
    return FrontEnd(FeatureConfig())


def whole(front_end: FrontEnd, samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    features, _ = front_end.step(samples, front_end.initial_state(len(samples)))
    return features.mel, features.trunk


def test_pieces_give_the_same_frames_as_the_whole(front_end: FrontEnd) -> None:
    samples = torch.from_numpy(speech_like(1.6))[None]
    mel, trunk = whole(front_end, samples)
    state, mels, trunks, start = front_end.initial_state(1), [], [], 0
    for frames in (50, 100, 10):
        piece = samples[:, start * HOP : (start + frames) * HOP]
        features, state = front_end.step(piece, state)
        mels.append(features.mel)
        trunks.append(features.trunk)
        start += frames
    torch.testing.assert_close(torch.cat(mels, 2), mel, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(torch.cat(trunks, 1), trunk, atol=1e-6, rtol=1e-4)


def test_without_mel_bands_the_trunk_hears_the_same(front_end: FrontEnd) -> None:
    samples = torch.from_numpy(speech_like(1.0))[None]
    _, expected = whole(front_end, samples)
    mel, trunk = whole(FrontEnd(FeatureConfig(n_mels=0)), samples)
    assert mel.shape == (1, 3, 100, 0)
    torch.testing.assert_close(trunk, expected)


def test_padding_changes_nothing_before_it(front_end: FrontEnd) -> None:
    power, _ = front_end.power(
        torch.from_numpy(speech_like(0.7))[None], front_end.initial_state(1)["tail"]
    )
    padded = torch.cat([power, torch.zeros(1, 30, power.shape[2])], dim=1)
    alone, _ = front_end.features(power, front_end.initial_state(1))
    state = front_end.initial_state(1)
    beside, _ = front_end.features(padded, state, torch.tensor([power.shape[1]]))
    torch.testing.assert_close(beside.trunk[:, : power.shape[1]], alone.trunk)


def test_a_batch_gives_the_same_as_each_alone(front_end: FrontEnd) -> None:
    samples = torch.stack([torch.from_numpy(speech_like(1.0, seed=s)) for s in range(3)])
    mel, trunk = whole(front_end, samples)
    for i in range(3):
        alone, alone_trunk = whole(front_end, samples[i : i + 1])
        torch.testing.assert_close(mel[i], alone[0], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(trunk[i], alone_trunk[0], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("gain_db", [-20.0, 20.0])
def test_the_level_of_the_microphone_makes_no_difference(
    front_end: FrontEnd, gain_db: float
) -> None:
    samples = torch.from_numpy(speech_like(1.0, dbfs=-35.0))[None]
    louder = samples * 10.0 ** (gain_db / 20.0)
    mel, trunk = whole(front_end, samples)
    mel_louder, trunk_louder = whole(front_end, louder)
    assert (mel - mel_louder).abs().mean() < 0.02
    assert (trunk - trunk_louder).abs().mean() < 0.02


def test_the_last_column_of_power_is_the_mean_square(front_end: FrontEnd) -> None:
    samples = torch.from_numpy(tone(1.0, 1000.0, dbfs=-20.0))[None]
    power, _ = front_end.power(samples, front_end.initial_state(1)["tail"])
    assert power.shape[2] == front_end.n_bands == 64 + TRUNK_BANDS + 1
    assert power[0, 5:, -1].mean().item() == pytest.approx(0.01, rel=0.01)


def test_a_tone_peaks_in_its_band(front_end: FrontEnd) -> None:
    low, _ = whole(front_end, torch.from_numpy(tone(0.5, 300.0))[None])
    high, _ = whole(front_end, torch.from_numpy(tone(0.5, 3000.0))[None])
    assert low[0, 0, 20].argmax() < high[0, 0, 20].argmax()


def test_deltas_of_a_steady_sound_vanish(front_end: FrontEnd) -> None:
    mel, _ = whole(front_end, torch.from_numpy(tone(0.5, 1000.0))[None])
    strongest = mel[0, 0, 20].argmax()
    assert mel[0, 1:, 20:, strongest].abs().max() < 0.05
