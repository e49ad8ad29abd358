"""Audio for tests: generated, seeded, numpy only. All are (n,) float32 at 16 kHz by default."""

from __future__ import annotations

import numpy as np

from realtime_ser.types import SAMPLE_RATE, AudioArray


def silence(seconds: float, *, sample_rate: int = SAMPLE_RATE) -> AudioArray:
    return np.zeros(round(seconds * sample_rate), np.float32)


def tone(
    seconds: float, hertz: float = 440.0, *, dbfs: float = -20.0, sample_rate: int = SAMPLE_RATE
) -> AudioArray:
    """A sine whose RMS is ``dbfs``."""
    phase = 2 * np.pi * hertz * _time(seconds, sample_rate)
    return _at_level(np.sin(phase), dbfs)


def chirp(
    seconds: float,
    low: float = 100.0,
    high: float = 7000.0,
    *,
    dbfs: float = -20.0,
    sample_rate: int = SAMPLE_RATE,
) -> AudioArray:
    """A sine that sweeps from ``low`` to ``high`` Hz."""
    time = _time(seconds, sample_rate)
    phase = 2 * np.pi * (low * time + (high - low) * time**2 / (2 * seconds))
    return _at_level(np.sin(phase), dbfs)


def white_noise(
    seconds: float, *, dbfs: float = -20.0, seed: int = 0, sample_rate: int = SAMPLE_RATE
) -> AudioArray:
    return _at_level(_normal(seconds, seed, sample_rate), dbfs)


def pink_noise(
    seconds: float, *, dbfs: float = -20.0, seed: int = 0, sample_rate: int = SAMPLE_RATE
) -> AudioArray:
    """Noise with as much power in every octave."""
    white = _normal(seconds, seed, sample_rate)
    spectrum = np.fft.rfft(white)
    bins = np.maximum(np.arange(len(spectrum)), 1)
    return _at_level(np.fft.irfft(spectrum / np.sqrt(bins), len(white)), dbfs)


VOWELS = (
    (730.0, 1090.0, 2440.0, 3400.0),  # a
    (530.0, 1840.0, 2480.0, 3500.0),  # e
    (270.0, 2290.0, 3010.0, 3600.0),  # i
    (570.0, 840.0, 2410.0, 3300.0),  # o
    (300.0, 870.0, 2240.0, 3300.0),  # u
)
"""Formants in Hz (Peterson and Barney, 1952; the fourth is typical)."""


def speech_like(
    seconds: float,
    *,
    pitch: float = 120.0,
    dbfs: float = -20.0,
    seed: int = 0,
    sample_rate: int = SAMPLE_RATE,
) -> AudioArray:
    """Syllables from a source and a filter, four a second: Silero VAD takes them for speech.

    A train of glottal pulses (with jitter, falling pitch and a little breath) runs through the
    formants of a vowel that glides into the next; a burst of noise stands for the consonant.
    """
    rng = np.random.default_rng(seed)
    pieces = []
    made = 0
    total = round(seconds * sample_rate)
    vowel = rng.integers(len(VOWELS))
    while made < total:
        following = rng.integers(len(VOWELS))
        duration = rng.uniform(0.18, 0.30)
        piece = _syllable(
            rng, duration, pitch * rng.uniform(0.85, 1.2), VOWELS[vowel], VOWELS[following],
            sample_rate,
        )  # fmt: skip
        pieces.append(piece)
        made += len(piece)
        vowel = following
    return _at_level(np.concatenate(pieces)[:total], dbfs)


def rms_dbfs(samples: AudioArray) -> float:
    """RMS level in dB re full scale."""
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2) + 1e-20))


def strongest_hertz(samples: AudioArray, sample_rate: int = SAMPLE_RATE) -> float:
    """Frequency of the highest peak of the spectrum, to a fraction of a bin."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    peak = int(np.argmax(power[1:-1])) + 1
    left, mid, right = np.log(power[peak - 1 : peak + 2] + 1e-20)
    shift = 0.5 * (left - right) / (left - 2 * mid + right)
    return float((peak + shift) * sample_rate / len(samples))


def _syllable(
    rng: np.random.Generator,
    duration: float,
    pitch: float,
    from_formants: tuple[float, ...],
    to_formants: tuple[float, ...],
    sample_rate: int,
) -> np.ndarray:
    onset = rng.uniform(0.02, 0.05)
    voiced = round((duration - onset) * sample_rate)
    contour = pitch * np.linspace(1.08, 0.9, voiced)
    contour *= 1 + 0.01 * rng.standard_normal(voiced).cumsum() / np.sqrt(voiced)
    phase = np.cumsum(contour / sample_rate)
    pulses = np.diff(np.floor(phase), prepend=0.0)
    # A pulse of falling spectrum (-12 dB an octave) is what the glottis gives.
    source = _smooth(_smooth(pulses, 0.96), 0.9) + 0.002 * rng.standard_normal(voiced)
    glide = np.linspace(0, 1, 8)
    cuts = np.array_split(np.arange(voiced), len(glide))
    out = np.zeros(voiced)
    state = [np.zeros(2) for _ in from_formants]
    for weight, cut in zip(glide, cuts, strict=True):
        x = source[cut]
        for i, (a, b) in enumerate(zip(from_formants, to_formants, strict=True)):
            x = _resonate(x, (1 - weight) * a + weight * b, 60 + 40 * i, sample_rate, state[i])
        out[cut] = x
    out = np.diff(out, prepend=0.0)  # the lips
    edges = np.minimum(np.arange(voiced), np.arange(voiced)[::-1]) / (0.03 * sample_rate)
    out *= np.minimum(1.0, edges) / (np.sqrt(np.mean(out**2)) + 1e-9)
    burst = np.diff(rng.standard_normal(round(onset * sample_rate)), prepend=0.0)
    return np.concatenate([0.08 * burst, out])


def _smooth(x: np.ndarray, pole: float) -> np.ndarray:
    out = np.empty_like(x)
    last = 0.0
    for i, value in enumerate(x):
        last = value + pole * last
        out[i] = last
    return out


def _resonate(
    x: np.ndarray, hertz: float, bandwidth: float, sample_rate: int, state: np.ndarray
) -> np.ndarray:
    """Klatt's two-pole resonator with a gain of 1 at 0 Hz."""
    radius = np.exp(-np.pi * bandwidth / sample_rate)
    b = 2 * radius * np.cos(2 * np.pi * hertz / sample_rate)
    c = -(radius**2)
    gain = 1 - b - c
    out = np.empty_like(x)
    last, before = state
    for i, value in enumerate(x):
        last, before = gain * value + b * last + c * before, last
        out[i] = last
    state[:] = last, before
    return out


def _time(seconds: float, sample_rate: int) -> np.ndarray:
    return np.arange(round(seconds * sample_rate)) / sample_rate


def _normal(seconds: float, seed: int, sample_rate: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(round(seconds * sample_rate))


def _at_level(samples: np.ndarray, dbfs: float) -> AudioArray:
    rms = np.sqrt(np.mean(samples**2))
    return (samples * (10 ** (dbfs / 20) / rms)).astype(np.float32)
