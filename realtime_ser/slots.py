"""Places for state: one for everybody who is there.

A place holds all that is remembered of somebody as one row, value after value: dozens of small
tensors are so fetched and put back as one. Rows are not kept in one tensor, which would have to be
copied whenever places are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from realtime_ser.state import State


AT_A_TIME: Final = 16
"""Places made together: few large blocks of memory leave fewer holes between them."""


class Slots:
    """State with a slot axis. Used by one thread."""

    def __init__(self, start: State) -> None:
        """Make no place yet.

        Args:
            start: (1, ...) what a place holds for somebody new.
        """
        self._keys: dict[torch.dtype, list[str]] = {}
        for key, value in start.items():
            self._keys.setdefault(value.dtype, []).append(key)
        self._shapes = {key: value.shape[1:] for key, value in start.items()}
        with torch.inference_mode():
            self._start = {kind: flat[0] for kind, flat in self._flat(start)}
        self._places: list[dict[torch.dtype, Tensor]] = []
        """Of each slot, (values,) a kind of number."""
        self._free: list[int] = []

    @torch.inference_mode()
    def open(self) -> int:
        """Take a free place."""
        if not self._free:
            made = {kind: row.repeat(AT_A_TIME, 1) for kind, row in self._start.items()}
            first = len(self._places)
            self._places += [
                {kind: rows[i] for kind, rows in made.items()} for i in range(AT_A_TIME)
            ]
            self._free = list(range(first, first + AT_A_TIME))
        return self._free.pop()

    @torch.inference_mode()
    def close(self, slot: int) -> None:
        """Give a place back, as it was before; its memory is kept for whoever comes next."""
        for kind, row in self._places[slot].items():
            row.copy_(self._start[kind])
        self._free.append(slot)

    @torch.inference_mode()
    def gather(self, slots: Sequence[int]) -> State:
        """(n, ...) what is in these places; of a single one without a copy."""
        found: State = {}
        for kind in self._keys:
            rows = [self._places[slot][kind] for slot in slots]
            found |= self._parts(kind, torch.stack(rows) if len(rows) > 1 else rows[0][None])
        return found

    @torch.inference_mode()
    def scatter(self, slots: Sequence[int], after: State) -> None:
        """Put what is ours of (n, ...), all of it, into these places."""
        for kind, flat in self._flat(after):
            torch._foreach_copy_([self._places[slot][kind] for slot in slots], flat.unbind())

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
