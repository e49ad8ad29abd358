"""Calibration is fitted to what the listener hears, so it must hear what a live stream hears."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch import nn

from realtime_ser.features import FrontEnd
from realtime_ser.fusion import scale_scores
from realtime_ser.models import load_model
from realtime_ser.recognizer import NetworkRecognizer
from realtime_ser.training.examples import Example, Variant
from realtime_ser.training.index import Clip
from realtime_ser.training.listening import Listener
from realtime_ser.training.recipe import DataRecipe, Recipe
from tests.models import CLASSES, save_untrained
from tests.signals import speech_like

CPU = torch.device("cpu")
HOP = 8000
HOPS = 5


@pytest.mark.parametrize("voice", [0, 8])
def test_the_listener_hears_what_a_live_stream_hears(tmp_path: Path, voice: int) -> None:
    model = load_model(save_untrained(tmp_path, voice=voice))
    wave = speech_like(HOPS * HOP / 16_000)[: HOPS * HOP]
    front_end = FrontEnd(model.features)
    start = front_end.initial_state(1)
    power, _ = front_end.power(torch.from_numpy(wave)[None], start["tail"])
    with torch.inference_mode():
        features, _ = front_end.features(power, start)
        slow, _ = model.network.slow_part(features, model.network.initial_state(1, CPU))
    variant = Variant(np.log(power.numpy()[0] + 1e-12).astype(np.float16), slow[0].half().numpy())
    recipe = Recipe(
        "x", "multiscale_lstm", CLASSES, DataRecipe("", (), "", ()), features=model.features
    )
    listener = Listener(cast("nn.Module", model.network), recipe, CPU)
    (heard,) = listener.hear([Example(Clip(Path("x"), "made", "s", "sad"), (variant,))])

    live = NetworkRecognizer(model, CPU, window=1.5)
    slot = live.open()
    live.begin(slot)
    said = [live.step([slot], [piece])[0] for piece in wave.reshape(HOPS, HOP)]
    windows = scale_scores(heard.window).numpy()
    np.testing.assert_allclose(windows, [p.scales for p in said], atol=5e-3)
    whole = scale_scores(heard.utterance).numpy()[0]
    assert said[-1].detail is not None
    np.testing.assert_allclose(whole, said[-1].detail.scales, atol=5e-3)
