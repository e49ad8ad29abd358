from __future__ import annotations

from importlib.resources import as_file, files

import numpy as np
import pytest
import soundfile


@pytest.fixture(scope="module")
def recording() -> tuple[np.ndarray, int]:
    with as_file(files("realtime_ser.data") / "demo.ogg") as path:
        assert path.stat().st_size < 400_000
        return soundfile.read(path, always_2d=True)


def test_is_a_minute_on_two_channels(recording: tuple[np.ndarray, int]) -> None:
    samples, rate = recording
    assert rate == 16_000
    assert samples.shape[1] == 2
    assert 50 <= len(samples) / rate <= 75


def test_both_speak_by_turns_at_a_sensible_level(recording: tuple[np.ndarray, int]) -> None:
    samples, rate = recording
    assert np.abs(samples).max() < 0.95
    tenth = rate // 10
    power = np.square(samples[: len(samples) // tenth * tenth]).reshape(-1, tenth, 2).mean(axis=1)
    speaks = power > 10 ** (-45 / 10)
    for channel in (0, 1):
        level = 10 * np.log10(power[speaks[:, channel], channel].mean())
        assert speaks[:, channel].sum() / 10 > 15
        assert -26 < level < -17
        assert -70 < 10 * np.log10(np.percentile(power[:, channel], 5)) < -55
    together = speaks.all(axis=1).mean()
    assert 0 < together < 0.05  # the customer cuts in once
