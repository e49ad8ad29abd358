"""Smoothing over hops: the score of window rows in `stream`, and how late a change shows.

    python benchmarks/smoothing.py --index CORPORA/index.csv --fold 1 --model MODEL

Two things smooth: the window, over which the network's evidence is added up, and the exponential
mean of window rows. The first line has neither, a window of one hop. The score is the UAR of the
window rows that end inside a clip. A change is two clips of a speaker, of different emotions,
without a pause between them; it shows at the first row that names the second emotion after the last
one that names the first. Lateness is that of changes that show in the first line, too.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from chain import clips_of, fold_parser, timelines, windows

from realtime_ser.clock import to_seconds
from realtime_ser.config import Config
from realtime_ser.models import find_model, load_model
from realtime_ser.offline import Recording
from realtime_ser.recognizer import NetworkRecognizer
from realtime_ser.training.index import Clip, load_clip
from realtime_ser.training.metrics import unweighted_average_recall
from realtime_ser.training.protocols import Session, sessions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from realtime_ser.models import Model
    from realtime_ser.types import AudioArray, Prediction, TimelineRow

QUIET_DBFS = -45.0
"""Below this, the edges of a clip are cut off before it is put behind another one."""
FRAME = 160


class Remembering(NetworkRecognizer):
    """Answers the same recordings again without computing anything: smoothing comes later."""

    def __init__(self, model: Model, device: torch.device, window: float) -> None:
        super().__init__(model, device, window)
        self._answers: dict[str, list[list[Prediction]]] = {}
        self._told: Iterator[list[Prediction]] | None = None
        self._new: list[list[Prediction]] = []

    def hear(self, what: str) -> None:
        """From here on come the recordings of this name; known ones in the same order."""
        known = self._answers.get(what)
        self._told = iter(known) if known is not None else None
        self._new = self._answers.setdefault(what, [])

    def step(
        self, slots: Sequence[int], pieces: Sequence[AudioArray], ends: Sequence[bool] = ()
    ) -> list[Prediction]:
        """See ``Recognizer.step``."""
        if self._told is not None:
            return next(self._told)
        self._new.append(super().step(slots, pieces, ends))
        return self._new[-1]


@dataclass(frozen=True, slots=True)
class Change:
    """Two clips without a pause between them."""

    recording: Recording
    at: float
    """Seconds from the start to the second clip."""
    before: str
    after: str


def main() -> None:
    """Print a line for each window and time constant."""
    parser = fold_parser(__doc__)
    parser.add_argument("--windows", type=float, nargs="+", default=[0.5, 1.0, 2.0, 3.0, 5.0])
    parser.add_argument("--seconds", type=float, nargs="+", default=[0.0, 0.5, 1.0])
    given = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(find_model(given.model))
    clips = [clip for clip in clips_of(given) if clip.emotion in model.classes]
    streams = list(sessions(clips, "stream", 0))
    changes = list(changes_of(clips))
    reference: dict[str, float] = {}
    print("| window | smoothing | UAR of window rows | changes shown | later, median | p95 |")
    print("|---|---|---|---|---|---|")
    for window in sorted({Config().recognizer.hop, *given.windows}):
        recognizer = Remembering(model, torch.device("cpu"), window)
        for seconds in sorted({0.0, *given.seconds}):
            chosen = settings_of(window, seconds)
            recognizer.hear("streams")
            score = uar_of_windows(streams, recognizer, chosen)
            recognizer.hear("changes")
            shown_at = moments(changes, recognizer, chosen)
            reference = reference or shown_at
            both = [name for name in reference if name in shown_at]
            later = [shown_at[name] - reference[name] for name in both]
            print(
                f"| {window:g} s | {seconds:g} s | {score:.3f} | {len(shown_at)} of {len(changes)} "
                f"| {np.median(later):.2f} s | {np.quantile(later, 0.95):.2f} s |",
                flush=True,
            )


def settings_of(window: float, smoothing: float) -> Config:
    """The defaults but for these two, in seconds."""
    default = Config()
    return replace(
        default,
        recognizer=replace(default.recognizer, window=window),
        timeline=replace(default.timeline, smoothing=smoothing),
    )


def changes_of(clips: list[Clip]) -> Iterator[Change]:
    """One for each speaker and ordered pair of emotions, its clips drawn by chance."""
    by_person: dict[tuple[str, str], dict[str, list[Clip]]] = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        by_person[clip.person][clip.emotion].append(clip)
    rng = np.random.default_rng(0)
    for person, moods in sorted(by_person.items()):
        for before in sorted(moods):
            for after in sorted(set(moods) - {before}):
                one, other = (
                    trimmed(moods[mood][int(rng.integers(len(moods[mood])))])
                    for mood in (before, after)
                )
                name = f"{'/'.join(person)} {before} {after}"
                joined = Recording(name, np.concatenate([one, other]))
                yield Change(joined, to_seconds(len(one)), before, after)


def trimmed(clip: Clip) -> np.ndarray:
    """A clip without its quiet edges."""
    samples = load_clip(clip)
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    power = np.square(frames).mean(axis=1)
    loud = np.flatnonzero(power > 10.0 ** (QUIET_DBFS / 10.0))
    return samples[loud[0] * FRAME : (loud[-1] + 1) * FRAME] if len(loud) else samples


def winner(row: TimelineRow) -> str:
    """The most probable class, shown or not."""
    return max(row.probabilities, key=lambda name: row.probabilities[name])


def uar_of_windows(
    streams: list[Session], recognizer: NetworkRecognizer, settings: Config
) -> float:
    """Of rows that end inside a clip."""
    classes = list(recognizer.classes)
    truth, decided = [], []
    found = timelines((session.recording for session in streams), recognizer, settings)
    for session, rows in zip(streams, found, strict=True):
        for row in windows(rows):
            for placed in session.placed:
                if to_seconds(placed.start_sample) < row.end <= to_seconds(placed.end_sample):
                    truth.append(classes.index(placed.clip.emotion))
                    decided.append(classes.index(winner(row)))
    return unweighted_average_recall(np.array(truth), np.array(decided), len(classes))


def moments(
    changes: list[Change], recognizer: NetworkRecognizer, settings: Config
) -> dict[str, float]:
    """Seconds after which each change shows; those that never show are left out."""
    found = timelines((change.recording for change in changes), recognizer, settings)
    shown = {}
    for change, rows in zip(changes, found, strict=True):
        hops = windows(rows)
        names = [winner(row) for row in hops]
        if change.before not in names or names[-1] != change.after:
            continue
        last = max(i for i, name in enumerate(names) if name == change.before)
        then = next((i for i in range(last, len(names)) if names[i] == change.after), None)
        if then is not None and hops[then].end > change.at:
            shown[change.recording.name] = hops[then].end - change.at
    return shown


if __name__ == "__main__":
    main()
