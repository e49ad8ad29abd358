"""Conditions under which recordings are heard: telephone, noise, room, microphone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr
import torch
import torchaudio.functional as taf

from realtime_ser.capture import g711
from realtime_ser.errors import ConfigError, DataError
from realtime_ser.training.sounds import load_folder
from realtime_ser.types import SAMPLE_RATE, AudioArray

TELEPHONE_RATE = 8_000
TELEPHONE_BAND = (300.0, 3_400.0)
LARGEST_RATIO = 100.0
"""dB, either way: beyond it one of the two cannot be heard or computed with."""
PAUSE = 1e-4
"""Share of a recording's mean power below which a stretch of it is no noise."""
TRIES = 20
"""Stretches that may be pauses before one is taken as it is."""
SPECS = "telephone, microphone, noise:DB[:FOLDER] or room[:FOLDER]"
STEEPEST_COLOUR = 2.0
"""Of made-up noise, whose power falls with the frequency to this power: 0 is white, 1 pink, 2
brown."""
LOWEST_BIN = 50.0
"""Hz below which its power no longer rises."""
REVERBERATION = (0.2, 0.8)
"""Seconds in which the sound of a made-up room falls by 60 dB."""
TREBLE = (0.3, 1.0)
"""The same at the highest frequency, as a share of that at the lowest: walls and air swallow it."""
BANDS = 6
"""Of frequencies, evenly spaced in mel, each of which falls at a pace of its own."""
REFLECTIONS = (3, 12)
"""Walls and tables that are heard one by one: at least, and fewer than."""
REFLECTED = (0.001, 0.04)
"""Seconds after the direct sound."""
DIRECT_TO_REVERBERANT = (-6.0, 6.0)
"""dB, in a made-up room."""
RESPONSE_POINTS = 6
RESPONSE_DEVIATION = 6.0
"""dB, of a made-up microphone at each point; the points are evenly spaced in mel."""

Degradation = Callable[[AudioArray, np.random.Generator], AudioArray]
"""(n,) samples and a random generator -> (n,) samples."""


def parse_degradation(spec: str, origin: str = "--degrade") -> Degradation:
    """What a condition means.

    Args:
        spec: such as ``telephone`` or ``noise:10``.
        origin: of the spec, for messages.

    Raises:
        ConfigError: an unknown condition or a ratio that is no number or out of range.
        DataError: a folder without recordings, or with one that cannot be used.
    """
    name, _, rest = spec.partition(":")
    if name == "telephone" and not rest:
        return lambda samples, _: telephone(samples)
    if spec == "microphone":
        return through_microphone
    if name == "noise" and rest:
        ratio, named, folder = rest.partition(":")
        if named and not folder:
            raise ConfigError(f"{origin} {spec}: names no folder; use {SPECS}")
        try:
            snr_db = float(ratio)
        except ValueError as error:
            raise ConfigError(f"{origin} {spec}: {ratio!r} is not a number of dB") from error
        if not abs(snr_db) <= LARGEST_RATIO:
            raise ConfigError(
                f"{origin} {spec}: {ratio} dB is outside {-LARGEST_RATIO:g} to {LARGEST_RATIO:g}"
            )
        recordings = _recordings(folder, f"{origin} {spec}") if folder else []
        return lambda samples, rng: add_noise(samples, snr_db, recordings, rng)
    if spec == "room":
        return in_made_up_room
    if name == "room" and rest:
        rooms = _recordings(rest, f"{origin} {spec}")
        return lambda samples, rng: in_room(samples, rooms[int(rng.integers(len(rooms)))])
    raise ConfigError(f"{origin} {spec}: unknown condition; use {SPECS}")


def telephone(samples: AudioArray) -> AudioArray:
    """300-3400 Hz, 8 kHz, G.711 mu-law and back."""
    low, high = TELEPHONE_BAND
    wave = torch.from_numpy(soxr.resample(samples, SAMPLE_RATE, TELEPHONE_RATE))[None]
    for _ in range(2):
        wave = taf.highpass_biquad(wave, TELEPHONE_RATE, low)
        wave = taf.lowpass_biquad(wave, TELEPHONE_RATE, high)
    coded = g711.decode(g711.encode(wave[0].numpy().astype(np.float32), "mulaw"), "mulaw")
    return _fit(soxr.resample(coded, TELEPHONE_RATE, SAMPLE_RATE), len(samples))


def add_noise(
    samples: AudioArray, snr_db: float, recordings: Sequence[AudioArray], rng: np.random.Generator
) -> AudioArray:
    """A stretch of a random recording (white noise when there is none) at a ratio to the speech.

    A pause between two barks is no noise: another stretch is drawn.
    """
    if not recordings:
        return mix(samples, rng.standard_normal(len(samples)).astype(np.float32), snr_db)
    noise = recordings[int(rng.integers(len(recordings)))]
    least = PAUSE * float(np.mean(np.square(noise)))
    for _ in range(TRIES):
        start = int(rng.integers(len(noise)))
        stretch = np.take(noise, np.arange(start, start + len(samples)), mode="wrap")
        if float(np.mean(np.square(stretch))) >= least:
            break
    return mix(samples, stretch, snr_db)


def add_coloured_noise(samples: AudioArray, snr_db: float, rng: np.random.Generator) -> AudioArray:
    """Made-up noise of a random colour, white to brown, at a ratio to the speech.

    The ratio is that of all frequencies: most of brown noise lies below the voice.
    """
    spectrum = np.fft.rfft(rng.standard_normal(len(samples)))
    frequency = np.fft.rfftfreq(len(samples), 1.0 / SAMPLE_RATE).clip(min=LOWEST_BIN)
    spectrum *= frequency ** (-rng.uniform(0.0, STEEPEST_COLOUR) / 2.0)
    return mix(samples, np.fft.irfft(spectrum, len(samples)).astype(np.float32), snr_db)


def mix(samples: AudioArray, noise: AudioArray, snr_db: float) -> AudioArray:
    """Speech and noise of one length, at a ratio; digital silence is not counted as speech."""
    heard = samples[samples != 0.0]
    speech = float(np.mean(np.square(heard))) if len(heard) else 0.0
    power = float(np.mean(np.square(noise))) + 1e-12
    gain = np.sqrt(speech / power * 10.0 ** (-snr_db / 10.0))
    return np.asarray(samples + gain * noise, dtype=np.float32)


def in_room(samples: AudioArray, response: AudioArray) -> AudioArray:
    """Convolved with a room's impulse response; arrival time and level stay."""
    direct = int(np.argmax(np.abs(response)))
    wet = taf.fftconvolve(torch.from_numpy(samples), torch.from_numpy(response)).numpy()
    wet = _fit(wet[direct:], len(samples))
    return np.asarray(_as_loud(wet, samples), dtype=np.float32)


def through_microphone(samples: AudioArray, rng: np.random.Generator) -> AudioArray:
    """Through a made-up frequency response, smooth and without delay; the level stays."""
    mel = _mel(len(samples))
    points = np.linspace(0.0, mel[-1], RESPONSE_POINTS)
    decibels = np.interp(mel, points, rng.normal(0.0, RESPONSE_DEVIATION, RESPONSE_POINTS))
    heard = np.fft.irfft(np.fft.rfft(samples) * 10.0 ** (decibels / 20.0), len(samples))
    return np.asarray(_as_loud(heard, samples), dtype=np.float32)


def in_made_up_room(samples: AudioArray, rng: np.random.Generator) -> AudioArray:
    """In a room, by a microphone that hears some frequencies better than others."""
    return through_microphone(in_room(samples, make_up_room(rng)), rng)


def make_up_room(rng: np.random.Generator) -> AudioArray:
    """An impulse response: the direct sound, single reflections, then noise that dies away.

    Reverberation as noise is Polack's model (1988); that each frequency dies away at a pace of its
    own is what measured rooms have in common (Traer and McDermott 2016, PNAS 113, E7856).
    """
    n = round(rng.uniform(*REVERBERATION) * SAMPLE_RATE)
    durations = n * np.linspace(1.0, rng.uniform(*TREBLE), BANDS)
    spectrum = np.fft.rfft(rng.standard_normal(n))
    mel = _mel(n)
    band = np.minimum((mel / mel[-1] * BANDS).astype(int), BANDS - 1)
    tail = np.zeros(n)
    for number, duration in enumerate(durations):
        falling = 10.0 ** (-3.0 * np.arange(n) / duration)
        tail += falling * np.fft.irfft(spectrum * (band == number), n)
    tail /= np.sqrt(np.sum(np.square(tail)))
    first, last = (round(seconds * SAMPLE_RATE) for seconds in REFLECTED)
    places = rng.integers(first, last, int(rng.integers(*REFLECTIONS)))
    np.add.at(tail, places, rng.uniform(-1.0, 1.0, len(places)) / np.sqrt(len(places)))
    ratio = 10.0 ** (-rng.uniform(*DIRECT_TO_REVERBERANT) / 20.0)
    response = tail * (ratio / np.sqrt(np.sum(np.square(tail))))
    response[0] = 1.0
    return np.asarray(response, dtype=np.float32)


def folder_of_spec(spec: str) -> Path | None:
    """The folder of recordings that a condition names, if it names one."""
    name, _, rest = spec.partition(":")
    folder = rest.partition(":")[2] if name == "noise" else rest
    return Path(folder) if folder else None


def _recordings(folder: str, origin: str) -> list[AudioArray]:
    """Of a condition; ``origin`` is named in errors."""
    try:
        return load_folder(Path(folder))
    except DataError as error:
        raise DataError(f"{origin}: {error}") from error


def _as_loud(samples: npt.NDArray[np.floating], model: AudioArray) -> npt.NDArray[np.floating]:
    """Samples at the level of others."""
    before, after = np.mean(np.square(model)), np.mean(np.square(samples)) + 1e-12
    return np.asarray(samples * np.sqrt(before / after))


def _mel(n: int) -> npt.NDArray[np.float64]:
    """(n // 2 + 1,) frequencies of the spectrum of n samples, in mel (O'Shaughnessy 1987)."""
    return np.asarray(2595.0 * np.log10(1.0 + np.fft.rfftfreq(n, 1.0 / SAMPLE_RATE) / 700.0))


def _fit(samples: AudioArray, n: int) -> AudioArray:
    """Cut or pad with silence to (n,)."""
    fitted = np.zeros(n, dtype=np.float32)
    fitted[: min(n, len(samples))] = samples[:n]
    return fitted
