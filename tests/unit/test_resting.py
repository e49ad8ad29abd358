"""The detector on many streams at once gives what it gives on each alone."""

from __future__ import annotations

import numpy as np
import pytest

from realtime_ser.config import VadConfig
from realtime_ser.types import AudioArray
from realtime_ser.vad import decide_all, make_vad
from tests.signals import silence, speech_like, white_noise

STREAMS = [
    np.concatenate([silence(1.0), speech_like(1.5), silence(1.2), speech_like(0.7, seed=3)]),
    np.concatenate(
        [white_noise(2.0, dbfs=-50.0), speech_like(2.0, seed=1), white_noise(0.7, dbfs=-50.0)]
    ),
    speech_like(3.0, seed=2),
    silence(4.0),
    speech_like(0.02),
]


@pytest.mark.parametrize("backend", ["silero", "webrtc", "cascade"])
@pytest.mark.parametrize("cut", [160, 1024, 7000])
def test_streams_heard_together_equal_each_alone(backend: str, cut: int) -> None:
    vad = make_vad(VadConfig(backend=backend))  # type: ignore[arg-type]
    alone = [[d.probability for d in vad.stream().push(audio)] for audio in STREAMS]
    streams = [vad.stream() for _ in STREAMS]
    together: list[list[float]] = [[] for _ in STREAMS]
    for start in range(0, max(map(len, STREAMS)), cut):
        # A stream that has ended is not among those that are pushed.
        going = [i for i, audio in enumerate(STREAMS) if len(audio) > start]
        pushes = [(streams[i], STREAMS[i][start : start + cut]) for i in going]
        for i, decisions in zip(going, decide_all(pushes), strict=True):
            together[i] += [d.probability for d in decisions]
    for found, expected in zip(together, alone, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert max(together[2]) > 0.9, "the test hears no speech"


def test_decisions_of_streams_heard_together_have_their_own_places() -> None:
    vad = make_vad(VadConfig())
    one, other = vad.stream(), vad.stream()
    other.skip_to(16_000)
    ((first,), later) = decide_all([(one, audio(512)), (other, audio(1200))])
    assert (first.start_sample, first.end_sample) == (0, 512)
    assert [d.start_sample for d in later] == [16_000, 16_512]


def test_nothing_is_decided_of_nothing() -> None:
    vad = make_vad(VadConfig())
    assert decide_all([]) == []
    assert decide_all([(vad.stream(), audio(100)), (vad.stream(), audio(0))]) == [[], []]


def audio(samples: int) -> AudioArray:
    return speech_like(1.0)[:samples]
