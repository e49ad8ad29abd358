"""The recording that ``bench streams`` plays for docs/benchmarks.md: speech half of the time.

    python benchmarks/half_speech.py OUT.wav [--data DIR] [--clips N] [--seed N]

Clips of CREMA-D in random order, each followed by as much faint noise (-80 dBFS). The files are
not in this repository.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
import soundfile
from vad_sounds import clips_in

from realtime_ser.training.index import load_clip
from realtime_ser.types import SAMPLE_RATE, AudioArray

NOISE = 1e-4


def main() -> None:
    """Write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    shared = Path(__file__).resolve().parents[2] / "shared"
    parser.add_argument("--data", type=Path, default=shared)
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    clips = clips_in(options.data, "crema-d")
    random.Random(options.seed).shuffle(clips)
    rng = np.random.default_rng(0)
    parts: list[AudioArray] = []
    for clip in clips[: options.clips]:
        speech = load_clip(clip)
        noise = NOISE * rng.standard_normal(len(speech))
        parts += [speech, noise.astype(np.float32)]
    audio = np.concatenate(parts)
    soundfile.write(options.out, audio, SAMPLE_RATE, subtype="PCM_16")
    print(f"{options.out}: {len(audio) / SAMPLE_RATE:.1f} s")


if __name__ == "__main__":
    main()
