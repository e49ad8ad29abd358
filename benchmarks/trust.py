"""When the recogniser should say nothing, or the same: noise, meetings, level, damage.

    python benchmarks/trust.py --background BACKGROUND --index CORPORA/index.csv \\
        --fold 1 --model runs/default/1/model

Everything goes through the chain of a live stream with the default settings. The clips are drawn
(seed 0) from a fold; decisions are compared with those on the undamaged clip. Give the model that
held the fold out: of what it has learned it is surer, and changes its mind less often. Noise is
that of the fold, too, where recordings are named by folds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from chain import clips_of, fold_parser, timelines, windows
from vad_sounds import generated

from realtime_ser.clock import to_samples
from realtime_ser.config import Config
from realtime_ser.models import Model, find_model, load_model
from realtime_ser.offline import Recording
from realtime_ser.recognizer import NetworkRecognizer
from realtime_ser.training.index import load_audio, load_clip
from realtime_ser.training.sounds import noise_of, recordings_in
from realtime_ser.types import SAMPLE_RATE, UNCERTAIN, AudioArray, TimelineRow

SYNTHETIC_SECONDS = 60.0
GAINS = (-40.0, -30.0, -20.0, -10.0, 10.0, 20.0)
"""dB"""
LOSS_SECONDS = 0.04
LOSS_SHARE = 0.05

Change = Callable[[AudioArray, np.random.Generator], AudioArray]


class Bench:
    """The chain of a live stream with the default settings."""

    def __init__(self, model: Model) -> None:
        torch.set_num_threads(1)
        self._settings = Config()
        window = self._settings.recognizer.window
        self._recognizer = NetworkRecognizer(model, torch.device("cpu"), window)

    def rows(self, recordings: list[Recording]) -> Iterator[list[TimelineRow]]:
        """Rows of each recording."""
        return timelines(recordings, self._recognizer, self._settings)


def recordings_of(folder: Path) -> list[Recording]:
    """All below a folder, or of a pattern, named by the folder they lie in."""
    return [Recording(file.parent.name, load_audio(file)) for file in recordings_in(folder)]


def false_alarms(bench: Bench, recordings: list[Recording]) -> dict[str, dict[str, float]]:
    """Windows shown as an emotion, a ten minutes, by kind of sound."""
    shown: dict[str, list[float]] = {}
    for recording, rows in zip(recordings, bench.rows(recordings), strict=True):
        named = [row for row in windows(rows) if row.emotion != UNCERTAIN]
        strong = [row for row in named if row.emotion != "neutral"]
        seconds = len(recording.samples) / SAMPLE_RATE
        sums = shown.setdefault(recording.name, [0.0, 0.0, 0.0])
        for i, value in enumerate((seconds, len(named), len(strong))):
            sums[i] += value
    shown["all"] = [sum(column) for column in zip(*shown.values(), strict=True)]
    return {
        name: {
            "minutes": seconds / 60.0,
            "shown_in_10_min": 600.0 * named / seconds,
            "not_neutral_in_10_min": 600.0 * strong / seconds,
        }
        for name, (seconds, named, strong) in shown.items()
    }


def meetings(bench: Bench, folder: Path) -> dict[str, float]:
    """Share of windows that are neutral or uncertain where nobody acts."""
    rows = [row for found in bench.rows(recordings_of(folder)) for row in windows(found)]
    calm = sum(row.emotion in (UNCERTAIN, "neutral") for row in rows)
    return {
        "windows": len(rows),
        "neutral_or_uncertain": calm / len(rows),
        "uncertain": sum(row.emotion == UNCERTAIN for row in rows) / len(rows),
    }


def gain(decibels: float) -> Change:
    """Louder or softer, not clipped."""
    return lambda samples, _: (samples * 10.0 ** (decibels / 20.0)).astype(np.float32)


def clipped(samples: AudioArray, _: np.random.Generator) -> AudioArray:
    """12 dB over full scale."""
    loud: AudioArray = samples / np.abs(samples).max() * 10.0 ** (12.0 / 20.0)
    return np.clip(loud, -1.0, 1.0).astype(np.float32)


def packets_lost(samples: AudioArray, rng: np.random.Generator) -> AudioArray:
    """Packets of 40 ms that are silent."""
    length = to_samples(LOSS_SECONDS)
    kept = np.repeat(rng.random(len(samples) // length + 1) >= LOSS_SHARE, length)
    return np.asarray(samples * kept[: len(samples)], dtype=np.float32)


def decisions(bench: Bench, clips: list[AudioArray], change: Change) -> list[str | None]:
    """Most probable class of every clip's utterances, longest first; None: nothing was heard."""
    rng = np.random.default_rng(0)
    changed = [Recording("", change(samples, rng)) for samples in clips]
    found: list[str | None] = []
    for rows in bench.rows(changed):
        utterances = [row for row in rows if row.kind == "utterance"]
        if not utterances:
            found.append(None)
            continue
        longest = max(utterances, key=lambda row: row.end - row.start)
        found.append(max(longest.probabilities, key=longest.probabilities.__getitem__))
    return found


def main() -> None:
    """Measure, print, and write JSON if wanted."""
    parser = fold_parser(__doc__)
    parser.add_argument("--background", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    bench = Bench(load_model(find_model(options.model)))
    made_up = generated(0, SYNTHETIC_SECONDS)
    noise = [
        *recordings_of(noise_of(options.background / "noise", options.fold)),
        *(Recording(name, samples) for name, samples in made_up.items()),
    ]
    report: dict[str, object] = {"noise": (alarms := false_alarms(bench, noise))}
    print("| sound | minutes | windows shown in 10 min | of these not neutral |\n|---|---|---|---|")
    for name, found in alarms.items():
        print("| " + " | ".join([name, *(f"{value:.1f}" for value in found.values())]) + " |")
    report["meetings"] = calm = meetings(bench, options.background / "meetings")
    shares = [f"{calm[key]:.2f} {key.replace('_', ' ')}" for key in list(calm)[1:]]
    print(f"\nMeetings: of {calm['windows']} windows {', '.join(shares)}\n")
    listed = clips_of(options)
    order = np.random.default_rng(0).permutation(len(listed))[: options.clips]
    clips = [load_clip(listed[i]) for i in order]
    before = decisions(bench, clips, gain(0.0))
    changes: dict[str, Change] = {
        **{f"level {g:+.0f} dB": gain(g) for g in GAINS},
        "clipped, 12 dB": clipped,
        f"{LOSS_SHARE:.0%} packets lost": packets_lost,
    }
    print(f"| change ({len(clips)} clips of {options.corpus}) | other decisions | not heard |")
    print("|---|---|---|")
    report["changes"] = by_change = {}
    for name, change in changes.items():
        after = decisions(bench, clips, change)
        other = float(np.mean([a != b for a, b in zip(after, before, strict=True)]))
        silent = float(np.mean([a is None for a in after]))
        by_change[name] = {"other": other, "silent": silent}
        print(f"| {name} | {other:.1%} | {silent:.1%} |")
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
