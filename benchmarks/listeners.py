"""How well listeners agree, from the votes of an index: what a recogniser can be held against.

    python benchmarks/listeners.py --index INDEX.csv

One listener against the others: every single vote beside the majority of the other votes on the
clip, where there is one.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from realtime_ser.training.index import of_corpora, read_index
from realtime_ser.training.metrics import unweighted_average_recall

if TYPE_CHECKING:
    import numpy.typing as npt

    Counts = npt.NDArray[np.int64]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--corpus", default="crema-d")
    given = parser.parse_args()
    clips = [clip for clip in of_corpora(read_index(given.index), [given.corpus]) if clip.votes]
    names = sorted({name for clip in clips for name in clip.votes or {}})
    votes = np.array(
        [[(clip.votes or {}).get(name, 0) for name in names] for clip in clips], dtype=np.int64
    )
    intended = np.array([names.index(clip.emotion) for clip in clips])

    others, said = against_the_others(votes)
    score = unweighted_average_recall(others, said, len(names))
    most = votes.max(axis=1, keepdims=True)
    clear = (votes == most).sum(axis=1) == 1
    favourite = np.bincount(votes[clear].argmax(axis=1), minlength=len(names))
    print("| of the votes | UAR | share |")
    print("|---|---|---|")
    print(f"| that name what was intended | - | {named(votes, intended):.3f} |")
    print(f"| one listener against the others | {score:.3f} | {np.mean(others == said):.3f} |")
    always = names[int(favourite.argmax())]
    print(
        f"| always {always}, against the majority | {1 / len(names):.3f} | "
        f"{favourite.max() / favourite.sum():.3f} |"
    )


def named(votes: Counts, intended: Counts) -> float:
    """Share of all votes that are for the intended class."""
    return float(votes[np.arange(len(votes)), intended].sum() / votes.sum())


def against_the_others(votes: Counts) -> tuple[Counts, Counts]:
    """What the majority of the others says, and what one says: (n_votes,) classes each.

    Args:
        votes: (n_clips, n_classes); those without a majority of the others are left out.
    """
    majority, single = [], []
    for said in range(votes.shape[1]):
        others = votes.copy()
        others[:, said] -= 1
        most = others.max(axis=1, keepdims=True)
        clear = (votes[:, said] > 0) & (most[:, 0] > 0) & ((others == most).sum(axis=1) == 1)
        majority.append(np.repeat(others[clear].argmax(axis=1), votes[clear, said]))
        single.append(np.full(votes[clear, said].sum(), said))
    return np.concatenate(majority), np.concatenate(single)


if __name__ == "__main__":
    main()
