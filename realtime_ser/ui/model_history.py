"""Which models made what stands on the axis: the user may change them."""

from __future__ import annotations

from itertools import pairwise


class ModelHistory:
    """Models and the second of the axis from which on each recognised."""

    def __init__(self) -> None:
        self._from: list[tuple[float, str]] = []

    @property
    def newest(self) -> str:
        """The one that recognises now; empty where there is none."""
        return self._from[-1][1] if self._from else ""

    def note(self, seconds: float, model: str) -> None:
        """``model`` recognises from here on."""
        self._from.append((seconds if self._from else 0.0, model))

    def rewind(self, seconds: float) -> None:
        """What stood behind a moment is void, and the newest model makes it anew."""
        self._from = [(min(start, seconds), model) for start, model in self._from]

    def between(self, start: float, end: float) -> tuple[str, ...]:
        """Those that recognised in a stretch, in their order, each once."""
        spells = pairwise([*self._from, (float("inf"), "")])
        return tuple(
            dict.fromkeys(
                model for (since, model), (until, _) in spells if since < end and until > start
            )
        )
