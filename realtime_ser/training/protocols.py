"""The evaluation protocols: which audio the engine hears, and which clip lies where in it.

``clip``: every clip alone. ``stream``: one stream a speaker, his clips in seeded random order with
half a second of silence between. ``call``: the same with 60 % neutral clips: drawn again where
there are fewer, left out where there are more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from realtime_ser.clock import to_samples
from realtime_ser.offline import Recording
from realtime_ser.training.index import Clip, load_clip
from realtime_ser.types import AudioArray

Protocol = Literal["clip", "stream", "call"]
PROTOCOLS: Final[tuple[Protocol, ...]] = get_args(Protocol)
GAP = 0.5
"""Seconds of silence between clips of a stream."""
NEUTRAL_SHARE = 0.6
CHANGES = 1
"""Sets what chance draws for conditions apart from what it draws for orders."""

Change = Callable[[AudioArray, np.random.Generator], AudioArray]


@dataclass(frozen=True, slots=True)
class Placed:
    """A clip and where it lies in its stream, in samples."""

    clip: Clip
    start_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class Session:
    """One stream to be analysed."""

    recording: Recording
    placed: tuple[Placed, ...]


def sessions(
    clips: Sequence[Clip], protocol: Protocol, seed: int, change: Change | None = None
) -> Iterator[Session]:
    """Streams of a protocol, read from disk one at a time.

    Args:
        clips: what to place.
        protocol: see the module's text.
        seed: of the order of clips and of ``change``.
        change: a condition (telephone, noise, room) for the whole stream.

    Raises:
        DataError: a recording cannot be read.
    """
    for number, (name, chosen) in enumerate(_orders(clips, protocol, seed)):
        placed, pieces, position = [], [], 0
        for clip in chosen:
            samples = load_clip(clip)
            placed.append(Placed(clip, position, position + len(samples)))
            pieces += [samples, np.zeros(to_samples(GAP), dtype=np.float32)]
            position += len(samples) + to_samples(GAP)
        whole = np.concatenate(pieces[:-1])
        if change is not None:
            whole = change(whole, np.random.default_rng((seed, number, CHANGES)))
        yield Session(Recording(name, whole), tuple(placed))


def _orders(
    clips: Sequence[Clip], protocol: Protocol, seed: int
) -> Iterator[tuple[str, Sequence[Clip]]]:
    """Name and clips of every stream."""
    if protocol == "clip":
        yield from ((str(clip.path), [clip]) for clip in clips)
        return
    by_person: dict[tuple[str, str], list[Clip]] = defaultdict(list)
    for clip in clips:
        by_person[clip.person].append(clip)
    for number, (person, own) in enumerate(sorted(by_person.items())):
        rng = np.random.default_rng((seed, number))
        chosen = own if protocol == "stream" else _mostly_neutral(own, rng)
        yield "/".join(person), [chosen[i] for i in rng.permutation(len(chosen))]


def _mostly_neutral(clips: Sequence[Clip], rng: np.random.Generator) -> list[Clip]:
    """All emotional clips once, and as many neutral ones, or repeats of them, as make the share."""
    neutral = [clip for clip in clips if clip.emotion == "neutral"]
    emotional = [clip for clip in clips if clip.emotion != "neutral"]
    if not neutral or not emotional:
        return [*clips]
    wanted = round(len(emotional) * NEUTRAL_SHARE / (1.0 - NEUTRAL_SHARE))
    if wanted < len(neutral):
        return emotional + [neutral[int(i)] for i in rng.permutation(len(neutral))[:wanted]]
    extra = rng.integers(len(neutral), size=wanted - len(neutral))
    return emotional + neutral + [neutral[int(i)] for i in extra]
