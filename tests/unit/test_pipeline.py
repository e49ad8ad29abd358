from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import count

import numpy as np
import pytest

from realtime_ser.alerts.flags import alerts_of
from realtime_ser.alerts.rules import parse_rules
from realtime_ser.alerts.watch import AlertWatch
from realtime_ser.batching import DuePiece, recognize_batch
from realtime_ser.config import Config
from realtime_ser.pipeline import StreamPipeline
from realtime_ser.segments import Segmenter
from realtime_ser.testing import ConstantRecognizer
from realtime_ser.timeline import Timeline
from realtime_ser.types import AudioArray, AudioBlock, SpeechDecision, TimelineRow

CLASSES = ("angry", "happy", "sad")
BLOCK = 512
STARTED = datetime(2026, 1, 1, tzinfo=UTC)


class LoudnessVad:
    """Speech is what is louder than -40 dBFS: a stand-in that tests can predict."""

    def __init__(self) -> None:
        self._position = 0
        self._rest = np.zeros(0, np.float32)

    def push(self, samples: AudioArray) -> list[SpeechDecision]:
        audio = np.concatenate([self._rest, samples])
        whole = len(audio) - len(audio) % BLOCK
        self._rest = audio[whole:]
        found = []
        for start in range(0, whole, BLOCK):
            loud = float(np.mean(np.square(audio[start : start + BLOCK]))) > 1e-4
            found.append(SpeechDecision(self._position, self._position + BLOCK, float(loud)))
            self._position += BLOCK
        return found

    def flush(self) -> list[SpeechDecision]:
        if len(self._rest) == 0:
            return []
        start, self._position = self._position, self._position + len(self._rest)
        self._rest = self._rest[:0]
        return [SpeechDecision(start, self._position, 0.0)]

    def skip_to(self, sample: int) -> None:
        self._position = sample
        self._rest = self._rest[:0]


def make_pipeline(config: Config | None = None, alerts: AlertWatch | None = None) -> StreamPipeline:
    config = config or Config()
    return StreamPipeline(
        vad=LoudnessVad(),  # type: ignore[arg-type]
        segmenter=Segmenter(config.segments, config.vad.threshold, config.vad.release),
        timeline=Timeline("call", 0, CLASSES, config.timeline, STARTED),
        config=config,
        unit_samples=1600,
        alerts=alerts,
    )


def loud(seconds: float) -> AudioArray:
    return np.full(round(seconds * 16_000), 0.1, np.float32)


def quiet(seconds: float) -> AudioArray:
    return np.zeros(round(seconds * 16_000), np.float32)


def run(
    blocks: Iterable[AudioBlock], pipeline: StreamPipeline, recognizer: ConstantRecognizer
) -> list[TimelineRow]:
    slot = recognizer.open()
    clock = count()
    rows: list[TimelineRow] = []

    def drain() -> None:
        while (piece := pipeline.due()) is not None:
            batch = [DuePiece(pipeline, slot, piece)]
            rows.extend(recognize_batch(recognizer, batch, lambda: float(next(clock)))[0])

    for block in blocks:
        pipeline.push(block)
        drain()
    pipeline.flush()
    drain()
    return rows


def one_stream(samples: AudioArray, size: int, captured: bool = False) -> list[AudioBlock]:
    return [
        AudioBlock(
            samples[start : start + size],
            start,
            (start + len(samples[start : start + size])) / 16_000 if captured else None,
        )
        for start in range(0, len(samples), size)
    ]


def recognizer() -> ConstantRecognizer:
    return ConstantRecognizer(CLASSES, probabilities=[0.7, 0.2, 0.1])


CALL = np.concatenate([quiet(1.0), loud(2.2), quiet(1.5), loud(0.8), quiet(1.0)])


@pytest.mark.parametrize("size", [160, 512, 1000, 8000, len(CALL)])
def test_any_block_size_gives_the_same_rows(size: int) -> None:
    fake = recognizer()
    rows = run(one_stream(CALL, size), make_pipeline(), fake)
    expected = run(one_stream(CALL, 512), make_pipeline(), recognizer())
    assert rows == expected
    assert [row.kind for row in rows].count("utterance") == 2
    assert fake.begun[0] == 2


def test_rows_lie_in_the_speech_and_hop_by_hop() -> None:
    rows = run(one_stream(CALL, 512), make_pipeline(), recognizer())
    first = [row for row in rows if row.end < 4.0]
    windows = [row for row in first if row.kind == "window"]
    (utterance,) = [row for row in first if row.kind == "utterance"]
    assert utterance.start == pytest.approx(0.9, abs=0.04)
    assert utterance.end == pytest.approx(3.4, abs=0.04)
    assert np.diff([row.end for row in windows]) == pytest.approx(0.5)
    assert all(utterance.start <= row.start < row.end <= utterance.end for row in windows)
    assert windows[0].end == pytest.approx(utterance.start + 0.5)


def test_the_recogniser_sees_each_sample_of_a_segment_once() -> None:
    fake = recognizer()
    rows = run(one_stream(CALL, 512), make_pipeline(), fake)
    speech = sum(row.end - row.start for row in rows if row.kind == "utterance")
    assert fake.samples[0] / 16_000 == pytest.approx(speech, abs=0.2)
    assert fake.samples[0] / 16_000 <= speech


def test_a_long_talk_is_not_kept() -> None:
    """Only what a segment can still reach; nor is silence."""
    pipeline, fake = make_pipeline(), recognizer()
    talk = np.concatenate([loud(75.0), quiet(20.0)])
    most = 0

    def blocks() -> Iterator[AudioBlock]:
        nonlocal most
        for block in one_stream(talk, 1600):
            yield block
            most = max(most, sum(len(held) for held in pipeline._history._blocks))

    run(blocks(), pipeline, fake)
    assert most <= 16_000


def test_the_first_emotion_comes_within_a_second_of_speech() -> None:
    pipeline, fake = make_pipeline(), recognizer()
    slot = fake.open()
    onset = 1.0
    for block in one_stream(CALL, 512):
        pipeline.push(block)
        if (piece := pipeline.due()) is not None:
            (rows,) = recognize_batch(fake, [DuePiece(pipeline, slot, piece)], lambda: 0.0)
            assert rows[0].kind == "window"
            assert block.end_sample / 16_000 - onset < 1.0
            return
    pytest.fail("no emotion at all")


def test_missing_audio_ends_the_segment_and_keeps_the_time_true() -> None:
    speech = np.concatenate([quiet(0.5), loud(1.0)])
    gap = 32_000
    late = [
        AudioBlock(block.samples, block.start_sample + len(speech) + gap, None)
        for block in one_stream(np.concatenate([loud(1.0), quiet(1.0)]), 512)
    ]
    rows = run([*one_stream(speech, 512), *late], make_pipeline(), recognizer())
    first, second = [row for row in rows if row.kind == "utterance"]
    assert first.end <= 1.5
    assert second.start >= 3.5
    assert second.end == pytest.approx(4.7, abs=0.05)


def test_speech_that_lasts_until_the_end_is_flushed() -> None:
    audio = one_stream(np.concatenate([quiet(0.5), loud(0.7)]), 512)
    rows = run(audio, make_pipeline(), recognizer())
    assert [row.kind for row in rows] == ["window", "utterance"]
    assert rows[-1].end == pytest.approx(1.2, abs=0.04)


def test_silence_says_nothing() -> None:
    fake = recognizer()
    assert run(one_stream(quiet(20.0), 512), make_pipeline(), fake) == []
    assert fake.batches == []


def test_level_and_latency_of_rows() -> None:
    rows = run(one_stream(CALL, 512, captured=True), make_pipeline(), recognizer())
    middle = rows[2]
    assert middle.level_dbfs == pytest.approx(-20.0, abs=0.7)
    # The fake clock says 2.0 at the third batch; the window's last sample came at ``end``.
    assert middle.latency_ms == pytest.approx((2.0 - middle.end) * 1000.0, abs=0.2)
    unpaced = run(one_stream(CALL, 512), make_pipeline(), recognizer())
    assert all(row.latency_ms is None for row in unpaced)


def test_status_tells_where_the_stream_is() -> None:
    pipeline = make_pipeline()
    for block in one_stream(np.concatenate([quiet(0.5), loud(0.5)]), 512):
        pipeline.push(block)
    status = pipeline.status()
    assert status.position == pytest.approx(1.0)
    assert status.speech
    assert status.level_dbfs == pytest.approx(-20.0, abs=0.1)
    assert status.peak_dbfs == pytest.approx(-20.0, abs=0.1)


def test_an_alert_stands_right_behind_the_row_that_raised_it() -> None:
    watch = AlertWatch(parse_rules(["loud: angry >= 0.6 for 2 s", "angry >= 0.6 for 3 s"]))
    rows = run(one_stream(CALL, 512), make_pipeline(alerts=watch), recognizer())
    assert [row for row in rows if row.kind != "alert"] == run(
        one_stream(CALL, 512), make_pipeline(), recognizer()
    )
    alerts = [row for row in rows if row.kind == "alert"]
    assert [alerts_of(alert) for alert in alerts] == [["loud"], ["angry-for-3-s"]]
    for alert in alerts:
        before = rows[rows.index(alert) - 1]
        assert (before.kind, before.end, before.utc) == ("window", alert.end, alert.utc)
        assert alert.start == rows[0].start
        assert alert.probabilities == before.probabilities
    assert [row.end for row in rows] == sorted(row.end for row in rows)
    # The second rule was completed by what was said after the pause.
    assert alerts[1].end > rows[-1].start


def test_alerts_do_not_depend_on_how_audio_is_cut() -> None:
    def found(size: int) -> list[TimelineRow]:
        watch = AlertWatch(parse_rules(["angry >= 0.6 for 2 s", "confidence >= 0.5 for 2.5 s"]))
        return run(one_stream(CALL, size), make_pipeline(alerts=watch), recognizer())

    assert found(160) == found(512) == found(len(CALL))
