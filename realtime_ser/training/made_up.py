"""Made-up sounds that are no speech: what recordings of some kinds of noise leave out.

Bursts of shaped noise (as doors, coughs and waves make them), gliding tones (whistles, birds,
sirens) and knocks (ticks, keys, steps), of random sizes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from realtime_ser.types import SAMPLE_RATE

if TYPE_CHECKING:
    from realtime_ser.types import AudioArray

N = 2 * SAMPLE_RATE
PEAK = 0.3
SHAPE_POINTS, SHAPE_DEVIATION = 8, 12.0
"""Of the spectrum of a burst: points, evenly spaced in logarithmic frequency, and their dB."""

FloatArray = npt.NDArray[np.float64]


def made_up_sounds(rng: np.random.Generator, n: int) -> list[AudioArray]:
    """``n`` sounds of two seconds, of each kind in turn: (samples,) each."""
    kinds = (_bursts, _tones, _knocks)
    sounds = [kinds[i % len(kinds)](rng) for i in range(n)]
    return [(PEAK * sound / np.abs(sound).max()).astype(np.float32) for sound in sounds]


def _bursts(rng: np.random.Generator) -> FloatArray:
    frequency = np.log(np.fft.rfftfreq(N, 1.0 / SAMPLE_RATE).clip(min=50.0))
    points = np.linspace(frequency[0], frequency[-1], SHAPE_POINTS)
    decibels = np.interp(frequency, points, rng.normal(0.0, SHAPE_DEVIATION, SHAPE_POINTS))
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(N)) * 10.0 ** (decibels / 20.0), N)
    return noise * _events(rng, most=4, attack=(0.002, 0.1), decay=(0.03, 0.4))


def _tones(rng: np.random.Generator) -> FloatArray:
    places = np.linspace(0, N - 1, int(rng.integers(2, 6)))
    pitch = np.exp(np.interp(np.arange(N), places, rng.uniform(5.3, 8.3, len(places))))
    phase = 2.0 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    steepness = rng.uniform(0.5, 2.0)
    sound = np.zeros(N)
    for harmonic in range(1, int(rng.integers(2, 10))):
        heard = harmonic * pitch < SAMPLE_RATE / 2
        sound += heard * np.sin(harmonic * phase) / harmonic**steepness
    return sound * _events(rng, most=5, attack=(0.005, 0.1), decay=(0.05, 0.8))


def _knocks(rng: np.random.Generator) -> FloatArray:
    ringing = rng.uniform(300.0, 5_000.0, 3)[:, None] * np.arange(N) / SAMPLE_RATE
    sound = np.zeros(N)
    for start in rng.integers(0, N, int(rng.integers(2, 16))):
        loudness = rng.uniform(0.2, 1.0, 3) @ np.sin(2.0 * np.pi * ringing)
        fading = np.exp(-np.arange(N) / (rng.uniform(0.003, 0.04) * SAMPLE_RATE))
        sound[start:] += (loudness * fading)[: N - start]
    return sound


def _events(
    rng: np.random.Generator, *, most: int, attack: tuple[float, float], decay: tuple[float, float]
) -> FloatArray:
    """(N,) an envelope of one to ``most`` events that rise and die away, in seconds."""
    envelope = np.full(N, 1e-3)
    for _ in range(int(rng.integers(1, most + 1))):
        start = int(rng.integers(0, N - SAMPLE_RATE // 4))
        seconds = np.arange(N - start) / SAMPLE_RATE
        rising = 1.0 - np.exp(-seconds / rng.uniform(*attack))
        envelope[start:] += rng.uniform(0.3, 1.0) * rising * np.exp(-seconds / rng.uniform(*decay))
    return envelope
