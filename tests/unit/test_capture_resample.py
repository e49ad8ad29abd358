from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_ser.capture.resample import StreamResampler
from realtime_ser.types import SAMPLE_RATE
from tests.signals import rms_dbfs, strongest_hertz, tone, white_noise

RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000)


def in_one_go(samples: np.ndarray, rate: int) -> np.ndarray:
    resampler = StreamResampler(rate, samples.shape[1])
    return np.concatenate([resampler.process(samples), resampler.flush()])


@pytest.mark.parametrize("rate", RATES)
def test_length_pitch_and_level_survive(rate: int) -> None:
    samples = tone(1.7, 1000.0, sample_rate=rate)

    out = in_one_go(samples[:, None], rate)

    assert out.dtype == np.float32
    assert abs(len(out) - len(samples) * SAMPLE_RATE / rate) <= 1
    middle = out[2000:-2000, 0]
    assert strongest_hertz(middle) == pytest.approx(1000.0, abs=0.5)
    assert rms_dbfs(middle) == pytest.approx(-20.0, abs=0.05)


def test_output_stays_aligned_with_the_input() -> None:
    click = np.zeros((48_000, 1), np.float32)
    click[24_000] = 1.0
    assert int(np.argmax(in_one_go(click, 48_000)[:, 0])) == 8_000


def test_what_16_khz_cannot_carry_is_removed() -> None:
    out = in_one_go(tone(1.0, 12_000.0, sample_rate=48_000)[:, None], 48_000)
    assert rms_dbfs(out[1000:-1000]) < -100


def test_16_khz_passes_through_untouched() -> None:
    samples = white_noise(0.5)[:, None]
    np.testing.assert_array_equal(in_one_go(samples, SAMPLE_RATE), samples)


@settings(deadline=None, max_examples=60)
@given(
    rate=st.sampled_from(RATES),
    sizes=st.lists(st.integers(0, 5000), min_size=1, max_size=12),
    channels=st.integers(1, 3),
)
def test_how_the_audio_is_cut_makes_no_difference(
    rate: int, sizes: list[int], channels: int
) -> None:
    samples = np.random.default_rng(0).standard_normal((sum(sizes), channels)).astype(np.float32)
    resampler = StreamResampler(rate, channels)

    cuts = np.split(samples, np.cumsum(sizes)[:-1])
    out = np.concatenate([*(resampler.process(c) for c in cuts), resampler.flush()])

    np.testing.assert_array_equal(out, in_one_go(samples, rate))
    assert abs(len(out) - len(samples) * SAMPLE_RATE / rate) <= 1


@pytest.mark.parametrize(
    ("rate", "most"),
    [(8_000, 0.12), (16_000, 0.0), (44_100, 0.045), (48_000, 0.04), (192_000, 0.08)],
)
def test_added_delay_is_what_the_module_says(rate: int, most: float) -> None:
    resampler = StreamResampler(rate, 1)
    block = np.zeros((round(0.032 * rate), 1), np.float32)
    delays = []
    for _ in range(100):
        resampler.process(block)
        delays.append(resampler.delay)
    assert max(delays) <= most


def test_after_a_flush_new_audio_starts_afresh() -> None:
    samples = white_noise(0.3, sample_rate=44_100)[:, None]
    resampler = StreamResampler(44_100, 1)
    first = np.concatenate([resampler.process(samples), resampler.flush()])
    assert resampler.delay == 0
    second = np.concatenate([resampler.process(samples), resampler.flush()])
    np.testing.assert_array_equal(first, second)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected \(n, 2\)"):
        StreamResampler(8_000, 2).process(np.zeros((5, 1), np.float32))
