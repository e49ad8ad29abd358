"""What benchmarks/vad.py listens to, and what is speech in it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from realtime_ser.training.index import load_audio, load_clip, of_corpora, read_index
from realtime_ser.types import SAMPLE_RATE, AudioArray

if TYPE_CHECKING:
    from pathlib import Path

    from realtime_ser.training.index import Clip

FRAME = 160
"""Samples of the 10 ms in which speech is counted."""
STEADY = ("chainsaw", "clock_tick", "fire_crackling", "helicopter", "rain", "sea_waves")
"""Kinds of noise without voices."""
SNRS = (None, 20.0, 10.0, 0.0)
"""dB; None is clean."""
SLAMS = (10.0, 20.0, 30.0, 40.0)
"""dB above the loudest block of speech."""
SLAM_SECONDS = 0.2
CLIPS_IN_A_STREAM = 10
PAUSE_SECONDS = 0.5


def generated(seed: int, seconds: float = 10.0) -> dict[str, AudioArray]:
    """Signals that nobody would call speech."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    white = rng.standard_normal(len(t))
    spectrum = np.fft.rfft(white)
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), len(t))
    clicks = np.zeros(len(t))
    clicks[rng.integers(0, len(t), round(4 * seconds))] = 1.0
    chord = sum(np.sin(2 * np.pi * hertz * t) for hertz in (261.6, 329.6, 392.0))
    hum = sum(np.sin(2 * np.pi * 50 * k * t) / k for k in (1, 2, 3, 4, 6))
    at_20_dbfs = {
        "white noise": white,
        "pink noise": pink,
        "tone 440 Hz": np.sin(2 * np.pi * 440 * t),
        "chord": chord,
        "mains hum": hum,
    }
    signals = {
        name: (0.1 * x / np.sqrt(np.mean(x**2))).astype(np.float32)
        for name, x in at_20_dbfs.items()
    }
    return signals | {
        "clicks": clicks.astype(np.float32),
        "silence": np.zeros(len(t), dtype=np.float32),
    }


def reference_of_meeting(rttm: Path, n: int) -> np.ndarray:
    """(n,) bool: 10 ms frames in which anybody speaks."""
    frames = np.zeros(n, dtype=bool)
    for line in rttm.read_text(encoding="utf-8").splitlines():
        _, _, _, start, length, *_ = line.split()
        frames[round(float(start) * 100) : round((float(start) + float(length)) * 100)] = True
    return frames


def reference_of_clip(clean: AudioArray) -> np.ndarray:
    """(n,) bool: frames of speech by their level, as the head of vad.py says."""
    n = len(clean) // FRAME
    power = np.mean(clean[: n * FRAME].reshape(n, FRAME).astype(np.float64) ** 2, axis=1)
    quiet, loud = np.percentile(np.maximum(power, 1e-12), (10, 95))
    speech: np.ndarray = power > max(np.sqrt(quiet * loud), loud * 1e-3)
    where = np.flatnonzero(speech)
    for left, right in pairwise(where):
        if right - left <= 30:
            speech[left:right] = True
    edges = np.flatnonzero(np.diff(np.pad(speech, 1).astype(np.int8)))
    for left, right in zip(edges[::2], edges[1::2], strict=True):
        if right - left < 10:
            speech[left:right] = False
    return speech


def clips_in(data: Path, corpus: str) -> list[Clip]:
    """The clips of a corpus, in the order of the index."""
    return of_corpora(read_index(data / "corpora" / "index.csv"), (corpus,))


@dataclass(frozen=True)
class Mixture:
    """A clip of speech in noise."""

    audio: AudioArray
    speech: np.ndarray
    """(n,) bool, 10 ms frames."""


def mixtures(data: Path, corpus: str, seed: int, clips: int) -> dict[float | None, list[Mixture]]:
    """The same clips with the same noise at each ratio; None is clean (digital silence around)."""
    files = clips_in(data, corpus)
    rng = np.random.default_rng(seed)
    noises = [
        load_audio(f) for k in STEADY for f in sorted((data / "background/noise" / k).iterdir())
    ]
    noises = [noise for noise in noises if np.sqrt(np.mean(noise**2)) > 1e-4]
    found: dict[float | None, list[Mixture]] = {snr: [] for snr in SNRS}
    for index in rng.choice(len(files), clips, replace=False):
        clip = load_clip(files[index])
        before = int(rng.integers(SAMPLE_RATE // 2, SAMPLE_RATE))
        clean = np.pad(clip, (before, SAMPLE_RATE))
        speech = np.pad(reference_of_clip(clip), (round(before / FRAME), 0))
        speech = np.pad(speech, (0, len(clean) // FRAME - len(speech)))
        noise = np.resize(noises[rng.integers(len(noises))], len(clean))
        speaking = np.repeat(speech, FRAME)
        wanted = float(np.mean(clean[: len(speaking)][speaking] ** 2))
        for snr in SNRS:
            gain = 0.0
            if snr is not None:
                gain = np.sqrt(wanted / float(np.mean(noise**2)) / 10 ** (snr / 10))
            mixed = (clean + np.float32(gain) * noise).astype(np.float32)
            found[snr].append(Mixture(mixed, speech))
    return found


@dataclass(frozen=True)
class Slam:
    """A stream of speech, and the same with something loud and short in it."""

    plain: AudioArray
    slammed: AudioArray
    after: int
    """First frame of 10 ms after the slam."""


def slams(data: Path, corpus: str, seed: int, streams: int) -> dict[float, list[Slam]]:
    """Clips with pauses between, noise that dies away in the first pause; never over full scale."""
    files = clips_in(data, corpus)
    rng = np.random.default_rng(seed)
    length = round(SLAM_SECONDS * SAMPLE_RATE)
    shape = rng.standard_normal(length) * np.exp(-2.0 * np.arange(length) / length)
    found: dict[float, list[Slam]] = {ratio: [] for ratio in SLAMS}
    for _ in range(streams):
        drawn = rng.integers(len(files), size=CLIPS_IN_A_STREAM)
        clips = [load_clip(files[i]) for i in drawn]
        pause = 1e-4 * rng.standard_normal(round(PAUSE_SECONDS * SAMPLE_RATE))
        plain = np.concatenate([part for clip in clips for part in (clip, pause)])
        plain = plain.astype(np.float32)
        whole = plain[: len(plain) // 512 * 512].reshape(-1, 512)
        loudest = float(np.sqrt(np.square(whole).mean(axis=1).max()))
        at = len(clips[0]) + length
        for ratio in SLAMS:
            slammed = plain.copy()
            slammed[at : at + length] += np.clip(loudest * 10.0 ** (ratio / 20.0) * shape, -1, 1)
            found[ratio].append(Slam(plain, slammed, (at + 2 * length) // FRAME))
    return found
