"""A microphone as a source that survives what happens to microphones.

The driver's thread queues blocks. Everything else happens in ``read``: it notices that the device
is gone or silent, has it opened again with growing pauses, and reports the outage as lost samples,
so that the stream's clock stays true.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from realtime_ser.capture.devices import find_device
from realtime_ser.capture.portaudio import PortAudio
from realtime_ser.capture.source import SourceHealth, SourceInfo
from realtime_ser.errors import SourceError
from realtime_ser.types import SAMPLE_RATE, AudioArray, CapturedBlock

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from realtime_ser.capture.driver import DeviceInfo, Driver
    from realtime_ser.clock import Clock
    from realtime_ser.config import CaptureConfig

_QUEUE_SECONDS = 2.0
"""Audio held for a reader that is late; beyond it the oldest is lost and counted."""
_MAX_REAL_CHANNELS = 8
"""Devices that claim more are virtual (ALSA's pulse: 32) and have two that matter."""


@dataclass(frozen=True, slots=True)
class _Queued:
    samples: AudioArray
    captured: float
    first_sample: int
    """Counted since the device was opened."""
    overflow: bool


class _Connection:
    """What one opening of the device delivers. Filled by the driver's thread."""

    def __init__(self, clock: Clock, wake: threading.Event, max_blocks: int) -> None:
        self.blocks: deque[_Queued] = deque(maxlen=max_blocks)
        self.ended = False
        self.last_sign = clock.monotonic()
        self._clock = clock
        self._wake = wake
        self._delivered = 0

    def on_block(self, samples: AudioArray, captured: float, overflow: bool) -> None:
        self.last_sign = self._clock.monotonic()
        self.blocks.append(_Queued(samples, captured, self._delivered, overflow))
        self._delivered += len(samples)
        self._wake.set()

    def on_end(self) -> None:
        self.ended = True
        self._wake.set()


class MicrophoneSource:
    """Records from a device. Implements ``Source``."""

    def __init__(
        self,
        uri: str,
        device: str | int | None,
        config: CaptureConfig,
        clock: Clock,
        *,
        sample_rate: int = SAMPLE_RATE,
        driver: Driver | None = None,
        make_executor: Callable[[], Executor] = lambda: ThreadPoolExecutor(1, "audio-driver"),
    ) -> None:
        """Name a device; nothing is opened yet.

        Args:
            uri: as the user typed it, for messages.
            device: an index, a name or a part of one, or None for the default.
            config: length of a block, and how patient to be.
            clock: stamps blocks and times retries.
            sample_rate: preferred; a device that does not offer it is opened at its own default.
            driver: the audio system; PortAudio when None.
            make_executor: runs the calls to it, which may take long.
        """
        self._uri = uri
        self._wanted = device
        self._config = config
        self._clock = clock
        self._preferred_rate = sample_rate
        self._driver: Driver = PortAudio() if driver is None else driver
        self._make_executor = make_executor
        self._wake = threading.Event()
        self._health = SourceHealth()
        self._executor: Executor | None = None
        self._connection: _Connection | None = None
        self._attempt: Future[_Connection] | None = None
        self._retry_at: float | None = None
        self._retry_delay = config.retry
        self._next_sample: int | None = None
        self._last_captured: float | None = None
        self._device: DeviceInfo | None = None
        self._sample_rate = 0
        self._channels = 0

    def open(self) -> SourceInfo:
        """See ``Source.open``.

        Raises:
            SourceError: no PortAudio, no such device, it cannot be opened, or nothing answers.
        """
        self.close()
        self._health = SourceHealth()
        self._retry_at, self._retry_delay = None, self._config.retry
        self._next_sample = self._last_captured = None
        self._executor = self._make_executor()
        try:
            self._attempt = self._executor.submit(self._connect_first)
            self._connection = self._attempt.result()
        except BaseException:
            self.close()
            raise
        self._attempt = None
        assert self._device is not None
        return SourceInfo(
            uri=self._uri,
            name=self._device.name,
            sample_rate=self._sample_rate,
            channels=self._channels,
            live=True,
        )

    def read(self, timeout: float) -> CapturedBlock | None:
        """See ``Source.read``. Always returns in time; ``health`` says what is wrong.

        Raises:
            EOFError: it was closed, or never opened.
        """
        deadline = self._clock.monotonic() + timeout
        while self._executor is not None:
            self._wake.clear()
            block = self._next_block()
            if block is not None:
                return block
            now = self._clock.monotonic()
            look_again = self._look_after(now)
            if now >= deadline:
                return None
            self._clock.wait(self._wake, min(deadline, look_again) - now)
        raise EOFError

    def close(self) -> None:
        """See ``Source.close``. Waits a few seconds for the audio system."""
        executor, self._executor = self._executor, None
        attempt, self._attempt = self._attempt, None
        self._connection = None
        if executor is None:
            return
        while attempt is not None and not attempt.done():
            self._driver.close()
            # It may have been about to begin when the driver was closed.
            wait([attempt], 0.05)
        executor.shutdown()
        self._driver.close()

    def health(self) -> SourceHealth:
        """See ``Source.health``."""
        return self._health

    def _next_block(self) -> CapturedBlock | None:
        if self._connection is None or not self._connection.blocks:
            return None
        queued = self._connection.blocks.popleft()
        samples = queued.samples
        lost = 0
        overflows = self._health.overflows + queued.overflow
        if self._next_sample is not None:
            lost = queued.first_sample - self._next_sample
            overflows += lost > 0
        if (queued.overflow or self._next_sample is None) and self._last_captured is not None:
            # Nobody counted what is missing: the clock tells, to a few milliseconds.
            began = queued.captured - len(samples) / self._sample_rate
            lost = max(lost, round((began - self._last_captured) * self._sample_rate))
        self._next_sample = queued.first_sample + len(samples)
        self._last_captured = queued.captured
        self._retry_delay = self._config.retry
        self._health = replace(self._health, overflows=overflows, problem=None)
        if samples.shape[1] < self._channels:
            samples = np.repeat(samples[:, :1], self._channels, axis=1)
        return CapturedBlock(samples, queued.captured, lost)

    def _look_after(self, now: float) -> float:
        """Notice a loss, start a retry, see how it went; when to look again."""
        if self._attempt is not None:
            if not self._attempt.done():
                return math.inf
            self._finish_attempt(self._attempt, now)
        if self._connection is not None:
            stalled_at = self._connection.last_sign + self._config.stall
            if not self._connection.ended and now < stalled_at:
                return stalled_at
            if self._connection.blocks:
                return now  # they came in since read looked
            self._lose(now, "stopped" if self._connection.ended else "delivers no audio")
        assert self._retry_at is not None
        if now < self._retry_at:
            return self._retry_at
        assert self._executor is not None
        self._attempt = self._executor.submit(self._connect_again)
        self._attempt.add_done_callback(lambda _: self._wake.set())
        return now if self._attempt.done() else math.inf

    def _lose(self, now: float, what: str) -> None:
        assert self._device is not None
        self._connection = None
        self._next_sample = None
        self._retry_at = now + self._retry_delay
        self._health = replace(
            self._health, problem=f"{self._device.name!r} {what}; opening it again"
        )

    def _finish_attempt(self, attempt: Future[_Connection], now: float) -> None:
        assert self._device is not None
        self._attempt = None
        # Doubled before the outcome: a device that opens and stays silent is retried later, too.
        self._retry_delay = min(2 * self._retry_delay, self._config.retry_max)
        try:
            self._connection = attempt.result()
        except SourceError as error:
            self._retry_at = now + self._retry_delay
            self._health = replace(
                self._health,
                problem=f"{self._device.name!r} is gone; next try in {self._retry_delay:.1f} s "
                f"({error})",
            )
        else:
            self._connection.last_sign = max(self._connection.last_sign, now)
            self._health = replace(self._health, reopened=self._health.reopened + 1)

    def _connect_first(self) -> _Connection:
        """Driver's thread: find the device and settle on a rate and a number of channels."""
        device = find_device(self._driver.devices(), self._wanted, self._uri)
        if self._config.channels == "split" and device.channels <= _MAX_REAL_CHANNELS:
            self._channels = device.channels
        else:
            self._channels = min(device.channels, 2)
        self._device = device
        return self._connect(device, (self._preferred_rate, device.sample_rate))

    def _connect_again(self) -> _Connection:
        """Driver's thread: the same device, which may have another index now."""
        assert self._device is not None
        devices = self._driver.devices()
        wanted = None if self._wanted is None else self._device.name
        same_api = [d for d in devices if d.host_api == self._device.host_api]
        device = find_device(same_api or devices, wanted, self._uri)
        return self._connect(device, (self._sample_rate,))

    def _connect(self, device: DeviceInfo, sample_rates: tuple[int, ...]) -> _Connection:
        max_blocks = math.ceil(_QUEUE_SECONDS / self._config.block)
        connection = _Connection(self._clock, self._wake, max_blocks)
        self._sample_rate = self._driver.open(
            device,
            sample_rates,
            min(self._channels, device.channels),
            self._config.block,
            connection.on_block,
            connection.on_end,
        )
        return connection
