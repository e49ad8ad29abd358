"""A lane gives its rows back, and forgets what was rewound; levels, curves and marks beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from realtime_ser.marks import Mark, mark_flag, marks_of
from realtime_ser.peaks import PeakEnvelope
from realtime_ser.sinks.row_format import to_record
from realtime_ser.ui.curves import curve_dots
from realtime_ser.ui.lane import Lane
from realtime_ser.ui.level_history import LevelHistory
from tests.signals import silence, tone
from tests.ui.scenes import make_row


def test_rows_come_back_as_they_were_written() -> None:
    row = replace(
        make_row("angry", 0.7123, start=1.5, end=4.25, classes=("angry", "sad", "neutral")),
        stream="call", channel=1, arousal=0.31, valence=-0.52, adapted=12.0,
        utc="2026-01-02T03:04:05.678Z", flags=("derived",),
    )  # fmt: skip
    lane = Lane("call", 1)
    lane.add(row, offset=100.0)
    (painted,) = lane.painted(0.0, 1000.0)
    assert (painted.start, painted.end) == (101.5, 104.25)
    assert to_record(painted.row) == to_record(row)
    assert lane.at(103.0) == painted.row
    assert lane.at(101.4) is None
    assert lane.at(104.25) is None


def test_rows_survive_growing_and_forgetting() -> None:
    lane = Lane("call", 0, capacity=8)
    for i in range(40):
        lane.add(make_row(start=float(i), end=i + 1.0))
    assert 8 <= len(lane) <= 16
    assert [span.end for span in lane.painted(36.0, 40.0)] == [37.0, 38.0, 39.0, 40.0]
    assert lane.at(1.0) is None


def test_rewinding_forgets_what_came_later() -> None:
    lane = Lane()
    for i in range(10):
        lane.add(make_row(start=float(i), end=i + 1.0))
    lane.rewind(5.2)
    assert lane.end == 5.0
    lane.add(make_row("sad", start=5.2, end=6.0))
    row = lane.at(5.5)
    assert row is not None
    assert row.emotion == "sad"


def test_arousal_and_valence_are_means_of_columns() -> None:
    lane = Lane()
    lane.add(replace(make_row(start=0.0, end=1.0), arousal=0.2, valence=-0.4))
    lane.add(replace(make_row(start=1.0, end=2.0), arousal=0.6, valence=0.4))
    plane = lane.plane(0, 2, 2.0)
    assert plane[:, 0] == pytest.approx([0.4, 0.0])
    assert np.isnan(plane[:, 1]).all()


def test_levels_are_drawn_at_any_zoom() -> None:
    levels = LevelHistory()
    levels.add([(number, 1.0 if number == 25 else 0.001) for number in range(30)])
    assert levels.columns(0, 3, 1.0) == pytest.approx([0.0, 0.0, 1.0])
    assert levels.columns(24, 3, 0.1) == pytest.approx([0.0, 1.0, 0.0])
    levels.rewind(2.0)
    assert levels.columns(0, 3, 1.0) == pytest.approx([0.0, 0.0, 0.0])


def test_levels_of_a_day_do_not_fill_the_memory() -> None:
    levels = LevelHistory()
    for hour in range(30):
        levels.paint(hour * 36_000, hour * 36_000 + 600, -30.0)
    assert levels.columns(29 * 3600, 10, 1.0) == pytest.approx([0.5] * 10, abs=0.01)
    assert levels.columns(3600, 10, 1.0) == pytest.approx([0.0] * 10)
    assert len(levels._bins) <= 360_000


def test_the_envelope_is_the_same_in_blocks_of_any_size() -> None:
    samples = np.concatenate([silence(0.35), tone(0.5, dbfs=-20.0), silence(0.4)])
    found = []
    for size in (77, 512, len(samples)):
        peaks = PeakEnvelope()
        for start in range(0, len(samples), size):
            peaks.push(start, samples[start : start + size])
        found.append(peaks.newest())
    assert found[0] == found[1] == found[2]
    assert [number for number, _ in found[0]] == list(range(12))
    assert [peak > 0.05 for _, peak in found[0]] == [False] * 3 + [True] * 6 + [False] * 3


def test_the_envelope_goes_on_behind_a_gap() -> None:
    peaks = PeakEnvelope()
    peaks.push(0, tone(0.2))
    peaks.push(16_000, tone(0.25))
    assert [number for number, _ in peaks.newest()] == [0, 1, 10, 11]


def test_a_curve_is_drawn_from_bottom_to_top() -> None:
    cells = curve_dots(np.array([-1.0, 1.0, np.nan, np.nan]), 2)
    assert cells[:, 1].tolist() == [0, 0]
    assert [chr(0x2800 + cell) for cell in cells[:, 0].tolist()] == ["⢸", "⡸"]


@pytest.mark.parametrize(
    ("note", "kept"),
    [
        ("he shouts", "he shouts"),
        ("", ""),
        ("a;b\n\x1b[31m c\u2028d", "a,b [31m c d"),
        ("über: 愤怒 12:30", "über: 愤怒 12:30"),
        ("x" * 500, "x" * 200),
    ],
)
def test_a_mark_comes_back_from_its_flag(note: str, kept: str) -> None:
    flag = mark_flag(Mark(12.34, note))
    assert ";" not in flag
    assert flag.isprintable()
    row = replace(make_row(kind="alert"), flags=("derived", flag, "mark:soon"))
    assert marks_of(row) == [Mark(12.3, kept)]
