"""Is a microphone's trouble told, how soon, and how often when there is none?

    OMP_NUM_THREADS=1 python benchmarks/signal_watch.py [--data DIR]

Everything runs through the chain of a live stream in blocks of 32 ms, with the detector of the
configuration. DIR holds ``background`` and ``corpora``. Every signal is that of a microphone: at
48 kHz, with white noise of -80 dBFS of its own (recordings of noise have stretches of digital
silence), cut off at full scale and rounded to 16 bits; the project's resampler makes 16 kHz of it.

Two tables:

1. False alarms: recordings without a fault, each brought to a level, as far as peaks of -1 dBFS
   let it; and how many begin in an hour of them. The clips of a speaker are a stream, with half a
   second between.
2. Faults: speech in a measured room, with recorded noise 30 dB below it, peaks at -3 dBFS; after
   6 s (or at the start) the fault, 6 s later none again. "told" is the share of streams in which it
   was told within 2 s, "delay" the time until then, "back" the time from the end of the fault until
   it is no longer told, both as median and 95th percentile. They count from the first sample that
   is silent or cut off, and for faint speech from the first frame of 10 ms of it that is loud;
   likewise after the fault.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soxr
import torch
from vad_sounds import FRAME, STEADY, clips_in, reference_of_clip

from realtime_ser.assembly import pipeline_factory
from realtime_ser.capture.resample import StreamResampler
from realtime_ser.clock import SystemClock
from realtime_ser.config import Config
from realtime_ser.testing import ConstantRecognizer
from realtime_ser.training.degrade import in_room, mix
from realtime_ser.training.index import load_audio, load_clip
from realtime_ser.types import SAMPLE_RATE, AudioArray, AudioBlock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from realtime_ser.pipeline import PipelineFactory
    from realtime_ser.training.index import Clip

RATE = 48_000
BLOCK = 512
OWN_NOISE_DBFS = -80.0
PAUSE = np.zeros(SAMPLE_RATE // 2, dtype=np.float32)
STRETCH = 6 * SAMPLE_RATE
"""Samples without a fault, with it, and without again."""
SPEAKERS = 10
CLIPS = 30
IN_TIME = 2.0
KINDS = ("muted", "clips", "too quiet")
SPEECH_PEAK_DBFS = -3.0
NOISE_BELOW_SPEECH = 30.0


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    shared = Path(__file__).resolve().parents[2] / "shared"
    parser.add_argument("--data", type=Path, default=shared)
    parser.add_argument("--streams", type=int, default=60, help="of each fault")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for part in ("background", "corpora/index.csv"):
        if not (options.data / part).exists():
            parser.error(f"{options.data}: holds no {part}; name the folder of the data by --data")
    torch.set_num_threads(1)
    make = pipeline_factory(Config(), ConstantRecognizer(("neutral",)))
    false_alarms(make, options.data, options.seed)
    faults(make, options.data, options.streams, options.seed)


def false_alarms(make: PipelineFactory, data: Path, seed: int) -> None:
    """Table 1."""
    rng = np.random.default_rng(seed)
    print("| recordings | RMS | minutes | " + " | ".join(f"{k} an hour" for k in KINDS) + " |")
    print("|---|---|---|" + "---|" * len(KINDS))
    background = data / "background"
    rooms = _rooms(data)
    sounds: dict[str, Callable[[], Iterator[AudioArray]]] = {
        "meetings": lambda: map(load_audio, sorted((background / "meetings").glob("*.opus"))),
        "noise": lambda: map(load_audio, sorted((background / "noise").glob("*/*"))),
        **{
            corpus: partial(_speakers, data, corpus, rng)
            for corpus in ("crema-d", "emodb", "ravdess", "tess")
        },
        "crema-d in rooms": lambda: (
            in_room(speaker, rooms[int(rng.integers(len(rooms)))])
            for speaker in _speakers(data, "crema-d", rng)
        ),
    }
    for name, recordings in sounds.items():
        for dbfs in (-20.0, -30.0, -40.0):
            begun: Counter[str] = Counter()
            seconds = 0.0
            for recording in recordings():
                heard = microphone(_at_level(recording, dbfs), rng)
                seconds += len(heard) / SAMPLE_RATE
                before = None
                for _, trouble in watch(make, heard):
                    if trouble is not None and trouble != before:
                        begun[trouble] += 1
                    before = trouble
            rates = (f"{begun[kind] * 3600 / seconds:.1f}" for kind in KINDS)
            print(f"| {name} | {dbfs:.0f} dBFS | {seconds / 60:.0f} | {' | '.join(rates)} |")


@dataclass(frozen=True)
class Fault:
    """What happens to a microphone."""

    name: str
    kind: str
    """The word that the user reads."""
    peak_dbfs: float | None = None
    """Of the speech before it is cut off at full scale."""
    rms_dbfs: float | None = None
    """Of the speech where it is loud."""
    stands_in: Callable[[np.random.Generator, int], AudioArray] | None = None
    """What is delivered instead of sound."""
    from_start: bool = False
    """Nothing is heard before."""


def _zeros(_: np.random.Generator, n: int) -> AudioArray:
    return np.zeros(n, dtype=np.float32)


def _last_bit(rng: np.random.Generator, n: int) -> AudioArray:
    return (rng.integers(-1, 2, n) / 32768).astype(np.float32)


FAULTS = (
    Fault("zeros", "muted", stands_in=_zeros),
    Fault("noise of the last bit", "muted", stands_in=_last_bit),
    *(Fault(f"peaks {x:.0f} dB over full scale", "clips", x) for x in (3.0, 6.0, 12.0, 20.0)),
    *(
        Fault(f"{x:.0f} dBFS, {when}", "too quiet", rms_dbfs=x, from_start=when == "at the start")
        for when in ("at the start", "after louder speech")
        for x in (-50.0, -60.0, -65.0, -70.0, -80.0)
    ),
)


def faults(make: PipelineFactory, data: Path, streams: int, seed: int) -> None:
    """Table 2."""
    print("\n| fault | streams | told | delay p50 / p95 | back p50 / p95 | something else told |")
    print("|---|---|---|---|---|---|")
    rng = np.random.default_rng(seed)
    speeches = [_speech(data, rng) for _ in range(streams)]
    for fault in FAULTS:
        found = [_one(make, speech, fault, rng) for speech in speeches]
        in_time = sum(one.delay is not None and one.delay <= IN_TIME for one in found)
        delays = [one.delay for one in found if one.delay is not None]
        backs = [one.back for one in found if one.back is not None]
        print(
            f"| {fault.name} | {len(found)} | {100 * in_time / len(found):.0f} % "
            f"| {_middle(delays)} | {_middle(backs)} | {sum(one.other for one in found)} |"
        )


@dataclass(frozen=True)
class Speech:
    """Three stretches of speech in a room, without a fault."""

    samples: AudioArray
    loud: np.ndarray
    """(n,) bool: frames of 10 ms."""
    rms_dbfs: float
    """Of the stretch in which the fault will be, over the frames that are loud."""


@dataclass(frozen=True)
class Told:
    """Seconds until the fault was told, until it no longer was, and whether anything else was."""

    delay: float | None
    back: float | None
    other: bool


def _one(make: PipelineFactory, speech: Speech, fault: Fault, rng: np.random.Generator) -> Told:
    """One stream."""
    begin, end = STRETCH, 2 * STRETCH
    decibels = 0.0
    if fault.peak_dbfs is not None:
        decibels = fault.peak_dbfs - SPEECH_PEAK_DBFS
    elif fault.rms_dbfs is not None:
        decibels = fault.rms_dbfs - speech.rms_dbfs
    sound = speech.samples.copy()
    sound[begin:end] *= np.float32(10.0 ** (decibels / 20.0))
    began, ended = begin, end
    if fault.kind == "clips":
        began = begin + int(np.argmax(np.abs(sound[begin:end]) > 1.0))
    elif fault.kind == "too quiet":
        began, ended = (
            at + FRAME * int(np.argmax(speech.loud[at // FRAME :])) for at in (begin, end)
        )
    first = begin if fault.from_start else 0
    heard = microphone(sound[first:], rng)
    if fault.stands_in is not None:
        heard[begin:end] = fault.stands_in(rng, end - begin)
    delay: int | None = None
    back: int | None = None
    other = False
    for position, trouble in watch(make, heard):
        at = position + first
        if delay is None and trouble == fault.kind and at >= begin:
            delay = max(0, at - began)
        if at >= end and back is None and trouble != fault.kind:
            back = max(0, at - ended)
        other = other or (trouble is not None and (trouble != fault.kind or at < begin))
    seconds = [None if n is None else n / SAMPLE_RATE for n in (delay, back)]
    return Told(seconds[0], None if delay is None else seconds[1], other)


def _middle(seconds: list[float]) -> str:
    if not seconds:
        return "-"
    return " / ".join(f"{value:.2f}" for value in np.percentile(seconds, (50, 95))) + " s"


def watch(make: PipelineFactory, samples: AudioArray) -> Iterator[tuple[int, str | None]]:
    """Sample up to which was heard, and the trouble told then."""
    pipeline = make("stream", 0, SystemClock().utc(), live=True)
    for start in range(0, len(samples), BLOCK):
        block = AudioBlock(samples[start : start + BLOCK], start, captured=None)
        pipeline.push(block)
        while pipeline.due() is not None:
            pass
        words = pipeline.status().trouble
        yield block.end_sample, None if words is None else words.partition(":")[0]


def microphone(samples: AudioArray, rng: np.random.Generator) -> AudioArray:
    """What a microphone makes of a signal at 16 kHz, which comes back as the chain gets it."""
    sound = soxr.resample(samples, SAMPLE_RATE, RATE)
    noise = rng.standard_normal(len(sound)) * 10.0 ** (OWN_NOISE_DBFS / 20.0)
    steps = np.clip(np.round((sound + noise) * 32768.0), -32768, 32767)
    resampler = StreamResampler(RATE, 1)
    captured = (steps / 32768.0).astype(np.float32)[:, None]
    return np.concatenate([resampler.process(captured), resampler.flush()])[:, 0]


def _speech(data: Path, rng: np.random.Generator) -> Speech:
    """Voices and clips at random."""
    rooms = _rooms(data)
    steady = [f for kind in STEADY for f in sorted((data / "background/noise" / kind).iterdir())]
    clips = [clip for corpus in ("crema-d", "emodb") for clip in clips_in(data, corpus)]
    pieces = [_filled(clips, rng) for _ in range(3)]
    clean = np.concatenate(pieces)
    loud = np.concatenate([reference_of_clip(piece) for piece in pieces])
    wet = in_room(clean, rooms[int(rng.integers(len(rooms)))])
    noise = np.resize(load_audio(steady[int(rng.integers(len(steady)))]), len(wet))
    if float(np.mean(np.square(noise))) > 1e-10:
        wet = mix(wet, noise, NOISE_BELOW_SPEECH)
    stretches = [_at_peak(wet[at : at + STRETCH]) for at in range(0, len(wet), STRETCH)]
    wet = np.concatenate(stretches)
    there = np.repeat(loud[STRETCH // FRAME : 2 * STRETCH // FRAME], FRAME)
    power = float(np.mean(np.square(stretches[1][there], dtype=np.float64)))
    return Speech(wet, loud, 10.0 * float(np.log10(power)))


def _at_peak(samples: AudioArray) -> AudioArray:
    return samples * np.float32(10.0 ** (SPEECH_PEAK_DBFS / 20.0) / np.abs(samples).max())


def _filled(clips: list[Clip], rng: np.random.Generator) -> AudioArray:
    """A stretch of clips, each with its peak at half of full scale and a pause behind it."""
    parts: list[AudioArray] = []
    while sum(map(len, parts)) < STRETCH:
        clip = load_clip(clips[int(rng.integers(len(clips)))])
        parts += [clip * np.float32(0.5 / np.abs(clip).max()), PAUSE]
    return np.concatenate(parts)[:STRETCH]


def _speakers(data: Path, corpus: str, rng: np.random.Generator) -> Iterator[AudioArray]:
    """Of each of some speakers a stream of clips."""
    clips = clips_in(data, corpus)
    for speaker in sorted({clip.speaker for clip in clips})[:SPEAKERS]:
        own = [clip for clip in clips if clip.speaker == speaker]
        drawn = rng.choice(len(own), min(CLIPS, len(own)), replace=False)
        yield np.concatenate([part for i in drawn for part in (load_clip(own[i]), PAUSE)])


def _rooms(data: Path) -> list[AudioArray]:
    return [load_audio(file) for file in sorted((data / "background/rooms").iterdir())]


def _at_level(samples: AudioArray, dbfs: float, peak_dbfs: float = -1.0) -> AudioArray:
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) + 1e-9
    most = 10.0 ** (peak_dbfs / 20.0) / (float(np.abs(samples).max()) + 1e-9)
    return samples * np.float32(min(10.0 ** (dbfs / 20.0) / rms, most))


if __name__ == "__main__":
    main()
