"""The level at which the detector hears a stream."""

from __future__ import annotations

import numpy as np
import pytest

from realtime_ser.gain import LOWEST_DBFS, NOISE_BELOW, RELEASE, TARGET_DBFS, AutomaticGain
from realtime_ser.levels import level_dbfs
from realtime_ser.types import SAMPLE_RATE, AudioArray

BLOCK = 512


def noise(seconds: float, dbfs: float) -> AudioArray:
    """(n, BLOCK) blocks of white noise."""
    n = round(seconds * SAMPLE_RATE) // BLOCK
    samples = np.random.default_rng(0).standard_normal((n, BLOCK)) * 10.0 ** (dbfs / 20.0)
    return samples.astype(np.float32)


def last_level(blocks: AudioArray) -> float:
    return level_dbfs(blocks[-5:].ravel())


@pytest.mark.parametrize("decibels", [-25.0, -20.0, 20.0, 40.0])
def test_a_stream_is_heard_as_it_is_softer_or_louder(decibels: float) -> None:
    speech = np.concatenate([noise(0.5, -50.0), noise(1.0, -30.0), noise(0.5, -45.0)])
    other = (speech * np.float32(10.0 ** (decibels / 20.0))).astype(np.float32)
    found, expected = (AutomaticGain()(one) for one in (other, speech))
    np.testing.assert_allclose(found.blocks, expected.blocks, rtol=1e-3, atol=0)
    np.testing.assert_allclose(found.above_noise, expected.above_noise, atol=1e-2)


def test_it_does_not_matter_how_the_stream_is_cut() -> None:
    speech = np.concatenate([noise(0.3, -50.0), noise(0.5, -20.0)])
    gain = AutomaticGain()
    cut = np.concatenate([gain(part).blocks for part in np.split(speech, [1, 2, 5, 11])])
    np.testing.assert_array_equal(cut, AutomaticGain()(speech).blocks)


@pytest.mark.parametrize("dbfs", [-45.0, -20.0, 0.0, 60.0])
def test_the_loudest_comes_to_the_target(dbfs: float) -> None:
    heard = AutomaticGain()(np.concatenate([noise(0.5, dbfs - 40.0), noise(0.5, dbfs)])).blocks
    assert last_level(heard) == pytest.approx(TARGET_DBFS, abs=0.5)


@pytest.mark.parametrize("dbfs", [-60.0, -20.0])
def test_noise_stays_below_however_long_it_lasts(dbfs: float) -> None:
    heard = AutomaticGain()(np.concatenate([noise(1.0, dbfs + 40.0), noise(30.0, dbfs)])).blocks
    assert last_level(heard) == pytest.approx(TARGET_DBFS - NOISE_BELOW, abs=0.5)


def test_the_hiss_of_a_silent_line_stays_hiss() -> None:
    heard = AutomaticGain()(noise(1.0, LOWEST_DBFS - 20.0)).blocks
    assert last_level(heard) == pytest.approx(TARGET_DBFS - NOISE_BELOW - 20.0, abs=0.5)
    assert not AutomaticGain()(np.zeros((30, BLOCK), dtype=np.float32)).blocks.any()


def test_after_a_shout_a_whisper_is_heard_within_seconds() -> None:
    gain = AutomaticGain()
    gain(np.concatenate([noise(0.5, -70.0), noise(1.0, 0.0)]))
    whisper = np.concatenate([noise(1.0, -70.0), noise(1.0, -30.0)])
    after = [last_level(gain(whisper).blocks) for _ in range(3)]
    expected = [TARGET_DBFS - 30.0 + RELEASE * second for second in (2, 4)]
    assert after == pytest.approx([*expected, TARGET_DBFS], abs=0.7)


def test_nothing_that_can_be_recorded_makes_speech_much_softer() -> None:
    gain = AutomaticGain()
    gain(noise(0.5, -70.0))
    gain(np.ones((10, BLOCK), dtype=np.float32))  # a microphone that is hit
    assert last_level(gain(noise(0.2, -30.0)).blocks) > -30.0 + TARGET_DBFS - 1.0


def test_speech_lies_above_the_noise_and_noise_does_not() -> None:
    gain = AutomaticGain()
    assert gain(noise(3.0, -50.0)).above_noise[-30:].max() < 1.0
    assert gain(noise(0.5, -30.0)).above_noise[-1] == pytest.approx(20.0, abs=2.0)
    assert gain(noise(3.0, -50.0)).above_noise[-30:].max() < 1.0
