"""What is in sight on the screen becomes a picture and a timeline."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from realtime_ser.errors import SinkError
from realtime_ser.report.excerpt import write_excerpt
from realtime_ser.report.picture import about, curve, draw, outlines
from realtime_ser.sinks.reader import read_timeline
from realtime_ser.sinks.row_format import to_record
from realtime_ser.stats import Turn
from realtime_ser.ui.lane import Painted
from realtime_ser.ui.session import Session
from tests.ui.scenes import (
    CALL,
    CLASSES,
    make_health,
    make_row,
    make_status,
    speech_rows,
)


@pytest.fixture
def session() -> Session:
    session = Session(CLASSES)
    session.update(make_health(streams=(make_status(0, 41.0), make_status(1, 41.0))))
    for row in speech_rows(CALL, 41.0):
        session.take(row)
    return session


def test_rows_and_pictures_are_written(session: Session, tmp_path: Path) -> None:
    names = write_excerpt(session.excerpt(0.0, 60.0, "a $call$"), tmp_path, "kept")
    assert names == ["kept.svg", "kept.png", "kept.csv"]
    assert (tmp_path / "kept.png").read_bytes().startswith(b"\x89PNG")
    assert "</svg>" in (tmp_path / "kept.svg").read_text()
    written = read_timeline(tmp_path / "kept.csv")
    everything = speech_rows(CALL, 41.0)
    assert [to_record(row) for row in written] == [to_record(row) for row in everything]


def test_only_what_is_in_sight_is_written(session: Session, tmp_path: Path) -> None:
    write_excerpt(session.excerpt(10.0, 15.0, ""), tmp_path, "kept")
    rows = read_timeline(tmp_path / "kept.csv")
    assert rows
    assert all(row.end > 10.0 and row.start < 15.0 for row in rows)


def test_nothing_in_sight_is_said_and_nothing_written(session: Session, tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="no speech is in sight"):
        write_excerpt(session.excerpt(100.0, 110.0, ""), tmp_path, "kept")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(session: Session, tmp_path: Path) -> None:
    (tmp_path / "kept.csv").write_text("mine")
    with pytest.raises(SinkError, match="is there already"):
        write_excerpt(session.excerpt(0.0, 60.0, ""), tmp_path, "kept")
    assert [file.name for file in tmp_path.iterdir()] == ["kept.csv"]
    with pytest.raises(SinkError, match="its folder does not exist"):
        write_excerpt(session.excerpt(0.0, 60.0, ""), tmp_path / "nowhere", "kept")


def test_rows_that_cannot_be_written_leave_nothing(session: Session, tmp_path: Path) -> None:
    odd = replace(make_row(start=41.0, end=42.0), probabilities={"happy": 0.5})
    session.take(odd)
    with pytest.raises(SinkError, match="these rows cannot be written"):
        write_excerpt(session.excerpt(0.0, 60.0, ""), tmp_path, "kept")
    assert list(tmp_path.iterdir()) == []


def painted(emotion: str, start: float, end: float, confidence: float = 0.8) -> Painted:
    return Painted(start, end, make_row(emotion, confidence, start=start, end=end))


def test_each_channel_has_its_own_labelled_lane_and_curves(session: Session) -> None:
    figure = draw(session.excerpt(0.0, 60.0, "a call"))
    assert [ax.get_ylabel() for ax in figure.axes] == [
        "ch 0\nconfidence", "ch 0\narousal, valence", "ch 1\nconfidence", "ch 1\narousal, valence",
    ]  # fmt: skip
    assert figure.axes[-1].get_xlabel() == "time (min:s)"
    for number, ax in enumerate(figure.axes[1::2]):
        lane = session.lanes["demo", number]
        times, values = ax.lines[0].get_data()
        for seconds, value in zip(times, values, strict=True):
            row = lane.at(seconds)
            assert math.isnan(value) if row is None else value == pytest.approx(row.arousal)


def test_a_single_channel_needs_no_name() -> None:
    session = Session(CLASSES)
    session.take(replace(make_row(end=2.0), arousal=None, valence=None))
    figure = draw(session.excerpt(0.0, 10.0, ""))
    assert [ax.get_ylabel() for ax in figure.axes] == ["confidence"]


def test_a_curve_is_not_drawn_over_silence() -> None:
    spans = [painted("angry", 0, 1), painted("sad", 2, 3), painted("sad", 9, 10)]
    times, values = curve(spans, "arousal")
    assert times == [0.5, 2.5, 3, 9.5]
    assert [math.isnan(value) for value in values] == [False, False, True, False]


def test_points_too_close_together_become_their_mean() -> None:
    spans = [painted("angry", 0, 1, 0.5), painted("angry", 1, 4, 0.9), painted("sad", 4, 5)]
    times, values = curve(spans, "arousal", 4.0)
    first, second, last = (span.row.arousal or 0.0 for span in spans)
    assert times == pytest.approx([2.0, 4.5])
    assert values == pytest.approx([(first + 3 * second) / 4, last])


def test_rows_that_follow_each_other_are_one_outline() -> None:
    spans = [painted("sad", 0, 1, 0.5), painted("sad", 1.05, 2, 0.9), painted("sad", 4, 5)]
    (_, first), (_, second) = outlines(spans, 0.1)
    assert first == [
        (0, 0.0), (0, 0.5), (1, 0.5), (1.05, 0.5), (1.05, 0.9), (2, 0.9), (2, 0.0),
    ]  # fmt: skip
    assert second == [(4, 0.0), (4, 0.8), (5, 0.8), (5, 0.0)]


def test_colours_do_not_touch_where_there_is_room() -> None:
    spans = [painted("sad", 0, 1), painted("angry", 1, 2), painted("happy", 2, 2.2)]
    found = outlines(spans, 0.1)
    assert [corners[0][0] for _, corners in found] == [0, 1.1, 2]
    assert [corners[1][0] for _, corners in found] == [0, 1.1, 2]


def test_a_picture_says_when_it_was_and_which_models_made_it() -> None:
    session = Session(CLASSES)
    row = replace(make_row(start=0.0, end=20.0), utc="2025-03-01T23:59:50.000Z")
    session.update(make_health(model_version="1f"))
    session.take(row)
    session.take(replace(row, start=20.0, end=40.0, utc="2025-03-02T00:00:10.000Z"))
    assert about(session.excerpt(0.0, 60.0, "")) == (
        "2025-03-01 23:59:30 to 2025-03-02 00:00:10 UTC  ·  model default 1f"
    )
    assert about(session.excerpt(5.0, 15.0, "")).startswith("2025-03-01 23:59:35 to 23:59:45 UTC")
    session.update(make_health(model="other", model_version="2a", streams=(make_status(0, 40.0),)))
    assert about(session.excerpt(0.0, 60.0, "")).endswith("model default 1f, then other 2a")
    assert about(session.excerpt(0.0, 30.0, "")).endswith("model default 1f")
    session.turn(Turn(0, 1, position=10.0))
    assert about(session.excerpt(10.0, 60.0, "")).endswith("model other 2a")


def test_a_picture_says_what_it_leaves_out() -> None:
    session = Session(CLASSES)
    for channel in range(11):
        session.take(replace(make_row(channel=channel, end=2.0), utc="soon"))
    excerpt = session.excerpt(0.0, 10.0, "")
    assert about(excerpt) == "3 more channels are in the CSV file only"
    assert len(draw(excerpt).axes) == 16


def test_the_axis_has_the_times_of_each_run(session: Session) -> None:
    excerpt = replace(session.excerpt(0.0, 60.0, "a call"), end=60.0, starts=(0.0, 33.0))
    axis = draw(excerpt).axes[-1]
    assert axis.get_xticks().tolist() == [0, 5, 10, 15, 20, 25, 30, 33, 38, 43, 48, 53, 58]
    texts = [label.get_text() for label in axis.get_xticklabels()]
    assert texts[:3] == ["0:00", "0:05", "0:10"]
    assert texts[7:9] == ["0:00", "0:05"]
