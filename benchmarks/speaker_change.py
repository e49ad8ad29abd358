"""Does the recogniser notice that somebody else speaks, and not take an outburst for it?

    python benchmarks/speaker_change.py --index CORPORA/index.csv --fold 1 --model MODEL

A stream is at least 45 s of neutral clips of a speaker, half a second of silence between them, and
then 45 s of clips with other emotions: his own (an outburst), or those of somebody else of the same
or of the other sex. What was known of the speaker is forgotten where ``adapted`` falls.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from chain import clips_of, fold_parser, timelines

from realtime_ser.assembly import load_recognizer
from realtime_ser.clock import to_samples, to_seconds
from realtime_ser.config import Config
from realtime_ser.offline import Recording
from realtime_ser.training.index import Clip, load_clip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from realtime_ser.types import AudioArray, TimelineRow

CALM, AFTER = 45.0, 45.0
"""Seconds before and after the moment in question."""
PAUSE = 0.5
NEUTRAL = "neutral"
KINDS = ("the same speaker", "another of the same sex", "another of the other sex")


@dataclass(frozen=True, slots=True)
class Trial:
    """One stream."""

    kind: str
    recording: Recording
    at: float
    """Seconds from the start to the first clip with another emotion."""


def main() -> None:
    """Print how often the past was forgotten, by kind of trial."""
    parser = fold_parser(__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="trials a speaker and kind")
    given = parser.parse_args()
    settings = Config()
    settings = replace(settings, recognizer=replace(settings.recognizer, model=given.model))
    recognizer = load_recognizer(settings)
    made = list(trials(clips_of(given), given.repeats))
    forgotten: dict[str, list[bool]] = defaultdict(list)
    found = timelines((trial.recording for trial in made), recognizer, settings)
    for trial, rows in zip(made, found, strict=True):
        forgotten[trial.kind].append(forgets(rows, trial.at))
    print(f"| then speaks | streams | forgotten within {AFTER:.0f} s |\n|---|---|---|")
    for kind in filter(forgotten.__contains__, KINDS):
        print(f"| {kind} | {len(forgotten[kind])} | {np.mean(forgotten[kind]):.1%} |")


def forgets(rows: list[TimelineRow], at: float) -> bool:
    """Whether less is known of the speaker at some row after ``at`` than at the row before it."""
    known = [row.adapted for row in rows if row.end > at]
    return bool(np.any(np.diff(known) < 0.0))


def trials(clips: list[Clip], repeats: int) -> Iterator[Trial]:
    """Every speaker and kind, the other speaker and the clips drawn by chance (seed 0)."""
    rng = np.random.default_rng(0)
    by_speaker: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_speaker[clip.speaker].append(clip)
    for speaker, own in sorted(by_speaker.items()):
        sex = own[0].sex
        calm = [clip for clip in own if clip.emotion == NEUTRAL]
        if not calm:
            continue
        others = {
            KINDS[0]: [speaker],
            KINDS[1]: [s for s, c in by_speaker.items() if s != speaker and c[0].sex == sex],
            KINDS[2]: [s for s, c in by_speaker.items() if c[0].sex != sex],
        }
        for kind, people in others.items():
            for _ in range(repeats if people else 0):
                next_one = people[int(rng.integers(len(people)))]
                strong = [clip for clip in by_speaker[next_one] if clip.emotion != NEUTRAL]
                before, after = joined(calm, CALM, rng), joined(strong, AFTER, rng)
                samples = np.concatenate([before, after])
                yield Trial(kind, Recording(kind, samples), to_seconds(len(before)))


def joined(clips: list[Clip], seconds: float, rng: np.random.Generator) -> AudioArray:
    """Clips in random order with pauses between, until there is enough; again where they end."""
    pause = np.zeros(to_samples(PAUSE), dtype=np.float32)
    parts: list[AudioArray] = []
    while True:
        for i in rng.permutation(len(clips)):
            parts += [load_clip(clips[int(i)]), pause]
            if sum(map(len, parts)) >= to_samples(seconds):
                return np.concatenate(parts)


if __name__ == "__main__":
    main()
