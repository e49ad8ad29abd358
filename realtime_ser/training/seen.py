"""Whether a model is being measured on what it was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtime_ser.training.splits import FINAL, folds_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.training.index import Clip


def warning_of_seen(clips: Sequence[Clip], training: Any) -> str | None:
    """A line for the user where clips are no strangers to the model; None where all are.

    Args:
        clips: to be evaluated.
        training: what ``model.toml``, which may come from anywhere, has by that name. Where it
            does not name its ``fold_corpus``, no fold is taken for held out.
    """
    if not isinstance(training, dict):
        return None
    listed = training.get("corpora")
    entries = listed if isinstance(listed, list) else []
    corpora = {entry.get("name") for entry in entries if isinstance(entry, dict)}
    fold_corpus, held_out = training.get("fold_corpus"), folds_of(str(training.get("run", FINAL)))
    seen = [
        clip
        for clip in clips
        if clip.corpus in corpora and not (clip.corpus == fold_corpus and clip.fold in held_out)
    ]
    if not seen:
        return None
    names = sorted(
        {f"{c.corpus} fold {c.fold}" if c.corpus == fold_corpus else c.corpus for c in seen}
    )
    return (
        f"warning: {len(seen)} clips belong to corpora or folds the model was trained on "
        f"({', '.join(names)})"
    )
