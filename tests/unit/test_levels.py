from __future__ import annotations

import numpy as np
import pytest

from realtime_ser.levels import FLOOR_DBFS, level_dbfs, peak_dbfs
from tests.signals import silence


def sine(amplitude: float) -> np.ndarray:
    phase = np.arange(16_000) * (2 * np.pi * 100 / 16_000)
    return (amplitude * np.sin(phase)).astype(np.float32)


@pytest.mark.parametrize(
    ("amplitude", "rms", "peak"), [(1.0, -3.0103, 0.0), (0.1, -23.0103, -20.0), (2.0, 3.0103, 6.02)]
)
def test_levels_of_a_sine(amplitude: float, rms: float, peak: float) -> None:
    assert level_dbfs(sine(amplitude)) == pytest.approx(rms, abs=1e-3)
    assert peak_dbfs(sine(amplitude)) == pytest.approx(peak, abs=1e-3)


def test_a_negative_peak_counts() -> None:
    assert peak_dbfs(np.array([0.1, -0.5], dtype=np.float32)) == pytest.approx(-6.0206, abs=1e-3)


@pytest.mark.parametrize(
    "samples", [silence(0.1), silence(0.0), np.full(10, 1e-9, dtype=np.float32)]
)
def test_nothing_is_below_the_floor(samples: np.ndarray) -> None:
    assert level_dbfs(samples) == FLOOR_DBFS == -120.0
    assert peak_dbfs(samples) == FLOOR_DBFS
