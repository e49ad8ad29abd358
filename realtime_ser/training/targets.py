"""What a network is to say of clips."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.training.examples import Example
    from realtime_ser.training.index import Clip


def labels_of(clips: Sequence[Clip], classes: Sequence[str]) -> Tensor:
    """Index of the intended emotion of each clip: (n,)."""
    return torch.tensor([classes.index(clip.emotion) for clip in clips])


def targets_of(examples: Sequence[Example], classes: Sequence[str], votes: float) -> Tensor:
    """What the network is to say: (n, n_classes).

    Args:
        examples: whose targets.
        classes: in the order of the network.
        votes: share of the target that listeners' votes make where a clip has any.
    """
    labels = labels_of([example.clip for example in examples], classes)
    targets = F.one_hot(labels, len(classes)).float()
    for i, example in enumerate(examples):
        heard = torch.tensor([(example.clip.votes or {}).get(name, 0.0) for name in classes])
        if votes > 0.0 and heard.sum() > 0:
            targets[i] = (1.0 - votes) * targets[i] + votes * heard / heard.sum()
    return targets
