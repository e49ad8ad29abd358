"""Whether a model is being measured on what it was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.training.index import Clip


def warning_of_seen(clips: Sequence[Clip], training: Any) -> str | None:
    """A line for the user where clips are no strangers to the model; None where all are.

    Args:
        clips: to be evaluated.
        training: what ``model.toml``, which may come from anywhere, has by that name. Where it
            does not say which folds were ``held_out``, none is taken for it.
    """
    if not isinstance(training, dict):
        return None
    corpora = {entry["name"] for entry in corpora_of(training)}
    told = training.get("held_out")
    held_out = {
        name: folds
        for name, folds in (told if isinstance(told, dict) else {}).items()
        if isinstance(folds, list)
    }
    seen = [
        clip
        for clip in clips
        if clip.corpus in corpora and clip.fold not in held_out.get(clip.corpus, ())
    ]
    if not seen:
        return None
    names = sorted(
        {f"{clip.corpus} fold {clip.fold}" if clip.fold else clip.corpus for clip in seen}
    )
    return (
        f"warning: {len(seen)} clips belong to corpora or folds the model was trained on "
        f"({', '.join(names)})"
    )


def corpora_of(training: Any) -> list[dict[str, Any]]:
    """The corpora that a model says it was trained on, each with name, clips and licence.

    Args:
        training: what ``model.toml``, which may come from anywhere, has by that name.
    """
    listed = training.get("corpora") if isinstance(training, dict) else None
    return [
        {"clips": "?", "licence": "not told"} | entry
        for entry in (listed if isinstance(listed, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("name"), str)
    ]
