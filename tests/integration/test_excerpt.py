"""What is in sight on the screen becomes a picture and a timeline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from realtime_ser.errors import SinkError
from realtime_ser.report.excerpt import write_excerpt
from realtime_ser.sinks.reader import read_timeline
from realtime_ser.sinks.row_format import to_record
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
