"""``live --replay`` without a terminal, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from realtime_ser.cli.main import main
from realtime_ser.sinks.csv import CsvSink
from realtime_ser.sinks.jsonl import JsonlSink
from tests.ui.scenes import CALL, speech_rows

if TYPE_CHECKING:
    from pathlib import Path


def live(*arguments: str | Path) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        main(["live", *map(str, arguments)])
    return ended.value.code


@pytest.mark.parametrize("form", [CsvSink, JsonlSink])
def test_rows_are_printed_where_there_is_no_terminal(
    form: type[CsvSink | JsonlSink], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = speech_rows(CALL, 41.0)
    sink = form(tmp_path / "timeline")
    sink.open()
    for row in rows:
        sink.write(row)
    sink.close()
    assert live("--replay", tmp_path / "timeline") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(rows)
    assert lines[1].split()[2:4] == ["neutral", "0.55"]


@pytest.mark.parametrize("more", [["call.wav"], ["--csv", "a.csv"], ["--speaker", "anna"]])
def test_a_replay_hears_and_writes_nothing(
    more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert live("--replay", tmp_path / "timeline.csv", *more) == 2
    assert "--replay: shows what was logged" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, "", "a,b\n1,2\n", "\x00\xff"])
def test_a_file_that_is_no_timeline_is_refused(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "timeline.csv"
    if content is not None:
        file.write_text(content, encoding="latin-1")
    assert live("--replay", file) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "timeline.csv" in error
