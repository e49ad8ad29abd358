"""A hundred calls for a minute: nobody waits for anybody, and every sample is accounted for."""

from __future__ import annotations

import numpy as np
import pytest

from realtime_ser.client.load import make_load, summary
from realtime_ser.client.recordings import Recording, encode
from tests.server.serving import serving
from tests.signals import silence, speech_like

CALLS = 100
SECONDS = 60


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
    assert [one.error for one in heard] == [None] * CALLS
    ends = [end for one in heard for end in one.ends]
    assert len(ends) == CALLS
    for end in ends:
        received, analysed, dropped = (
            round(end[name] * 16_000) for name in ("received", "analysed", "dropped")
        )
        assert received == SECONDS * 16_000
        assert received == analysed + dropped
    assert health.streams == 0
    assert f'fate="received"}} {float(CALLS * SECONDS)}' in metrics
    assert sum(len(one.rows) for one in heard) >= CALLS * (SECONDS // 6) * 6
    for one in heard:
        ends_of_rows = [row["end"] for row in one.rows]
        assert ends_of_rows == sorted(ends_of_rows)
