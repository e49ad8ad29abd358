"""Rows become columns that tell the same story at any zoom."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_ser.ui.lane import NAMES, SILENCE, Lane
from realtime_ser.ui.timeline_model import Run, runs, ticks
from tests.ui.scenes import make_row


def names(codes: np.ndarray) -> list[str]:
    return ["-" if code == SILENCE else NAMES[code] for code in codes]


def test_nothing_is_silence() -> None:
    columns = Lane().columns(0, 5, 1.0)
    assert names(columns.codes) == ["-"] * 5
    assert columns.confidence.tolist() == [0.0] * 5


def test_a_window_paints_only_what_is_new() -> None:
    lane = Lane()
    lane.add(make_row("neutral", 0.6, start=0.0, end=2.0))
    lane.add(make_row("angry", 0.9, start=0.0, end=3.0))
    columns = lane.columns(0, 4, 1.0)
    assert names(columns.codes) == ["neutral", "neutral", "angry", "-"]
    assert columns.confidence == pytest.approx([0.6, 0.6, 0.9, 0.0])


def test_an_utterance_paints_what_no_window_reached() -> None:
    lane = Lane()
    lane.add(make_row("sad", 0.7, start=1.0, end=2.0, kind="utterance"))
    lane.add(make_row("happy", 0.8, start=4.0, end=5.0))
    lane.add(make_row("fear", 0.5, start=4.0, end=6.0, kind="utterance"))
    assert names(lane.columns(0, 6, 1.0).codes) == ["-", "sad", "-", "-", "happy", "fear"]


def test_alerts_and_uncertain_rows() -> None:
    lane = Lane()
    lane.add(make_row("angry", 0.9, start=0.0, end=1.0, kind="alert"))
    assert len(lane) == 0
    lane.add(make_row("angry", 0.3, start=0.0, end=1.0))
    assert names(lane.columns(0, 1, 1.0).codes) == ["uncertain"]


def test_a_column_shows_what_lasted_longest_with_its_own_confidence() -> None:
    lane = Lane()
    lane.add(make_row("happy", 0.5, start=0.0, end=0.3))
    lane.add(make_row("angry", 0.9, start=0.3, end=0.7))
    lane.add(make_row("happy", 0.7, start=0.7, end=1.0))
    columns = lane.columns(0, 1, 1.0)
    assert names(columns.codes) == ["happy"]
    assert columns.confidence[0] == pytest.approx(0.6)


def test_a_sliver_of_speech_does_not_fill_a_column() -> None:
    lane = Lane()
    lane.add(make_row("happy", 0.9, start=0.95, end=2.0))
    assert names(lane.columns(0, 2, 1.0).codes) == ["-", "happy"]


def test_a_short_word_survives_the_widest_zoom() -> None:
    lane = Lane()
    lane.add(make_row("happy", 0.9, start=100.0, end=100.4))
    codes = lane.columns(0, 10, 36.0).codes
    assert names(codes)[2] == "happy"


@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(
        st.tuples(
            st.sampled_from(["angry", "happy", "sad"]),
            st.integers(0, 4),
            st.integers(1, 6),
            st.integers(4, 10),
        ),
        max_size=30,
    ),
    first=st.integers(0, 40),
    count=st.integers(1, 80),
    zoom=st.sampled_from([0.5, 1.0, 2.0, 7.5]),
)
def test_columns_agree_with_painting_each_tenth_of_a_second(
    pieces: list[tuple[str, int, int, int]], first: int, count: int, zoom: float
) -> None:
    lane = Lane()
    canvas = np.full(40 * 800, -1)
    strength = np.zeros(len(canvas))
    tenth = 0
    for name, gap, length, confidence in pieces:
        start, tenth = tenth + gap * 5, tenth + gap * 5 + length * 5
        lane.add(make_row(name, confidence / 10, start=start / 10, end=tenth / 10))
        canvas[start:tenth] = NAMES.index(name)
        strength[start:tenth] = confidence / 10
    columns = lane.columns(first, count, zoom)
    width = round(zoom * 10)
    for i in range(count):
        at = slice((first + i) * width, (first + i + 1) * width)
        spoken = canvas[at][canvas[at] >= 0]
        if not len(spoken):
            assert columns.codes[i] == SILENCE
            continue
        counts = np.bincount(spoken, minlength=len(NAMES))
        code = columns.codes[i]
        assert counts[code] == counts.max()
        assert columns.confidence[i] == pytest.approx(
            strength[at][canvas[at] == code].mean(), abs=1e-6
        )


def test_past_columns_never_change() -> None:
    lane = Lane()
    for i in range(10):
        lane.add(make_row("angry", 0.5 + i / 100, start=i * 0.5, end=(i + 1) * 0.5))
    before = lane.columns(0, 5, 1.0)
    lane.add(make_row("happy", 0.9, start=2.0, end=8.0))
    after = lane.columns(0, 5, 1.0)
    assert before.codes.tolist() == after.codes.tolist()
    assert before.confidence.tolist() == after.confidence.tolist()


def test_memory_is_bounded_and_the_newest_stays() -> None:
    lane = Lane(capacity=100)
    for i in range(1000):
        lane.add(make_row("angry" if i % 2 else "happy", 0.8, start=i, end=i + 1))
    assert 100 <= len(lane) <= 200
    assert lane.end == 1000
    assert names(lane.columns(996, 5, 1.0).codes) == ["happy", "angry", "happy", "angry", "-"]
    assert names(lane.columns(0, 3, 1.0).codes) == ["-"] * 3


def test_since_looks_back_to_the_change() -> None:
    lane = Lane()
    assert lane.since() == 0.0
    lane.add(make_row("happy", 0.8, start=0.0, end=1.0))
    lane.add(make_row("angry", 0.8, start=0.0, end=1.5))
    lane.add(make_row("angry", 0.6, start=0.0, end=2.0))
    assert lane.since() == 1.0
    lane.add(make_row("angry", 0.6, start=9.0, end=10.0))
    assert lane.since() == 9.0


def test_runs() -> None:
    codes = np.array([SILENCE, 0, 0, 3, SILENCE, SILENCE, 3], np.int8)
    assert runs(codes) == [Run(1, 3, 0), Run(3, 4, 3), Run(6, 7, 3)]
    assert runs(codes[:0]) == []


@pytest.mark.parametrize("zoom", [0.5, 0.517, 1.0, 2.0, 36.0])
@pytest.mark.parametrize("first", [0, 17, 4000])
def test_ticks_are_true_and_do_not_touch(first: int, zoom: float) -> None:
    marks = ticks(first, 70, zoom)
    assert len(marks) >= 2
    for (column, text), (following, _) in pairwise(marks):
        assert column + 1 + len(text) < following
    for column, text in marks:
        seconds = sum(int(part) * 60**i for i, part in enumerate(reversed(text.split(":"))))
        assert abs((first + column) * zoom - seconds) <= zoom
    assert marks[-1][0] + 1 + len(marks[-1][1]) <= 70


def test_each_run_has_times_of_its_own() -> None:
    assert ticks(0, 60, 1.0, (0.0, 33.0)) == [
        (0, "0:00"), (10, "0:10"), (20, "0:20"), (33, "0:00"), (43, "0:10"), (53, "0:20"),
    ]  # fmt: skip
    assert ticks(25, 30, 1.0, (0.0, 33.0)) == [(8, "0:00"), (18, "0:10")]
    assert ticks(40, 30, 1.0, (0.0, 33.0)) == [(3, "0:10"), (13, "0:20"), (23, "0:30")]
