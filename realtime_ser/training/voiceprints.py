"""What tells speakers apart, found on labelled speakers (linear discriminant analysis)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from realtime_ser.networks.multiscale_lstm import VOICEPRINT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.networks.multiscale_lstm import MultiscaleLstm
    from realtime_ser.training.examples import Example

SHRINKAGE = 0.3
"""Of the covariance within speakers towards a sphere."""
FALSE_ALARMS = 0.01
"""Share of blocks in which a speaker is taken for another one."""
TRIALS = 4000
BLOCK_CLIPS, EARLIER_CLIPS = 5, 12
"""Of a trial: as many clips as make a block, and some time of earlier speech."""
FEWEST_SPEAKERS = 8
"""Half of them show what a speaker's distance from himself is."""

Matrix = npt.NDArray[np.float64]


def fit_voiceprint(
    network: MultiscaleLstm, examples: Sequence[Example], means: Matrix, seed: int
) -> None:
    """Set the network's voiceprint and limit; with too few speakers nobody is told apart.

    The limit comes from speakers that the directions were not found on; after that, the directions
    are found anew on all.

    Args:
        network: whose buffers to set.
        examples: of training.
        means: (n, width) mean description of each, relative to everybody's.
        seed: of the trials.
    """
    people = sorted({example.clip.person for example in examples})
    owner = np.array([people.index(example.clip.person) for example in examples])
    counts = np.bincount(owner)
    enough = np.flatnonzero(counts > BLOCK_CLIPS + EARLIER_CLIPS)
    if len(enough) < FEWEST_SPEAKERS:
        return
    rng = np.random.default_rng(seed)
    order = rng.permutation(enough)
    found, held_back = order[: len(order) // 2], order[len(order) // 2 :]
    first = np.isin(owner, found)
    directions = _directions(means[first], owner[first])
    distances = []
    for _ in range(TRIALS):
        own = rng.permutation(np.flatnonzero(owner == rng.choice(held_back)))
        late, before = own[:BLOCK_CLIPS], own[BLOCK_CLIPS : BLOCK_CLIPS + EARLIER_CLIPS]
        gap = (means[late].mean(axis=0) - means[before].mean(axis=0)) @ directions
        distances.append(np.sqrt(np.mean(np.square(gap))))
    network.voiceprint.copy_(torch.from_numpy(_directions(means, owner)))
    network.voice_limit.fill_(float(np.quantile(distances, 1.0 - FALSE_ALARMS)))


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
