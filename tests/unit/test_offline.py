from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from realtime_ser import offline
from realtime_ser.assembly import pipeline_factory
from realtime_ser.config import Config
from realtime_ser.offline import Recording, run_offline
from realtime_ser.pipeline import StreamPipeline
from realtime_ser.testing import ConstantRecognizer
from tests.signals import speech_like

CLASSES = ("angry", "neutral", "sad")


@pytest.mark.parametrize(
    ("seconds", "read_before"),
    [
        # The recording that no longer fits is read, and waits for the next group.
        ([2.0, 2.0, 2.0, 2.0], [3, 3, 4, 4]),
        ([9.0, 1.0, 1.0, 1.0], [2, 4, 4, 4]),
        ([1.0, 9.0, 1.0, 1.0], [2, 3, 4, 4]),
    ],
)
def test_few_recordings_are_in_memory_where_they_are_long(
    monkeypatch: pytest.MonkeyPatch, seconds: list[float], read_before: list[int]
) -> None:
    fake = ConstantRecognizer(CLASSES, probabilities=[0.7, 0.2, 0.1])
    make = pipeline_factory(Config(), fake)
    whole = [Recording(str(i), speech_like(s, seed=i)) for i, s in enumerate(seconds)]
    read: list[str] = []

    def recordings() -> Iterator[Recording]:
        for recording in whole:
            read.append(recording.name)
            yield recording

    def pipeline(name: str) -> StreamPipeline:
        return make(name, 0, datetime(2025, 1, 1, tzinfo=UTC))

    together = list(run_offline(whole, fake, pipeline))
    monkeypatch.setattr(offline, "SAMPLES_AT_ONCE", 5 * 16_000)
    counts, found = [], []
    for result in run_offline(recordings(), fake, pipeline):
        counts.append(len(read))
        found.append(result)
    assert counts == read_before
    assert [(r.name, rows) for r, rows in found] == [(r.name, rows) for r, rows in together]
