"""The Silero network on many streams at once, each of which may rest.

What the network remembers of a stream is a ``Judge``; ``Resting`` rests it in steady noise and
silence (``vad.py`` says when). ``judge_all`` takes the blocks of many streams: what the network
does before its recurrence is computed for all blocks together, the recurrence for a block of every
stream together.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from realtime_ser.silero import CONTEXT, STATE, SileroVad

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.gain import Heard
    from realtime_ser.types import AudioArray

HANGOVER: Final = 12
"""Blocks without speech after which a network rests."""
WARM_UP: Final = 8
"""Blocks before the one that ends a rest, which the network hears first."""
LOUDER: Final = 3.0
"""dB above the noise from which on a sound may be speech."""
NO_SPEECH: Final = 0.1
"""Probability below which the network is sure that nobody speaks."""
AT_ONCE: Final = 16
"""Blocks of a stream encoded together, of which some may turn out to lie in a rest."""


class Judge:
    """What the network remembers of one stream."""

    def __init__(self, network: SileroVad) -> None:
        self._network = network
        self.context: AudioArray = np.zeros(CONTEXT, dtype=np.float32)
        self.h = np.zeros((len(network.pitches), STATE), dtype=np.float32)
        self.c = np.zeros((len(network.pitches), STATE), dtype=np.float32)

    def __call__(self, blocks: AudioArray) -> list[float]:
        """Probability of speech in each of (n, BLOCK) consecutive blocks, the pitches' highest."""
        return run_all(self._network, [Run(self, blocks)])[0]


@dataclass(slots=True)
class Run:
    """Consecutive blocks of one stream for its judge, who may stop before their end."""

    judge: Judge
    blocks: AudioArray
    """(n, BLOCK), n at least 1."""
    resting: Resting | None = None
    """Whose rest may begin in between; None hears all blocks."""
    louder: Sequence[bool] = ()
    """Of each block, whether it is louder than the noise."""


class Resting:
    """The network at rest where nothing is louder than the noise."""

    def __init__(self, network: SileroVad) -> None:
        self._network = network
        self.judge = Judge(network)
        self._quiet = 0
        self._missed: deque[AudioArray] = deque(maxlen=WARM_UP)

    def __call__(self, heard: Heard) -> npt.NDArray[np.float32]:
        """n consecutive blocks -> (n,) probabilities of speech."""
        return np.array(judge_all(self._network, [self], [heard])[0], dtype=np.float32)

    @property
    def rests(self) -> bool:
        """What follows is not heard, unless it is louder."""
        return self._quiet >= HANGOVER

    def miss(self, block: AudioArray) -> None:
        """Rest over a block."""
        self._missed.append(block.copy())  # a part of what many streams heard

    def wake(self) -> Run | None:
        """End the rest; what the judge has to hear first."""
        self._quiet = 0
        missed = list(self._missed)
        self._missed.clear()
        return Run(self.judge, np.stack(missed)) if missed else None

    def goes_on(self, probability: float, *, louder: bool) -> bool:
        """Take the judge's word on a block; False when the rest begins behind it."""
        certain = probability < NO_SPEECH and not louder
        self._quiet = self._quiet + 1 if certain else 0
        return not self.rests


def judge_all(
    network: SileroVad, streams: Sequence[Resting], heard: Sequence[Heard]
) -> list[list[float]]:
    """Probabilities of speech in the next blocks of each stream."""
    louder = [(one.above_noise > LOUDER).tolist() for one in heard]
    found: list[list[float]] = [[] for _ in streams]
    waiting = [i for i, one in enumerate(heard) if len(one.blocks)]
    while waiting:
        warm_ups: list[Run] = []
        runs: list[tuple[int, Run]] = []
        for i in waiting:
            stream, blocks = streams[i], heard[i].blocks
            at = len(found[i])
            while stream.rests and at < len(blocks) and not louder[i][at]:
                stream.miss(blocks[at])
                found[i].append(0.0)
                at += 1
            if at == len(blocks):
                continue
            if stream.rests and (warm_up := stream.wake()) is not None:
                warm_ups.append(warm_up)
            part = slice(at, at + AT_ONCE)
            runs.append((i, Run(stream.judge, blocks[part], stream, louder[i][part])))
        run_all(network, warm_ups)
        for (i, _), new in zip(runs, run_all(network, [run for _, run in runs]), strict=True):
            found[i] += new
        waiting = [i for i in waiting if len(found[i]) < len(heard[i].blocks)]
    return found


def run_all(network: SileroVad, runs: Sequence[Run]) -> list[list[float]]:
    """Probabilities of each run, as far as it was heard; judges remember exactly that."""
    if not runs:
        return []
    encoded = network.encode(_joined([_with_context(run) for run in runs]))
    starts = np.cumsum([0, *(len(run.blocks) for run in runs[:-1])])
    h = _joined([run.judge.h[None] for run in runs])
    c = _joined([run.judge.c[None] for run in runs])
    found: list[list[float]] = [[] for _ in runs]
    going = list(range(len(runs)))
    step = 0
    while going:
        here = slice(None) if len(going) == len(runs) else going
        gates = encoded[starts[here] + step]
        shape = h[here].shape
        after = network.recur(*(x.reshape(-1, x.shape[-1]) for x in (gates, h[here], c[here])))
        h[here], c[here] = (x.reshape(shape) for x in after)
        best = network.decide(after[0]).reshape(shape[:2]).max(axis=1).tolist()
        for i, probability in zip(going, best, strict=True):
            found[i].append(probability)
        going = [i for i in going if _goes_on(runs[i], found[i])]
        step += 1
    for i, run in enumerate(runs):
        run.judge.h, run.judge.c = h[i].copy(), c[i].copy()
        run.judge.context = run.blocks[len(found[i]) - 1, -CONTEXT:].copy()
    return found


def _joined(parts: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """Parts one after another; a single one as it is, as in a live stream."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _goes_on(run: Run, found: list[float]) -> bool:
    """Whether a run's next block is heard, too."""
    count = len(found)
    if run.resting is not None and not run.resting.goes_on(found[-1], louder=run.louder[count - 1]):
        return False
    return count < len(run.blocks)


def _with_context(run: Run) -> AudioArray:
    """(n, CONTEXT + BLOCK): every block behind the end of the one before."""
    n, samples = run.blocks.shape
    joined = np.empty((n, CONTEXT + samples), dtype=np.float32)
    joined[0, :CONTEXT] = run.judge.context
    joined[1:, :CONTEXT] = run.blocks[:-1, -CONTEXT:]
    joined[:, CONTEXT:] = run.blocks
    return joined
