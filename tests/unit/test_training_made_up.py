from __future__ import annotations

import numpy as np
import pytest

from realtime_ser.training.made_up import made_up_sounds
from realtime_ser.types import SAMPLE_RATE


def test_made_up_sounds_differ_and_none_is_silent() -> None:
    sounds = made_up_sounds(np.random.default_rng(0), 12)
    again = made_up_sounds(np.random.default_rng(0), 12)
    assert [len(sound) for sound in sounds] == [2 * SAMPLE_RATE] * 12
    assert all(np.abs(sound).max() == pytest.approx(0.3) for sound in sounds)
    for one, same in zip(sounds, again, strict=True):
        np.testing.assert_array_equal(one, same)
    correlations = np.corrcoef(np.stack(sounds))
    assert np.abs(correlations[~np.eye(12, dtype=bool)]).max() < 0.5
