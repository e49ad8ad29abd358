from __future__ import annotations

import pytest
import torch

from realtime_ser.features import VOICE_BANDS, FeatureConfig, FrontEnd
from tests.signals import speech_like, tone

HOP = FeatureConfig().hop


@pytest.fixture(scope="module")
def front_end() -> FrontEnd:
    return FrontEnd(FeatureConfig())


def whole(front_end: FrontEnd, samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    features, _ = front_end.step(samples, front_end.initial_state(len(samples)))
    return features.mel, features.voice


def test_pieces_give_the_same_frames_as_the_whole(front_end: FrontEnd) -> None:
    samples = torch.from_numpy(speech_like(1.6))[None]
    mel, voice = whole(front_end, samples)
    state, mels, voices, start = front_end.initial_state(1), [], [], 0
    for frames in (1, 2, 50, 7, 100):
        piece = samples[:, start * HOP : (start + frames) * HOP]
        features, state = front_end.step(piece, state)
        mels.append(features.mel)
        voices.append(features.voice)
        start += frames
    torch.testing.assert_close(torch.cat(mels, 2), mel, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(torch.cat(voices, 1), voice, atol=1e-6, rtol=1e-4)


def test_a_batch_gives_the_same_as_each_alone(front_end: FrontEnd) -> None:
    samples = torch.stack([torch.from_numpy(speech_like(1.0, seed=s)) for s in range(3)])
    mel, voice = whole(front_end, samples)
    for i in range(3):
        alone, alone_voice = whole(front_end, samples[i : i + 1])
        torch.testing.assert_close(mel[i], alone[0], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(voice[i], alone_voice[0], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("gain_db", [-20.0, 20.0])
def test_the_level_of_the_microphone_makes_no_difference(
    front_end: FrontEnd, gain_db: float
) -> None:
    samples = torch.from_numpy(speech_like(1.0, dbfs=-35.0))[None]
    louder = samples * 10.0 ** (gain_db / 20.0)
    mel, voice = whole(front_end, samples)
    mel_louder, voice_louder = whole(front_end, louder)
    assert (mel - mel_louder).abs().mean() < 0.02
    assert (voice - voice_louder).abs().sum() < 0.02 * voice.abs().sum()


def test_the_last_column_of_power_is_the_mean_square(front_end: FrontEnd) -> None:
    samples = torch.from_numpy(tone(1.0, 1000.0, dbfs=-20.0))[None]
    power, _ = front_end.power(samples, front_end.initial_state(1)["tail"])
    assert power.shape[2] == front_end.n_bands == 64 + VOICE_BANDS + 1
    assert power[0, 5:, -1].mean().item() == pytest.approx(0.01, rel=0.01)


def test_a_tone_peaks_in_its_band(front_end: FrontEnd) -> None:
    low, _ = whole(front_end, torch.from_numpy(tone(0.5, 300.0))[None])
    high, _ = whole(front_end, torch.from_numpy(tone(0.5, 3000.0))[None])
    assert low[0, 0, 20].argmax() < high[0, 0, 20].argmax()


def test_deltas_of_a_steady_sound_vanish(front_end: FrontEnd) -> None:
    mel, _ = whole(front_end, torch.from_numpy(tone(0.5, 1000.0))[None])
    strongest = mel[0, 0, 20].argmax()
    assert mel[0, 1:, 20:, strongest].abs().max() < 0.05
