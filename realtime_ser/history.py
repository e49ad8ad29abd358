"""What a stream has said lately, until it can belong to no segment any more."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from realtime_ser.types import AudioArray


class History:
    """The newest audio of one stream, in the blocks in which it came."""

    def __init__(self) -> None:
        self._blocks: deque[AudioArray] = deque()
        self._start = 0
        self._end = 0

    def append(self, samples: AudioArray) -> None:
        """Take the next (n,) samples; they are kept as they are."""
        self._blocks.append(samples)
        self._end += len(samples)

    def skip_to(self, sample: int) -> None:
        """Forget everything; the next sample has this index."""
        self._blocks.clear()
        self._start = self._end = sample

    def release(self, sample: int) -> None:
        """Nothing before ``sample`` will be asked for again."""
        while self._blocks and self._start + len(self._blocks[0]) <= sample:
            self._start += len(self._blocks.popleft())

    def get(self, start: int, end: int) -> AudioArray:
        """Samples [start, end), copied.

        Raises:
            RuntimeError: they have been released, or have not come yet.
        """
        if not self._start <= start <= end <= self._end:
            raise RuntimeError(f"audio {start}-{end} is not in history {self._start}-{self._end}")
        parts = [np.zeros(0, dtype=np.float32)]
        first = self._start
        for block in self._blocks:
            if first >= end:
                break
            parts.append(block[max(0, start - first) : end - first])
            first += len(block)
        return np.concatenate(parts)
