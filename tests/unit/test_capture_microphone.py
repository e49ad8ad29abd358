"""The microphone against a driver of our own: one thread, virtual time, every accident."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from realtime_ser.capture.devices import find_device, list_devices
from realtime_ser.capture.driver import DeviceInfo, OnBlock
from realtime_ser.capture.microphone import MicrophoneSource
from realtime_ser.config import CaptureConfig
from realtime_ser.errors import SourceError
from realtime_ser.testing import ManualClock

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from realtime_ser.types import AudioArray, CapturedBlock

BUILT_IN = DeviceInfo(0, "Built-in Audio", "ALSA", 2, 44_100, is_default=True)
HEADSET = DeviceInfo(2, "USB Headset", "ALSA", 1, 48_000, is_default=False)
MIXER = DeviceInfo(3, "USB Mixer", "ALSA", 8, 48_000, is_default=False)
VIRTUAL = DeviceInfo(5, "pulse", "ALSA", 32, 44_100, is_default=False)
CONFIG = CaptureConfig(stall=2.0, retry=0.5, retry_max=4.0)
BLOCK = 512


class FakeStream:
    def __init__(self, on_block: OnBlock, on_end: Callable[[], None]) -> None:
        self.on_block = on_block
        self.on_end = on_end
        self.closed = False


class FakeDriver:
    """Implements ``Driver``: what is plugged in and what it offers is up to the test."""

    def __init__(self, *plugged: DeviceInfo) -> None:
        self.plugged = list(plugged)
        self.rates = {16_000, 44_100, 48_000}
        self.streams: list[FakeStream] = []
        self.opened: list[tuple[str, int, int]] = []
        self.busy = False
        self.looked = 0
        self.closed = 0

    def devices(self, sample_rates: Sequence[int] = ()) -> list[DeviceInfo]:
        self.close()
        self.looked += 1
        offered = tuple(rate for rate in sample_rates if rate in self.rates)
        return [replace(device, sample_rates=offered) for device in self.plugged]

    def open(
        self,
        device: DeviceInfo,
        sample_rates: Sequence[int],
        channels: int,
        block: float,
        on_block: OnBlock,
        on_end: Callable[[], None],
    ) -> int:
        if self.busy:
            raise SourceError(f"mic: {device.name!r} cannot be opened (busy)")
        rate = next((r for r in sample_rates if r in self.rates), sample_rates[-1])
        self.opened.append((device.name, rate, channels))
        self.streams.append(FakeStream(on_block, on_end))
        return rate

    def close(self) -> None:
        self.closed += 1
        if self.streams:
            self.streams[-1].closed = True


class InlineExecutor:
    """Runs calls at once; ``stuck`` makes them wait until the driver is closed."""

    def __init__(self, driver: FakeDriver) -> None:
        self.stuck = False
        self._driver = driver

    def submit(self, call: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        if self.stuck:
            real, calls = self._driver.close, []

            def close() -> None:
                real()
                calls.append(1)
                if len(calls) == 2:
                    future.set_exception(SourceError("mic: closed"))

            self._driver.close = close  # type: ignore[method-assign]
            return future
        try:
            future.set_result(call())
        except Exception as error:  # noqa: BLE001 - as an executor does
            future.set_exception(error)
        return future

    def shutdown(self) -> None:
        pass


class Rig:
    """A microphone, its driver and its clock."""

    def __init__(
        self,
        *plugged: DeviceInfo,
        wanted: str | int | None = None,
        config: CaptureConfig = CONFIG,
    ) -> None:
        self.clock = ManualClock(1000.0, automatic=True)
        self.driver = FakeDriver(*(plugged or (BUILT_IN, HEADSET)))
        self.executor = InlineExecutor(self.driver)
        self.mic = MicrophoneSource(
            "mic",
            wanted,
            config,
            self.clock,
            driver=self.driver,
            make_executor=lambda: cast(Executor, self.executor),
        )

    def deliver(self, count: int = 1, *, overflow: bool = False, channels: int = 2) -> None:
        """The newest stream delivers blocks, each when its last sample has been captured."""
        for _ in range(count):
            self.clock.advance(BLOCK / 16_000)
            samples: AudioArray = np.full((BLOCK, channels), 0.25, np.float32)
            self.driver.streams[-1].on_block(samples, self.clock.monotonic(), overflow)

    def read(self, timeout: float = 0.0) -> CapturedBlock | None:
        return self.mic.read(timeout)

    @property
    def problem(self) -> str:
        return self.mic.health().problem or ""


def test_blocks_arrive_with_the_time_of_their_last_sample() -> None:
    rig = Rig()
    info = rig.mic.open()
    rig.deliver(2)

    first, second = rig.read(), rig.read()

    assert (info.name, info.sample_rate, info.channels) == ("Built-in Audio", 16_000, 2)
    assert info.live
    assert first is not None
    assert second is not None
    assert first.samples.shape == (BLOCK, 2)
    assert first.captured == pytest.approx(1000.032)
    assert second.captured == pytest.approx(1000.064)
    assert (first.lost, second.lost) == (0, 0)
    assert rig.mic.health() == rig.mic.health().__class__()


def test_read_returns_in_time_without_audio() -> None:
    rig = Rig()
    rig.mic.open()
    assert rig.read(0.25) is None
    assert rig.clock.monotonic() == pytest.approx(1000.25)


def test_a_rate_that_is_not_offered_is_opened_at_the_devices_own() -> None:
    rig = Rig(HEADSET)
    rig.driver.rates = {48_000}
    info = rig.mic.open()
    assert (info.sample_rate, info.channels) == (48_000, 1)
    assert rig.driver.opened == [("USB Headset", 48_000, 1)]


@pytest.mark.parametrize(
    ("device", "channels", "expected"),
    [
        (HEADSET, "mix", 1),
        (MIXER, "mix", 2),
        (MIXER, "split", 8),
        (VIRTUAL, "mix", 2),
        (VIRTUAL, "split", 2),
    ],
)
def test_channels(device: DeviceInfo, channels: Any, expected: int) -> None:
    rig = Rig(device, config=CaptureConfig(channels=channels))
    assert rig.mic.open().channels == expected


def test_overflow_is_counted_and_its_length_taken_from_the_clock() -> None:
    rig = Rig()
    rig.mic.open()
    rig.deliver()
    rig.clock.advance(0.5)
    rig.deliver(overflow=True)
    rig.read()
    block = rig.read()
    assert block is not None
    assert block.lost == 8_000
    assert rig.mic.health().overflows == 1
    assert rig.mic.health().problem is None


def test_a_reader_that_is_late_loses_the_oldest_and_knows_how_much() -> None:
    rig = Rig()
    rig.mic.open()
    rig.deliver()
    assert rig.read() is not None
    rig.deliver(100)  # 3.2 s, of which 63 blocks are kept
    block = rig.read()
    assert block is not None
    assert block.lost == (100 - 63) * BLOCK
    assert rig.mic.health().overflows == 1
    assert sum(rig.read() is not None for _ in range(62)) == 62
    assert rig.read() is None


def test_a_device_that_goes_silent_is_noticed_reopened_and_the_outage_is_reported() -> None:
    rig = Rig(HEADSET)
    rig.mic.open()
    rig.deliver(channels=1)
    assert rig.read() is not None

    assert rig.read(1.9) is None
    assert rig.problem == ""
    assert rig.read(0.2) is None
    assert rig.problem == "'USB Headset' delivers no audio; opening it again"

    assert rig.read(0.5) is None  # after capture.retry
    assert len(rig.driver.streams) == 2
    assert rig.driver.streams[0].closed
    assert rig.driver.looked == 2
    assert rig.mic.health().reopened == 1
    assert rig.problem  # not before audio flows

    before = rig.clock.monotonic()
    rig.deliver(channels=1)
    block = rig.read()
    assert block is not None
    assert block.lost == round((before - 1000.032) * 16_000)
    assert rig.problem == ""


def test_an_unplugged_device_is_noticed_at_once_and_tried_with_growing_pauses() -> None:
    rig = Rig(BUILT_IN, HEADSET, wanted="headset")
    rig.mic.open()
    rig.deliver(channels=1)
    rig.read()
    rig.driver.plugged.remove(HEADSET)
    rig.driver.streams[0].on_end()

    tries: list[float] = []
    start = rig.clock.monotonic()
    known = rig.driver.looked
    while rig.clock.monotonic() < start + 16:
        assert rig.read(0.1) is None
        assert "'USB Headset'" in rig.problem
        if rig.driver.looked > known:
            known = rig.driver.looked
            tries.append(rig.clock.monotonic() - start)

    assert np.diff([0.0, *tries]) == pytest.approx([0.5, 1, 2, 4, 4, 4], abs=0.2)
    assert "next try in 4.0 s" in rig.problem

    rig.driver.plugged.append(DeviceInfo(9, "USB Headset", "ALSA", 1, 48_000, is_default=False))
    assert rig.read(5.0) is None
    rig.deliver(channels=1)
    assert rig.read() is not None
    assert rig.problem == ""
    assert rig.mic.health().reopened == 1
    assert rig.driver.opened == [("USB Headset", 16_000, 1)] * 2


def test_audio_that_arrived_before_the_loss_is_still_delivered() -> None:
    rig = Rig()
    rig.mic.open()
    rig.deliver(3)
    rig.driver.streams[0].on_end()
    assert [rig.read() is not None for _ in range(4)] == [True, True, True, False]
    assert "stopped" in rig.problem


def test_a_block_and_the_end_of_the_stream_wake_a_waiting_reader() -> None:
    rig = Rig()
    rig.mic.open()
    happens = [lambda: rig.deliver(), lambda: rig.driver.streams[0].on_end()]
    woken: list[bool] = []

    def wait(wake: threading.Event, timeout: float) -> bool:
        if happens:
            happens.pop(0)()
        else:
            rig.clock.advance(timeout)
        woken.append(wake.is_set())
        return woken[-1]

    rig.clock.wait = wait  # type: ignore[method-assign]
    assert rig.read(0.1) is not None
    assert rig.read(0.1) is None
    assert "stopped" in rig.problem
    assert woken == [True, True, False]


def test_audio_that_arrives_while_read_decides_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig()
    rig.mic.open()
    real = rig.clock.monotonic
    looks = 0

    def monotonic() -> float:
        nonlocal looks
        looks += 1
        if looks == 2:  # between read's look at the queue and its look at the device
            rig.deliver()
            rig.driver.streams[0].on_end()
        return real()

    monkeypatch.setattr(rig.clock, "monotonic", monotonic)
    assert [rig.read() is not None for _ in range(3)] == [False, True, False]
    assert "stopped" in rig.problem


def test_late_audio_of_the_old_opening_is_ignored() -> None:
    rig = Rig(HEADSET)
    rig.mic.open()
    rig.read(2.1)
    rig.read(0.6)
    rig.driver.streams[0].on_block(np.ones((BLOCK, 1), np.float32), 1000.0, False)
    assert rig.read() is None
    assert rig.problem


def test_a_device_that_never_delivers_is_tried_less_and_less_often() -> None:
    rig = Rig(HEADSET)
    rig.mic.open()
    rig.read(60.0)
    # Each try costs the pause (at most 4 s) and the 2 s until the silence counts.
    assert 9 <= len(rig.driver.streams) <= 13
    assert rig.problem


def test_the_default_device_may_be_another_one_after_a_loss() -> None:
    rig = Rig(BUILT_IN, HEADSET)
    assert rig.mic.open().channels == 2
    rig.driver.plugged = [HEADSET]
    rig.driver.streams[0].on_end()
    rig.read(0.6)
    rig.deliver(channels=1)
    block = rig.read()
    assert rig.driver.opened[-1] == ("USB Headset", 16_000, 1)
    assert block is not None
    assert block.samples.shape == (BLOCK, 2)  # as promised by info


def test_a_driver_that_hangs_holds_neither_read_nor_close() -> None:
    rig = Rig(HEADSET)
    rig.mic.open()
    rig.executor.stuck = True
    assert rig.read(30.0) is None
    assert rig.clock.monotonic() == pytest.approx(1030.0)
    assert "opening it again" in rig.problem
    # Until the call that is under way has ended: it may begin something after a first close.
    rig.mic.close()
    assert rig.driver.closed >= 2


def test_a_bug_in_the_driver_is_no_outage() -> None:
    rig = Rig(HEADSET)
    rig.mic.open()
    rig.driver.devices = lambda _=(): 1 / 0  # type: ignore[method-assign, assignment, return-value, misc]
    with pytest.raises(ZeroDivisionError):
        rig.read(10.0)


def test_open_says_why_it_cannot_and_can_be_closed() -> None:
    rig = Rig(HEADSET)
    rig.driver.busy = True
    with pytest.raises(SourceError, match="cannot be opened"):
        rig.mic.open()
    rig.mic.close()


def test_close_stops_the_stream_and_reading_ends() -> None:
    rig = Rig()
    rig.mic.close()
    with pytest.raises(EOFError):
        rig.read()
    rig.mic.open()
    rig.mic.close()
    rig.mic.close()
    assert rig.driver.streams[0].closed
    with pytest.raises(EOFError):
        rig.read()


def test_find_device_by_name_part_case_index_and_default() -> None:
    all_devices = [BUILT_IN, HEADSET, MIXER]
    assert find_device(all_devices, None, "mic") is BUILT_IN
    assert find_device([HEADSET, MIXER], None, "mic") is HEADSET
    assert find_device(all_devices, 2, "mic:2") is HEADSET
    assert find_device(all_devices, "usb headset", "mic") is HEADSET
    assert find_device(all_devices, "mix", "mic:mix") is MIXER


def test_an_exact_name_wins_over_a_part() -> None:
    longer = DeviceInfo(1, "USB Headset 2", "ALSA", 1, 48_000, is_default=False)
    assert find_device([longer, HEADSET], "USB Headset", "mic") is HEADSET


def test_the_same_device_under_two_host_apis_is_no_ambiguity() -> None:
    twin = DeviceInfo(7, "USB Headset", "WASAPI", 1, 48_000, is_default=True)
    assert find_device([HEADSET, twin], "headset", "mic") is twin


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("usb", r"mic:x: several .*; choose one of 2 \(USB Headset\), 3 \(USB Mixer\)"),
        ("theremin", r"mic:x: no device .* name; choose one of 0 \(Built-in Audio\), 2"),
        (1, r"mic:x: no device .* index; choose one of 0 \(Built-in Audio\), 2"),
    ],
)
def test_what_does_not_name_one_device(wanted: str | int, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        find_device([BUILT_IN, HEADSET, MIXER], wanted, "mic:x")


def test_no_device_at_all() -> None:
    with pytest.raises(SourceError, match="connect a microphone"):
        find_device([], None, "mic")


def test_list_devices_tells_rates() -> None:
    driver = FakeDriver(BUILT_IN, HEADSET)
    driver.rates = {16_000, 11_025, 48_000}
    found = list_devices(driver)
    assert [d.name for d in found] == ["Built-in Audio", "USB Headset"]
    assert {d.sample_rates for d in found} == {(16_000, 48_000)}
    assert driver.closed == 2
