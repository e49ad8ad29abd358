"""Render ``realtime_ser/data/demo.ogg``: a synthetic call to a support line, about a minute long.

The customer is on channel 0 and the agent on channel 1, as in a two-channel call recording. Both
are espeak-ng voices; pitch, range, tempo, level and vocal effort are scripted below, a line at a
time. What a recogniser says of the result is not scripted anywhere.

Needs espeak-ng 1.51 or later on the PATH. Same input, same samples; only the serial number inside
the Ogg container differs from run to run.

    python scripts/render_demo.py [OUTPUT.ogg]
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

OUTPUT = Path(__file__).resolve().parent.parent / "realtime_ser" / "data" / "demo.ogg"
SAMPLE_RATE = 16_000
SEED = 20
NOISE_DBFS = -62.0
VOICES = {"customer": ("en-us+f3", 0), "agent": ("en-us+Michael", 1)}
"""Speaker -> espeak-ng voice, channel."""

Audio = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a line is spoken."""

    pitch: int
    """Percent above the voice's own."""
    pitch_range: int
    """Percent of the voice's own."""
    words_per_minute: int
    level: float
    """RMS level of the line in dBFS."""
    effort: float
    """Decibels an octave added above 500 Hz: pressed speech is brighter, soft speech is duller."""


MANNERS = {
    "calm": Manner(0, 100, 185, -23.0, 0.0),
    "soft": Manner(-5, 90, 165, -24.0, -1.0),
    "irritated": Manner(20, 140, 200, -20.5, 1.5),
    "angry": Manner(45, 190, 220, -18.5, 2.5),
    "surprised": Manner(35, 200, 185, -21.5, 0.5),
    "relieved": Manner(10, 150, 165, -23.0, -0.5),
    "cheerful": Manner(25, 190, 180, -21.5, 0.5),
}

DIALOGUE = [
    # gap: seconds after the end of the previous line; below zero the speaker cuts in
    # (gap, speaker, manner, text)
    (0.8, "agent", "calm", "Good morning, Northwind support, this is Daniel. How can I help you?"),
    (
        0.6,
        "customer",
        "calm",
        "Hello. I am calling about a washing machine. I ordered it in March.",
    ),
    (0.3, "customer", "calm", "It was meant to come last Tuesday."),
    (0.7, "agent", "calm", "Thank you. May I have your order number, please?"),
    (0.8, "customer", "calm", "Four seven one, double two nine."),
    (1.1, "agent", "calm", "I can see it here. The delivery has been moved to next month."),
    (0.4, "customer", "irritated", "Next month? Nobody told me!"),
    (0.2, "customer", "irritated", "I took a day off work, and waited at home for nothing."),
    (0.5, "agent", "calm", "I understand. Our driver did try to call you, and"),
    (-0.3, "customer", "angry", "No, he did not! This is the third time that I have called!"),
    (0.2, "customer", "angry", "And every time I hear the same excuse!"),
    (0.2, "customer", "angry", "I have had enough! I want my money back, right now!"),
    (0.9, "agent", "soft", "You are right, and I am sorry. That should not have happened."),
    (0.3, "agent", "soft", "Please give me one moment."),
    (1.5, "agent", "calm", "I have found a machine in our warehouse."),
    (0.2, "agent", "calm", "We can bring it tomorrow, before ten, and the delivery is free."),
    (0.6, "customer", "surprised", "Tomorrow? Really?"),
    (0.4, "agent", "calm", "That is right. You will get a message within a minute."),
    (0.6, "customer", "relieved", "Oh, that is wonderful. What a relief."),
    (0.3, "customer", "cheerful", "Thank you so much, Daniel. You have been a great help!"),
    (0.5, "agent", "cheerful", "You are very welcome. Have a lovely day!"),
    (0.4, "customer", "cheerful", "You too. Bye bye!"),
]
TAIL = 1.0
"""Seconds of room after the last line."""


def main() -> None:
    """Render the dialogue and write it."""
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT
    if shutil.which("espeak-ng") is None:
        sys.exit("render_demo: espeak-ng is not on the PATH; install the package espeak-ng")
    call = render()
    # libsndfile encodes long Vorbis writes on the stack, so it is fed a second at a time.
    with soundfile.SoundFile(
        output, "w", SAMPLE_RATE, call.shape[1], "VORBIS", format="OGG", compression_level=0.9
    ) as file:
        for start in range(0, len(call), SAMPLE_RATE):
            file.write(call[start : start + SAMPLE_RATE])
    seconds, kilobytes = len(call) / SAMPLE_RATE, output.stat().st_size / 1000
    sys.stdout.write(f"{output}: {seconds:.1f} s, {kilobytes:.0f} kB\n")


def render() -> Audio:
    """The whole call: (n, 2) samples at ``SAMPLE_RATE``."""
    placed = []
    end = 0
    for gap, speaker, manner, text in DIALOGUE:
        voice, channel = VOICES[speaker]
        line = speak(text, voice, MANNERS[manner])
        start = end + round(gap * SAMPLE_RATE)
        end = start + len(line)
        placed.append((start, channel, line))
    call = np.zeros((end + round(TAIL * SAMPLE_RATE), len(VOICES)))
    for start, channel, line in placed:
        call[start : start + len(line), channel] += line
    return call + background(call.shape)


def speak(text: str, voice: str, manner: Manner) -> Audio:
    """One line without the silence around it: (n,) samples at ``SAMPLE_RATE``."""
    ssml = (
        f'<speak><prosody pitch="{manner.pitch:+d}%" range="{manner.pitch_range}%">'
        f"{text}</prosody></speak>"
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "line.wav"
        speed = str(manner.words_per_minute)
        command = ["espeak-ng", "-m", "-v", voice, "-s", speed, "-w", str(file), ssml]
        subprocess.run(command, check=True)
        samples, rate = soundfile.read(file)
    return set_level(
        fade(trim(colour(soxr.resample(samples, rate, SAMPLE_RATE), manner.effort))), manner.level
    )


def colour(samples: Audio, effort: float) -> Audio:
    """Tilt the spectrum by ``effort`` dB an octave between 500 Hz and 4 kHz."""
    frequencies = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    octaves = np.clip(np.log2(np.maximum(frequencies, 1.0) / 500.0), 0.0, 3.0)
    spectrum = np.fft.rfft(samples) * 10 ** (effort * octaves / 20)
    return np.fft.irfft(spectrum, len(samples))


def trim(samples: Audio) -> Audio:
    """Cut the silence that espeak-ng leaves at both ends."""
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    return samples[loud[0] : loud[-1] + 1]


def fade(samples: Audio, seconds: float = 0.01) -> Audio:
    """Soften both ends."""
    ramp = np.linspace(0.0, 1.0, round(seconds * SAMPLE_RATE))
    shape = np.ones(len(samples))
    shape[: len(ramp)] = ramp
    shape[-len(ramp) :] = ramp[::-1]
    return samples * shape


def set_level(samples: Audio, dbfs: float) -> Audio:
    """Scale to an RMS level."""
    factor = 10 ** (dbfs / 20) / float(np.sqrt(np.mean(np.square(samples))))
    return samples * factor


def background(shape: tuple[int, ...]) -> Audio:
    """The noise of a quiet office, different on each channel, falling 3 dB an octave."""
    noise = np.random.default_rng(SEED).standard_normal(shape)
    frequencies = np.fft.rfftfreq(shape[0], 1 / SAMPLE_RATE)
    spectrum = np.fft.rfft(noise, axis=0) / np.sqrt(np.maximum(frequencies, 50.0))[:, None]
    return set_level(np.fft.irfft(spectrum, shape[0], axis=0), NOISE_DBFS)


if __name__ == "__main__":
    main()
