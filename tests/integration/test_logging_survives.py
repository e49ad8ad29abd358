"""A process that logs is killed, or hits a limit of the system: what it logged is whole."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from realtime_ser.sinks.csv import CsvSink
from realtime_ser.sinks.reader import read_timeline
from tests.rows import make_row

if TYPE_CHECKING:
    from realtime_ser.sinks.line_file import FileMode

if sys.platform == "win32":
    pytest.skip("needs POSIX signals and limits", allow_module_level=True)

ROOT = Path(__file__).parents[2]
PAGE = 4096

WRITER = """
import sys
from realtime_ser.sinks.csv import CsvSink
from realtime_ser.sinks.jsonl import JsonlSink
from tests.rows import make_row

path, format_name, mode = sys.argv[1:]
sink = {"csv": CsvSink, "jsonl": JsonlSink}[format_name](path, mode)
sink.open()
for n in range(1, 1_000_000):
    sink.write(make_row(adapted=float(n)))
    sys.stdout.write(f"{n}\\n")
    sys.stdout.flush()
"""

LIMITED = """
import resource, sys
from realtime_ser.errors import SinkError
from realtime_ser.sinks.csv import CsvSink
from tests.rows import make_row

resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
sink = CsvSink(sys.argv[1])
sink.open()
written = 0
try:
    while True:
        sink.write(make_row(adapted=float(written + 1)))
        written += 1
except SinkError as error:
    print(written, error, sep="\\n")
"""


def log_and_kill(path: Path, format_name: str, mode: FileMode, delay: float) -> int:
    """Rows that were acknowledged before the kill."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), format_name, mode],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    with writer:
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(delay)  # a real process runs on; there is no clock to inject
        writer.kill()
        acknowledged = first + writer.stdout.read()
    return len(acknowledged[: acknowledged.rfind(b"\n") + 1].splitlines())


@pytest.mark.parametrize("format_name", ["csv", "jsonl"])
def test_a_kill_at_any_time_leaves_whole_rows(tmp_path: Path, format_name: str) -> None:
    path = tmp_path / f"timeline.{format_name}"
    delays = random.Random(2)
    expected: list[float] = []
    for _ in range(3):
        acknowledged = log_and_kill(path, format_name, "append", delays.uniform(0.0, 0.03))
        data = path.read_bytes()
        # Linux may end a write of a killed process between two memory pages, nowhere else.
        assert data.endswith(b"\n") or len(data) % PAGE == 0
        assert acknowledged > 0
        numbers = [row.adapted for row in read_timeline(path)]
        since = numbers[len(expected) :]
        assert numbers[: len(expected)] == expected  # the next run kept what the last one logged
        assert since == [float(n + 1) for n in range(len(since))]
        assert len(since) - acknowledged in (0, 1)  # one row may wait for its acknowledgement
        expected = numbers


def test_a_killed_log_can_be_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "timeline.csv"
    assert log_and_kill(path, "csv", "new", 0.0) > 0
    sink = CsvSink(path, "overwrite")
    sink.open()
    sink.write(make_row())
    sink.close()
    assert read_timeline(path) == [make_row()]


def test_a_file_that_may_not_grow_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "timeline.csv"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    count, message = done.stdout.splitlines()
    assert f"{path}: cannot be written (File too large)" in message
    assert path.read_bytes().endswith(b"\n")
    assert [row.adapted for row in read_timeline(path)] == [float(n + 1) for n in range(int(count))]
    assert int(count) > 5


def test_a_reader_that_goes_ends_standard_output_with_one_line() -> None:
    code = """
import sys
from realtime_ser.errors import SinkError
from realtime_ser.sinks.csv import CsvSink
from tests.rows import make_row
sink = CsvSink("-")
sink.open()
try:
    while True:
        sink.write(make_row())
except SinkError as error:
    print(error, file=sys.stderr)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stderr is not None
        assert writer.stdout.readline().startswith(b"schema,")
        writer.stdout.close()
        assert writer.stderr.read() == b"stdout: closed by the reader\n"
