from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from realtime_ser.config import TimelineConfig
from realtime_ser.timeline import Timeline
from realtime_ser.types import Prediction

RATE = 16_000
HOP = RATE // 2
STARTED = datetime(2025, 3, 1, 10, 0, 0, tzinfo=UTC)


def timeline(
    classes: tuple[str, ...] = ("angry", "neutral"),
    *,
    smoothing: float = 0.0,
    uncertain_below: float = 0.0,
    started: datetime = STARTED,
) -> Timeline:
    config = TimelineConfig(uncertain_below=uncertain_below, smoothing=smoothing)
    return Timeline("call", 1, classes, config, started)


def says(*window: float, utterance: tuple[float, ...] | None = None) -> Prediction:
    return Prediction(
        window=np.array(window, dtype=np.float32),
        utterance=np.array(utterance or window, dtype=np.float32),
        scales=np.array([window], dtype=np.float32),
        adapted=12.5,
    )


def test_a_row_says_what_when_and_how_late() -> None:
    stream = timeline()
    stream.begin(RATE)
    row = stream.window(RATE, 2 * RATE, says(0.8, 0.2), -20.0, captured=100.0, now=100.04124)
    assert (row.stream, row.channel, row.kind) == ("call", 1, "window")
    assert (row.start, row.end) == (1.0, 2.0)
    assert row.utc == "2025-03-01T10:00:02.000Z"
    assert row.emotion == "angry"
    assert row.confidence == pytest.approx(0.8)
    assert row.probabilities == pytest.approx({"angry": 0.8, "neutral": 0.2})
    assert (row.arousal, row.valence) == pytest.approx((0.8 * 0.59, -0.8 * 0.51))
    assert (row.level_dbfs, row.adapted) == (-20.0, 12.5)
    assert row.latency_ms == 41.2
    assert row.flags == ("derived",)


def test_unpaced_audio_has_no_latency() -> None:
    stream = timeline()
    stream.begin(0)
    assert stream.window(0, HOP, says(1.0, 0.0), -20.0, None, 5.0).latency_ms is None


def test_first_row_of_a_segment_is_not_smoothed_the_next_ones_are() -> None:
    stream = timeline(smoothing=0.5)
    stream.begin(0)
    shares = [
        stream.window(0, (n + 1) * HOP, says(angry, 1 - angry), -20.0, None, 0.0).probabilities
        for n, angry in enumerate((1.0, 0.0, 0.0))
    ]
    decay = math.exp(-0.5 / 0.5)
    assert [share["angry"] for share in shares] == pytest.approx([1.0, decay, decay**2])
    assert [sum(share.values()) for share in shares] == pytest.approx([1.0] * 3)


def test_smoothing_counts_time_not_rows() -> None:
    rows = []
    for ends in ([HOP, 5 * HOP], [HOP, 2 * HOP, 3 * HOP, 4 * HOP, 5 * HOP]):
        stream = timeline(smoothing=0.7)
        stream.begin(0)
        for end in ends:
            angry = 1.0 if end == HOP else 0.0
            row = stream.window(0, end, says(angry, 1 - angry), -20.0, None, 0.0)
        rows.append(row)
    assert rows[0].probabilities == pytest.approx(rows[1].probabilities)


def test_smoothing_ends_with_its_segment() -> None:
    stream = timeline(smoothing=5.0)
    stream.begin(0)
    stream.window(0, HOP, says(1.0, 0.0), -20.0, None, 0.0)
    stream.utterance(0, HOP, says(1.0, 0.0), -20.0, None, 0.0)
    stream.begin(HOP)
    row = stream.window(HOP, 2 * HOP, says(0.0, 1.0), -20.0, None, 0.0)
    assert row.probabilities == {"angry": 0.0, "neutral": 1.0}


def test_a_segment_that_never_ended_is_forgotten_too() -> None:
    stream = timeline(smoothing=5.0)
    stream.begin(0)
    stream.window(0, HOP, says(1.0, 0.0), -20.0, None, 0.0)
    stream.begin(HOP)
    row = stream.window(HOP, 2 * HOP, says(0.0, 1.0), -20.0, None, 0.0)
    assert row.emotion == "neutral"
    assert row.confidence == 1.0


def test_smoothing_can_be_switched_off() -> None:
    stream = timeline(smoothing=0.0)
    stream.begin(0)
    stream.window(0, HOP, says(1.0, 0.0), -20.0, None, 0.0)
    row = stream.window(0, 2 * HOP, says(0.25, 0.75), -20.0, None, 0.0)
    assert row.probabilities == {"angry": 0.25, "neutral": 0.75}


def test_utterance_is_the_whole_segment_unsmoothed() -> None:
    stream = timeline(smoothing=5.0)
    stream.begin(0)
    stream.window(0, HOP, says(1.0, 0.0), -20.0, None, 0.0)
    prediction = says(1.0, 0.0, utterance=(0.25, 0.75))
    row = stream.utterance(0, HOP, prediction, -21.0, None, 0.0, flags=["forced"])
    assert (row.kind, row.emotion, row.start, row.end) == ("utterance", "neutral", 0.0, 0.5)
    assert row.probabilities == {"angry": 0.25, "neutral": 0.75}
    assert row.flags == ("derived", "forced")


@pytest.mark.parametrize(
    ("angry", "neutral", "emotion"),
    [
        (0.35, 0.3, "uncertain"),
        (0.41, 0.3, "angry"),
        (0.39996, 0.3, "angry"),  # written as 0.4, which is not below 0.4
        (0.39994, 0.3, "uncertain"),
    ],
)
def test_low_confidence_is_uncertain(angry: float, neutral: float, emotion: str) -> None:
    stream = timeline(("angry", "neutral", "sad"), uncertain_below=0.4)
    stream.begin(0)
    prediction = says(angry, neutral, 1.0 - angry - neutral)
    row = stream.window(0, HOP, prediction, -20.0, None, 0.0)
    assert row.emotion == emotion
    assert row.confidence == pytest.approx(max(prediction.window), abs=1e-6)


def test_classes_may_come_in_any_order() -> None:
    stream = timeline(("sad", "angry", "happy"))
    stream.begin(0)
    row = stream.window(0, HOP, says(0.2, 0.1, 0.7), -20.0, None, 0.0)
    assert list(row.probabilities) == ["angry", "happy", "sad"]
    assert row.emotion == "happy"


def test_utc_is_rounded_and_converted() -> None:
    zone = timezone(timedelta(hours=2))
    stream = timeline(started=datetime(2025, 12, 31, 23, 59, 59, 999_600, tzinfo=zone))
    stream.begin(0)
    row = stream.window(0, HOP, says(1.0, 0.0), -20.0, None, 0.0)
    assert row.utc == "2025-12-31T22:00:00.500Z"


def test_a_window_and_the_utterance_may_end_together() -> None:
    stream = timeline()
    stream.begin(0)
    stream.window(0, HOP, says(1.0, 0.0), -20.0, None, 0.0)
    stream.utterance(0, HOP, says(1.0, 0.0), -20.0, None, 0.0)
    stream.begin(HOP)


class TestMistakesOfTheCaller:
    def test_no_segment(self) -> None:
        with pytest.raises(ValueError, match="begin"):
            timeline().window(0, HOP, says(1.0, 0.0), -20.0, None, 0.0)

    def test_no_segment_after_an_utterance(self) -> None:
        stream = timeline()
        stream.begin(0)
        stream.utterance(0, HOP, says(1.0, 0.0), -20.0, None, 0.0)
        with pytest.raises(ValueError, match="begin"):
            stream.window(0, HOP, says(1.0, 0.0), -20.0, None, 0.0)

    @pytest.mark.parametrize(("start", "end"), [(HOP, HOP), (2 * HOP, HOP), (0, 2 * HOP)])
    def test_empty_or_before_the_segment(self, start: int, end: int) -> None:
        stream = timeline()
        stream.begin(HOP)
        with pytest.raises(ValueError, match="empty or starts before"):
            stream.utterance(start, end, says(1.0, 0.0), -20.0, None, 0.0)

    def test_ends_go_back(self) -> None:
        stream = timeline()
        stream.begin(0)
        stream.window(0, 2 * HOP, says(1.0, 0.0), -20.0, None, 0.0)
        with pytest.raises(ValueError, match="comes after"):
            stream.window(0, HOP, says(1.0, 0.0), -20.0, None, 0.0)
        with pytest.raises(ValueError, match="two rows"):
            stream.window(0, 2 * HOP, says(1.0, 0.0), -20.0, None, 0.0)
        with pytest.raises(ValueError, match="starts before the row"):
            stream.begin(HOP)

    @pytest.mark.parametrize("window", [(0.5, 0.4), (1.5, -0.5), (math.nan, 1.0), (1.0,)])
    def test_no_distribution(self, window: tuple[float, ...]) -> None:
        stream = timeline()
        stream.begin(0)
        with pytest.raises(ValueError, match=r"distribution|scores"):
            stream.window(0, HOP, says(*window), -20.0, None, 0.0)

    def test_a_refused_row_leaves_no_trace(self) -> None:
        stream = timeline(smoothing=1.0)
        stream.begin(0)
        with pytest.raises(ValueError, match="flag"):
            stream.window(0, HOP, says(1.0, 0.0), -20.0, None, 0.0, flags=["a;b"])
        row = stream.window(0, HOP, says(0.0, 1.0), -20.0, None, 0.0)
        assert row.emotion == "neutral"

    @pytest.mark.parametrize("classes", [("angry", "bored"), ("angry", "angry"), ()])
    def test_classes_without_a_column(self, classes: tuple[str, ...]) -> None:
        with pytest.raises(ValueError, match="classes"):
            timeline(classes)

    def test_time_without_a_zone(self) -> None:
        with pytest.raises(ValueError, match="time zone"):
            timeline(started=datetime(2025, 1, 1))
