"""Rows of state: one for everybody who has a place, more of them when they are needed.

A row holds all that is remembered of somebody, value after value. Dozens of small tensors are so
fetched and put back as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
        self._keys: dict[torch.dtype, list[str]] = {}
        for key, value in start.items():
            self._keys.setdefault(value.dtype, []).append(key)
        self._shapes = {key: value.shape[1:] for key, value in start.items()}
        with torch.inference_mode():
            self._start = dict(self._flat(start))
            self._rows = self._fresh(INITIAL)
        self._size = INITIAL
        self._free = list(range(INITIAL))

    @torch.inference_mode()
    def open(self) -> int:
        """Take a free place."""
        if not self._free:
            more = max(INITIAL, self._size // GROWTH)
            fresh = self._fresh(more)
            self._rows = {kind: torch.cat([old, fresh[kind]]) for kind, old in self._rows.items()}
            self._free = list(range(self._size, self._size + more))
            self._size += more
        return self._free.pop()

    @torch.inference_mode()
    def close(self, slot: int) -> None:
        """Give a place back, as it was before."""
        for kind, rows in self._rows.items():
            rows[slot] = self._start[kind][0]
        self._free.append(slot)

    @torch.inference_mode()
    def gather(self, slots: Sequence[int]) -> State:
        """(n, ...) what is in these places; of a single one without a copy."""
        found: State = {}
        for kind, rows in self._rows.items():
            if len(slots) == 1:
                mine = rows[slots[0] : slots[0] + 1]
            else:
                mine = rows.index_select(0, torch.tensor(slots, device=rows.device))
            found |= self._parts(kind, mine)
        return found

    @torch.inference_mode()
    def scatter(self, slots: Sequence[int], after: State) -> None:
        """Put what is ours of (n, ...), all of it, into these places."""
        for kind, flat in self._flat(after):
            rows = self._rows[kind]
            if rows.device.type == "cpu":  # where it takes a half to a quarter of the time
                for slot, row in zip(slots, flat, strict=True):
                    rows[slot].copy_(row)
            else:
                rows.index_copy_(0, torch.tensor(slots, device=rows.device), flat)

    def _flat(self, state: State) -> Iterator[tuple[torch.dtype, Tensor]]:
        """(n, values) a kind of number."""
        for kind, keys in self._keys.items():
            first = state[keys[0]]
            values = sum(self._shapes[key].numel() for key in keys)
            flat = torch.empty(len(first), values, dtype=kind, device=first.device)
            for key, part in self._parts(kind, flat).items():
                part.copy_(state[key])
            yield kind, flat

    def _parts(self, kind: torch.dtype, flat: Tensor) -> State:
        """(n, values) -> what they are, without a copy."""
        keys = self._keys[kind]
        parts = torch.split(flat, [self._shapes[key].numel() for key in keys], dim=1)
        return {
            key: part.view(len(flat), *self._shapes[key])
            for key, part in zip(keys, parts, strict=True)
        }

    def _fresh(self, size: int) -> dict[torch.dtype, Tensor]:
        return {kind: row.repeat(size, 1) for kind, row in self._start.items()}
