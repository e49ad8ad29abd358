from __future__ import annotations

import pytest
import torch
from torch.optim.swa_utils import AveragedModel

from realtime_ser.training.calibrate import calibrate, fit_fusion, threshold
from realtime_ser.training.listening import Answers, ExampleLogits
from realtime_ser.training.loop import running_mean

SIX = ("angry", "disgust", "fear", "happy", "neutral", "sad")


def test_fusion_prefers_the_scale_that_is_right_and_calibrates() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(3, (600,), generator=generator)
    good = 8.0 * torch.nn.functional.one_hot(labels, 3) + torch.randn(600, 3, generator=generator)
    wrong = torch.rand(600, generator=generator) < 0.3
    good[wrong] = good[wrong].roll(1, dims=1)
    noise = torch.randn(600, 3, generator=generator)
    fusion = fit_fusion(torch.stack([good, noise], dim=1), labels)
    assert fusion.weights[0] > 0.8
    assert sum(fusion.weights) == pytest.approx(1.0, abs=1e-3)
    assert fusion.temperature > 1.5


def test_known_speakers_are_calibrated_for_calls_as_well() -> None:
    """Neutral clips are told more surely; more of them make for more confidence."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(700) % 7 % 6  # two of seven are angry, class 0
    right = (labels == SIX.index("neutral")) | (torch.rand(700, generator=generator) < 0.5)
    said = torch.where(right, labels, (labels + 1) % 6)
    logits = 4.0 * torch.nn.functional.one_hot(said, 6)[:, None, None].float()
    strangers, speakers = ([ExampleLogits(x, x, units) for x in logits] for units in (0.0, 100.0))
    answers = [Answers(strangers, speakers, labels)]
    fusion = calibrate(answers, SIX)
    assert fusion.utterance_known.temperature < 0.9 * fusion.utterance.temperature
    assert fusion.window_known.temperature < 0.9 * fusion.window.temperature
    alike = torch.softmax(torch.tensor([4.0] + [0.0] * 5) / fusion.utterance.temperature, dim=0)
    assert threshold(answers, fusion) == pytest.approx(float(alike[0]), abs=1e-3)


def test_a_running_mean_of_weights_forgets_its_beginning() -> None:
    layer = torch.nn.Linear(1, 1)
    averaged = AveragedModel(layer, avg_fn=running_mean(0.99))
    for value in [100.0] * 3 + [1.0] * 600:
        torch.nn.init.constant_(layer.bias, value)
        averaged.update_parameters(layer)
    torch.nn.init.constant_(layer.bias, 2.0)
    averaged.update_parameters(layer)
    assert averaged.module.bias.item() == pytest.approx(1.01, abs=0.01)
