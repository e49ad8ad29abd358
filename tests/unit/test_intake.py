from __future__ import annotations

import threading

import numpy as np
import pytest

from realtime_ser.capture.source import SourceInfo
from realtime_ser.intake import Intake
from realtime_ser.ring import RingBuffer
from realtime_ser.types import SAMPLE_RATE, CapturedBlock


def make(rate: int) -> tuple[Intake, RingBuffer]:
    ring = RingBuffer(SAMPLE_RATE, blocking=False)
    info = SourceInfo("mic", "mic", rate, channels=1, live=True)
    return Intake(info, [ring], channels=None, abort=threading.Event()), ring


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_the_clock_keeps_time_over_an_hour_of_pause(rate: int) -> None:
    intake, ring = make(rate)
    block, left_out = round(rate * 0.032), 0
    while left_out < 3600 * rate:
        intake.skip(block)
        left_out += block
    intake.take(CapturedBlock(np.full((rate, 1), 0.1, np.float32), 0.0))
    heard = ring.read(SAMPLE_RATE)
    assert heard is not None
    assert heard.start_sample == pytest.approx(left_out * SAMPLE_RATE / rate, abs=1.0)
