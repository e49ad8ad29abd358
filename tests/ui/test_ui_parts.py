"""The small parts: bars, big letters, peak hold, clocks, the sink."""

from __future__ import annotations

import numpy as np
import pytest

from realtime_ser.types import EMOTIONS, UNCERTAIN
from realtime_ser.ui.bars import horizontal, joined, styled, verticals
from realtime_ser.ui.big_text import big_text
from realtime_ser.ui.peak_hold import FALL, HOLD, PeakHold
from realtime_ser.ui.sink import UiSink
from realtime_ser.ui.times import clock_tenths, clock_text
from tests.ui.scenes import make_row

MOODS = [
    "starting",
    "listening",
    "hearing",
    "silence",
    "muted",
    "no sound",
    "learning",
    "paused",
    "ended",
    "failed",
]


@pytest.mark.parametrize(
    ("share", "bar"),
    [(0.0, ""), (0.5, "██"), (0.625, "██▌"), (1.0, "████"), (7.0, "████"), (1e-6, "▏"), (-1, "")],
)
def test_horizontal(share: float, bar: str) -> None:
    assert horizontal(share, 4) == bar


def test_verticals() -> None:
    filled = verticals(np.array([0.0, 1e-6, 0.25, 0.5, 0.75, 1.0, 7.0, -1.0]), 2)
    assert filled.tolist() == [[0, 0, 0, 0, 4, 8, 8, 0], [0, 1, 4, 8, 8, 8, 8, 0]]


def test_styled() -> None:
    cells = np.array([[0, 1, 1, 2], [2, 2, 0, 0]])
    everywhere = np.array([0, 0, -1, 0])
    assert styled(cells, "abc", everywhere, ["red", "blue"]) == [
        [("ab", "red"), ("b", "blue"), ("c", "red")],
        [("cc", "red"), ("a", "blue"), ("a", "red")],
    ]
    each = np.array([[0, 0, 0, 0], [1, 1, 0, 0]])
    assert styled(cells, "abc", each, ["red", "blue"]) == [
        [("abbc", "red")],
        [("cc", "blue"), ("aa", "red")],
    ]
    assert styled(cells[:, :0], "abc", each[:, :0], ["red"]) == [[], []]


def test_joined() -> None:
    cells = [("a", "red"), ("b", "red"), ("c", "blue"), ("d", "red")]
    assert joined(cells) == [("ab", "red"), ("c", "blue"), ("d", "red")]


@pytest.mark.parametrize("word", [*EMOTIONS, UNCERTAIN, *MOODS])
@pytest.mark.parametrize("scale", [1, 2])
def test_every_word_of_the_screen_can_be_drawn(word: str, scale: int) -> None:
    rows = big_text(word, scale)
    assert len(rows) == (3 if scale == 1 else 5)
    assert len({len(row) for row in rows}) == 1
    assert any(row.strip() for row in rows)


def test_big_text() -> None:
    assert big_text("hi") == ["█ █ █", "█▀█ █", "▀ ▀ ▀"]


def test_a_peak_is_held_and_then_falls() -> None:
    peak = PeakHold()
    assert peak.update(0.0, -10.0) == -10.0
    assert peak.update(HOLD, -40.0) == -10.0
    assert peak.update(HOLD + 1.0, -40.0) == pytest.approx(-10.0 - FALL)
    assert peak.update(HOLD + 1.1, -5.0) == -5.0


@pytest.mark.parametrize(
    ("seconds", "text", "tenths"),
    [
        (0.0, "0:00", "0:00.0"),
        (3.46, "0:03", "0:03.5"),
        (59.96, "0:59", "1:00.0"),
        (61.04, "1:01", "1:01.0"),
        (3600.0, "1:00:00", "1:00:00.0"),
        (-1.0, "0:00", "0:00.0"),
    ],
)
def test_clocks(seconds: float, text: str, tenths: str) -> None:
    assert clock_text(seconds) == text
    assert clock_tenths(seconds) == tenths


def test_the_sink_hands_over_each_row_once_and_in_order() -> None:
    sink = UiSink()
    sink.open()
    rows = [make_row(end=i + 1.0) for i in range(3)]
    for row in rows:
        sink.write(row)
    sink.close()
    assert sink.take() == rows
    assert sink.take() == []


def test_a_sink_that_nobody_empties_keeps_the_newest_and_never_waits() -> None:
    sink = UiSink(capacity=10)
    for i in range(1000):
        sink.write(make_row(end=i + 1.0))
    assert [row.end for row in sink.take()] == [float(i) for i in range(991, 1001)]
