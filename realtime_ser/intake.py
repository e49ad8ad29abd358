"""[1-2] Blocks of a source -> channels -> 16 kHz -> the ring of each stream. No threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from realtime_ser.capture.resample import StreamResampler
from realtime_ser.types import SAMPLE_RATE

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from realtime_ser.capture.source import SourceInfo
    from realtime_ser.ring import RingBuffer
    from realtime_ser.types import AudioArray, CapturedBlock


class Intake:
    """Feeds the rings of one source: one for all channels mixed, or one a channel."""

    def __init__(
        self,
        info: SourceInfo,
        rings: Sequence[RingBuffer],
        *,
        channels: Sequence[int] | None,
        abort: threading.Event,
    ) -> None:
        """Connect a source with its rings.

        Args:
            info: of the source.
            rings: one a stream.
            channels: of the source, one a ring; None mixes all of them into the only ring.
            abort: ends waiting for a ring.
        """
        self._rate = info.sample_rate
        self._rings = rings
        self._channels = None if channels is None else list(channels)
        self._abort = abort
        self._fraction = 0
        """Of a sample that was left out but not skipped yet, in 1 / rate."""
        self._resampler = StreamResampler(info.sample_rate, len(rings))

    def take(self, block: CapturedBlock) -> None:
        """Take the next block; what is missing before it moves the streams' clocks."""
        if block.lost:
            self.skip(block.lost)
        samples = block.samples
        if self._channels is None:
            samples = samples.mean(axis=1, keepdims=True, dtype=np.float32)
        else:
            samples = samples[:, self._channels]
        resampled = self._resampler.process(samples)
        late = self._resampler.delay
        self._deliver(resampled, None if block.captured is None else block.captured - late)

    def skip(self, samples: int) -> None:
        """Leave out ``samples`` (per channel, at the source's rate); nothing is glued over it."""
        self.flush()
        # The fraction is kept: an hour of pause is thousands of small skips.
        count, self._fraction = divmod(samples * SAMPLE_RATE + self._fraction, self._rate)
        for ring in self._rings:
            ring.skip(count)

    def flush(self) -> None:
        """Deliver what the resampler holds back; the next block starts anew."""
        self._deliver(self._resampler.flush(), None)

    def _deliver(self, samples: AudioArray, captured: float | None) -> None:
        for channel, ring in enumerate(self._rings):
            ring.write(np.ascontiguousarray(samples[:, channel]), captured, abort=self._abort)
