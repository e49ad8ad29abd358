"""Rows of state tensors: one for everybody who has a place, more of them when they are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.state import State

INITIAL: Final = 4
GROWTH: Final = 4
"""A fourth more places at a time: what is doubled stands half empty."""


class Slots:
    """State with a slot axis. Used by one thread."""

    def __init__(self, start: State) -> None:
        """Make a few places.

        Args:
            start: (1, ...) what a place holds for somebody new.
        """
        self._start = start
        with torch.inference_mode():
            self._rows = self._fresh(INITIAL)
        self._size = INITIAL
        self._free = list(range(INITIAL))

    @torch.inference_mode()
    def open(self) -> int:
        """Take a free place."""
        if not self._free:
            more = max(INITIAL, self._size // GROWTH)
            fresh = self._fresh(more)
            self._rows = {key: torch.cat([old, fresh[key]]) for key, old in self._rows.items()}
            self._free = list(range(self._size, self._size + more))
            self._size += more
        return self._free.pop()

    @torch.inference_mode()
    def close(self, slot: int) -> None:
        """Give a place back, as it was before."""
        for key, tensor in self._rows.items():
            tensor[slot] = self._start[key][0]
        self._free.append(slot)

    @torch.inference_mode()
    def gather(self, slots: Sequence[int]) -> State:
        """(n, ...) what is in these places; of a single one without a copy."""
        if len(slots) == 1:
            return {key: rows[slots[0] : slots[0] + 1] for key, rows in self._rows.items()}
        index = self._index(slots)
        return {key: rows.index_select(0, index) for key, rows in self._rows.items()}

    @torch.inference_mode()
    def scatter(self, slots: Sequence[int], after: State) -> None:
        """Put what is ours of (n, ...) into these places. One is copied plainly, four times as
        fast."""
        ours = {key: value for key, value in after.items() if key in self._rows}
        if len(slots) == 1:
            for key, value in ours.items():
                self._rows[key][slots[0]].copy_(value[0])
            return
        index = self._index(slots)
        for key, value in ours.items():
            self._rows[key].index_copy_(0, index, value)

    def _index(self, slots: Sequence[int]) -> torch.Tensor:
        device = next(iter(self._start.values())).device if self._start else None
        return torch.tensor(slots, device=device)

    def _fresh(self, size: int) -> State:
        return {key: value.repeat_interleave(size, dim=0) for key, value in self._start.items()}
