from __future__ import annotations

import pytest

from realtime_ser.stats import CpuMeter


def test_nothing_is_known_of_the_processor_at_first() -> None:
    meter = CpuMeter()
    assert meter.share(10.0, 3.0) is None
    assert meter.share(10.5, 3.4) is None


def test_the_share_of_a_core_is_that_of_the_last_seconds() -> None:
    meter = CpuMeter(seconds=5.0)
    meter.share(0.0, 0.0)
    assert meter.share(1.0, 0.5) == pytest.approx(0.5)
    for second in range(2, 20):
        share = meter.share(float(second), 0.5 + 0.1 * (second - 1))
    assert share == pytest.approx(0.1)


def test_a_reading_is_taken_once_a_second() -> None:
    meter = CpuMeter()
    meter.share(0.0, 0.0)
    assert meter.share(1.0, 0.2) == pytest.approx(0.2)
    assert meter.share(1.9, 100.0) == pytest.approx(0.2)
    assert meter.share(2.0, 0.4) == pytest.approx(0.2)


def test_several_cores_are_more_than_one() -> None:
    meter = CpuMeter()
    meter.share(0.0, 0.0)
    assert meter.share(2.0, 5.0) == pytest.approx(2.5)


def test_after_long_without_a_look_the_share_is_that_of_all_that_time() -> None:
    meter = CpuMeter(seconds=5.0)
    meter.share(0.0, 0.0)
    meter.share(1.0, 1.0)
    assert meter.share(101.0, 11.0) == pytest.approx(0.1)
    assert meter.share(102.0, 12.0) == pytest.approx(11.0 / 101.0)
    for second in range(103, 108):
        share = meter.share(float(second), 12.0)
    assert share == pytest.approx(0.0)
