"""What tells speakers apart, found on labelled speakers (linear discriminant analysis)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from realtime_ser.networks.multiscale_lstm import VOICEPRINT
from realtime_ser.training.histories import NEUTRAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.networks.multiscale_lstm import MultiscaleLstm
    from realtime_ser.training.examples import Example

SHRINKAGE = 0.3
"""Of the covariance within speakers towards a sphere."""
FALSE_ALARMS = 0.05
"""Share of trials in which a speaker is taken for another one."""
TRIALS = 4000
BLOCK_CLIPS = 5
"""Of a trial: as many clips as make a block."""
FEWEST_SPEAKERS = 8
PARTS = 4
"""Of the speakers, each once kept out of the directions, to show how far one is from himself."""

Matrix = npt.NDArray[np.float64]


def fit_voiceprint(
    network: MultiscaleLstm, examples: Sequence[Example], means: Matrix, seed: int
) -> None:
    """Set the network's voiceprint and limit; with too few speakers nobody is told apart.

    The limit comes from speakers that the directions were not found on; after that, the directions
    are found anew on all. It is set for the hardest case: somebody was calm, and now is not (or
    whatever two emotions a speaker has clips of). Nobody shall lose his past by an outburst.

    Args:
        network: whose buffers to set.
        examples: of training.
        means: (n, width) mean description of each, relative to everybody's.
        seed: of the trials.
    """
    people = sorted({example.clip.person for example in examples})
    owner = np.array([people.index(example.clip.person) for example in examples])
    moods = _moods(examples, owner)
    enough = np.array([person for person in range(len(people)) if len(moods[person]) > 1])
    if len(enough) < FEWEST_SPEAKERS:
        return
    rng = np.random.default_rng(seed)
    distances: list[float] = []
    for held_back in np.array_split(rng.permutation(enough), PARTS):
        others = ~np.isin(owner, held_back)
        directions = _directions(means[others], owner[others])
        seen = means @ directions
        for _ in range(TRIALS // PARTS):
            before, *later = moods[int(rng.choice(held_back))]
            late = rng.permutation(later[int(rng.integers(len(later)))])[:BLOCK_CLIPS]
            gap = seen[late].mean(axis=0) - seen[before].mean(axis=0)
            distances.append(float(np.sqrt(np.mean(np.square(gap)))))
    network.voiceprint.copy_(torch.from_numpy(_directions(means, owner)))
    network.voice_limit.fill_(float(np.quantile(distances, 1.0 - FALSE_ALARMS)))


def _moods(
    examples: Sequence[Example], owner: npt.NDArray[np.int64]
) -> list[list[npt.NDArray[np.int64]]]:
    """For each speaker, his clips by emotion, neutral ones first; those with clips for a block."""
    emotions = np.array([example.clip.emotion for example in examples])
    order = sorted(set(emotions), key=lambda name: (name != NEUTRAL, name))
    return [
        [
            clips
            for name in order
            if len(clips := np.flatnonzero((owner == person) & (emotions == name))) >= BLOCK_CLIPS
        ]
        for person in range(int(owner.max()) + 1)
    ]


def _directions(means: Matrix, owner: npt.NDArray[np.int64]) -> Matrix:
    """(width, VOICEPRINT) in which speakers differ most, by how much each of them varies."""
    width, cells = means.shape[1], means.shape[1] // 2
    means = means[:, :cells]  # the deviations tell more of what is said than of who says it
    centres = {o: means[owner == o].mean(axis=0) for o in np.unique(owner)}
    inside = means - np.stack([centres[o] for o in owner])
    within = inside.T @ inside / len(inside)
    sphere = np.trace(within) / len(within) * np.eye(len(within))
    within = (1.0 - SHRINKAGE) * within + SHRINKAGE * sphere
    whitening = np.linalg.cholesky(np.linalg.inv(within))
    between = np.stack(list(centres.values()))
    _, _, axes = np.linalg.svd((between - between.mean(axis=0)) @ whitening, full_matrices=False)
    found = (whitening @ axes.T)[:, :VOICEPRINT]
    return np.pad(found, ((0, width - cells), (0, VOICEPRINT - found.shape[1])))
