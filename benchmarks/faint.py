"""From which level on does the recogniser suffer? Prints a table of docs/benchmarks.md.

    OMP_NUM_THREADS=1 python benchmarks/faint.py [--data DIR] [--clips N]

Clips of CREMA-D, each brought to a level, with recorded noise 20 dB below it or none, and rounded
to 16 bits as a sound card does; half a second before them and a second behind. "found" is the share
of clips in which any speech was, "speech" the mean length of it. The model has learned from these
speakers: differences between the lines mean something, the figures themselves do not.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from pathlib import Path
from statistics import mean

import numpy as np
from vad_sounds import STEADY, clips_in

from realtime_ser.assembly import load_recognizer, pipeline_factory
from realtime_ser.clock import SystemClock
from realtime_ser.config import Config
from realtime_ser.offline import Recording, run_offline
from realtime_ser.training.degrade import mix
from realtime_ser.training.index import load_audio, load_clip
from realtime_ser.types import SAMPLE_RATE, AudioArray, TimelineRow

LEVELS = (-20.0, -40.0, -50.0, -55.0, -60.0, -65.0, -70.0, -75.0, -80.0)
"""dBFS, RMS of the clip."""
NOISE_BELOW = 20.0
STEPS = 32768.0


def main() -> None:
    """Print a line for each level."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    shared = Path(__file__).resolve().parents[2] / "shared"
    parser.add_argument("--data", type=Path, default=shared)
    parser.add_argument("--clips", type=int, default=240)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    files = clips_in(options.data, "crema-d")
    clips = [files[i] for i in rng.choice(len(files), options.clips, replace=False)]
    speech = [load_clip(clip) for clip in clips]
    emotions = [clip.emotion for clip in clips]
    noise_files = sorted(
        file for kind in STEADY for file in (options.data / "background/noise" / kind).iterdir()
    )
    noises = [noise for file in noise_files if np.ptp(noise := load_audio(file)) > 1e-3]
    drawn = rng.integers(len(noises), size=len(clips))
    noisy = [
        mix(clip, np.resize(noises[number], len(clip)), NOISE_BELOW)
        for clip, number in zip(speech, drawn, strict=True)
    ]
    config = Config()
    recognizer = load_recognizer(config, adapt=False)
    make = pipeline_factory(config, recognizer)
    started = SystemClock().utc()
    print("| level | noise | found | speech | UAR |\n|---|---|---|---|---|")
    for name, sounds in (("none", speech), (f"{NOISE_BELOW:.0f} dB below", noisy)):
        for dbfs in LEVELS:
            recordings = [
                Recording(str(i), captured(sound, dbfs, rng)) for i, sound in enumerate(sounds)
            ]
            results = run_offline(recordings, recognizer, lambda name: make(name, 0, started))
            rows = [rows for _, rows in results]
            print(f"| {dbfs:.0f} dBFS | {name} | {_scores(rows, emotions)} |", flush=True)


def captured(sound: AudioArray, dbfs: float, rng: np.random.Generator) -> AudioArray:
    """At a level, between pauses, in steps of 16 bits."""
    rms = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) + 1e-12
    padded = np.pad(sound * (10.0 ** (dbfs / 20.0) / rms), (SAMPLE_RATE // 2, SAMPLE_RATE))
    steps = np.round(padded * STEPS + rng.uniform(-0.5, 0.5, len(padded)))
    return (np.clip(steps, -STEPS, STEPS - 1) / STEPS).astype(np.float32)


def _scores(timelines: list[list[TimelineRow]], emotions: list[str]) -> str:
    """Cells of a line."""
    hits: Counter[str] = Counter()
    lengths = []
    for rows, emotion in zip(timelines, emotions, strict=True):
        said = [row for row in rows if row.kind == "utterance"]
        lengths.append(sum(row.end - row.start for row in said))
        weights: dict[str, float] = defaultdict(float)
        for row in said:
            for name, probability in row.probabilities.items():
                weights[name] += probability * (row.end - row.start)
        hits[emotion] += bool(weights) and max(weights, key=weights.__getitem__) == emotion
    support = Counter(emotions)
    uar = mean(hits[emotion] / support[emotion] for emotion in support)
    found = mean(length > 0.0 for length in lengths)
    return f"{100 * found:.0f} % | {mean(lengths):.2f} s | {uar:.3f}"


if __name__ == "__main__":
    main()
