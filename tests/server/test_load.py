"""Many calls at once: nobody waits for anybody, and every sample is accounted for."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import as_file, files

import numpy as np
import pytest

from realtime_ser.assembly import load_recognizer
from realtime_ser.client.load import make_load, summary
from realtime_ser.client.recordings import Heard, Recording, encode, read_recording
from realtime_ser.config import Config
from realtime_ser.types import EMOTIONS
from tests.server.serving import serving
from tests.signals import silence, speech_like

CALLS = 100
SECONDS = 60


def check_accounts(heard: list[Heard], seconds: int) -> None:
    assert [one.error for one in heard] == [None] * len(heard)
    ends = [end for one in heard for end in one.ends]
    assert len(ends) == len(heard)
    for end in ends:
        received, analysed, dropped = (
            round(end[name] * 16_000) for name in ("received", "analysed", "dropped")
        )
        assert received == seconds * 16_000
        assert received == analysed + dropped
    for one in heard:
        ends_of_rows = [row["end"] for row in one.rows]
        assert ends_of_rows == sorted(ends_of_rows)


@pytest.mark.slow
async def test_a_hundred_calls_for_a_minute() -> None:
    phrase = np.concatenate([speech_like(4.0, sample_rate=8000), silence(2.0, sample_rate=8000)])
    voice = np.tile(phrase, SECONDS // 6)
    recordings = [
        Recording(encode(np.roll(voice, 8000 * shift)[:, None], "mulaw"), 8000, 1, "mulaw")
        for shift in range(6)
    ]
    async with serving() as stage:
        heard = await make_load(f"ws://{stage.url}", recordings, CALLS)
        health = stage.floor.health()
        _, metrics = await stage.get("/metrics")
    print("\n".join(summary(heard)))  # noqa: T201 - figures for whoever runs it by hand
    check_accounts(heard, SECONDS)
    assert health.streams == 0
    assert f'fate="received"}} {float(CALLS * SECONDS)}' in metrics
    assert sum(len(one.rows) for one in heard) >= CALLS * (SECONDS // 6) * 6


@pytest.mark.slow
async def test_calls_with_the_shipped_model_and_detector() -> None:
    calls, seconds = 24, 20
    with as_file(files("realtime_ser") / "data" / "demo.ogg") as recording:
        call = read_recording(recording, "mulaw", 8000, 1)
    recordings = [
        replace(call, data=call.data[start : start + seconds * call.second])
        for start in range(0, 20 * call.second, 5 * call.second)
    ]
    config = Config()
    async with serving(config, recognizer=load_recognizer(config, many=True)) as stage:
        heard = await make_load(f"ws://{stage.url}", recordings, calls)
    check_accounts(heard, seconds)
    for one in heard:
        kinds = {row["type"] for row in one.rows}
        assert kinds >= {"window", "utterance"}
        for row in one.rows:
            shares = [row[name] for name in EMOTIONS if row[name] is not None]
            assert sum(shares) == pytest.approx(1.0, abs=0.01)
