"""What the runs that held out a fold say of it: calibration of the run that holds out none.

The model that ships is trained on every fold, so few speakers are left to calibrate it with. Its
siblings, trained in the same way, have each not heard one fold; together they say of every speaker
of the corpus what a network says of a stranger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from realtime_ser.models import load_model
from realtime_ser.training import checkpoint
from realtime_ser.training.listening import Listener
from realtime_ser.training.splits import split_clips

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch
    from torch import nn

    from realtime_ser.models import Model
    from realtime_ser.training.examples import Example
    from realtime_ser.training.index import Clip
    from realtime_ser.training.listening import Answers
    from realtime_ser.training.recipe import Recipe


def answers_of_siblings(
    recipe: Recipe,
    trunk: str,
    clips: Sequence[Clip],
    examples: Mapping[Path, Sequence[Example]],
    output: Path,
    device: torch.device,
) -> list[Answers]:
    """Of each run of the recipe about the fold that it held out; none unless all runs are there.

    Args:
        recipe: of the runs.
        trunk: sha256 of the trunk that they start from.
        clips: of the corpora of the recipe.
        examples: of the clips, by their paths.
        output: folder of the runs.
        device: where to listen.

    Raises:
        ModelError: a run's model is there and cannot be used; it has to be removed or trained anew.
    """
    found = []
    for fold in recipe.data.folds:
        split = split_clips(clips, recipe.data, [fold], recipe.seed)
        digest = checkpoint.digest_of(recipe, split.train, split.validation, trunk)
        sibling = _sibling(digest, output / fold / "model")
        if sibling is None:
            return []
        listener = Listener(cast("nn.Module", sibling.network).to(device), recipe, device)
        heard = [example for clip in split.test for example in examples.get(clip.path, [])]
        found.append(listener.answers(heard))
    return found


def _sibling(digest: str, folder: Path) -> Model | None:
    """The model in a folder, if it is there and of the run with this digest.

    Raises:
        ModelError: it is there and cannot be used.
    """
    if not folder.exists():
        return None
    model = load_model(folder)
    training = model.description.get("training")
    told = training if isinstance(training, dict) else {}
    return model if told.get("digest") == digest else None
