from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from realtime_ser.errors import SinkError
from realtime_ser.sinks.csv import HEADER, CsvSink, encode_csv
from realtime_ser.sinks.jsonl import JsonlSink, encode_json
from realtime_ser.sinks.parquet import ParquetSink
from realtime_ser.sinks.reader import read_timeline
from tests.rows import make_row

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtime_ser.sinks.line_file import FileMode, LineFileSink
    from realtime_ser.types import TimelineRow

FIRST, SECOND, THIRD = (make_row(end=5.0 + n) for n in range(3))
SINKS = pytest.mark.parametrize("sink_type", [CsvSink, JsonlSink])


def log(sink: LineFileSink, *rows: TimelineRow) -> None:
    sink.open()
    for row in rows:
        sink.write(row)
    sink.close()


def refusal(sink: LineFileSink) -> str:
    """The one line that opening gives; checking gives the same."""
    with pytest.raises(SinkError) as checked:
        sink.check()
    text = opening_refusal(sink)
    assert str(checked.value) == text
    return text


def opening_refusal(sink: LineFileSink) -> str:
    """The one line that opening gives."""
    with pytest.raises(SinkError) as caught:
        sink.open()
    sink.close()
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    return text


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "timeline"


class TestNew:
    def test_csv_has_header_and_rows(self, path: Path) -> None:
        log(CsvSink(path), FIRST, SECOND)
        assert path.read_text().split("\n") == [HEADER, encode_csv(FIRST), encode_csv(SECOND), ""]

    def test_json_lines_have_rows_only(self, path: Path) -> None:
        log(JsonlSink(path), FIRST, SECOND)
        assert path.read_text().split("\n") == [encode_json(FIRST), encode_json(SECOND), ""]

    def test_a_timeline_without_speech_is_a_header(self, path: Path) -> None:
        log(CsvSink(path))
        assert path.read_text() == HEADER + "\n"

    def test_every_row_is_on_disk_when_write_returns(self, path: Path) -> None:
        sink = CsvSink(path)
        sink.open()
        sink.write(FIRST)
        assert read_timeline(path) == [FIRST]
        sink.close()

    @SINKS
    def test_an_existing_file_is_refused_and_kept(
        self, path: Path, sink_type: type[LineFileSink]
    ) -> None:
        path.write_text("mine")
        text = refusal(sink_type(path))
        assert str(path) in text
        assert "--append" in text
        assert "--overwrite" in text
        assert path.read_text() == "mine"

    def test_close_may_come_twice_or_alone(self, path: Path) -> None:
        sink = CsvSink(path)
        sink.close()
        sink.open()
        sink.close()
        sink.close()


class TestAppend:
    def test_a_row_that_another_process_writes_meanwhile_stays(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, other = CsvSink(path, "append"), CsvSink(path, "append")
        one.open()
        writer = threading.Thread(target=one.write, args=(FIRST,))
        look = CsvSink._continuation

        def slowly(sink: CsvSink, fd: int) -> tuple[int, bytes]:
            found = look(sink, fd)
            writer.start()
            writer.join(0.2)  # written by now, if nothing keeps the row out
            return found

        monkeypatch.setattr(CsvSink, "_continuation", slowly)
        other.open()
        writer.join()
        other.write(SECOND)
        one.close()
        other.close()
        assert read_timeline(path) == [FIRST, SECOND]

    @SINKS
    def test_continues(self, path: Path, sink_type: type[LineFileSink]) -> None:
        log(sink_type(path, "append"), FIRST)
        log(sink_type(path, "append"), SECOND)
        log(sink_type(path, "append"), THIRD)
        assert read_timeline(path) == [FIRST, SECOND, THIRD]

    @SINKS
    def test_an_empty_file_is_a_new_one(self, path: Path, sink_type: type[LineFileSink]) -> None:
        path.touch()
        log(sink_type(path, "append"), FIRST)
        assert read_timeline(path) == [FIRST]

    @SINKS
    def test_a_file_cut_at_any_byte_loses_only_its_torn_row(
        self, path: Path, sink_type: type[LineFileSink]
    ) -> None:
        log(sink_type(path), FIRST, make_row(end=6.0, stream="\u00fc, \u4f1a", flags=()))
        whole = path.read_bytes()
        lines = whole.splitlines(keepends=True)
        header = 1 if sink_type is CsvSink else 0
        for size in range(len(whole) + 1):
            path.write_bytes(whole[:size])
            before = read_timeline(path)
            log(sink_type(path, "append"), THIRD)
            assert read_timeline(path) == [*before, THIRD]
            complete = sum(len(b"".join(lines[: n + 1])) <= size for n in range(len(lines)))
            assert len(before) >= complete - header
            assert path.read_bytes().endswith(b"\n")

    @SINKS
    def test_a_last_row_without_line_feed_is_kept(
        self, path: Path, sink_type: type[LineFileSink]
    ) -> None:
        log(sink_type(path), FIRST, SECOND)
        path.write_bytes(path.read_bytes().rstrip(b"\n"))
        log(sink_type(path, "append"), THIRD)
        assert read_timeline(path) == [FIRST, SECOND, THIRD]

    def test_a_file_that_a_spreadsheet_saved_is_continued(self, path: Path) -> None:
        log(CsvSink(path), FIRST)
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
        log(CsvSink(path, "append"), SECOND)
        assert read_timeline(path) == [FIRST, SECOND]

    @SINKS
    @pytest.mark.parametrize(
        "content",
        [
            b"name,value\n1,2\n",
            b"RIFF\x00\x00\xff\xfe",
            b"no line feed",
            b"\n",
            HEADER.replace("valence,", "valence,dominance,").encode() + b"\n",
            b'{"schema":2,"stream":"x"}\n',
            b"x" * 200_000,
        ],
    )
    def test_a_foreign_file_is_refused_and_kept(
        self, path: Path, sink_type: type[LineFileSink], content: bytes
    ) -> None:
        path.write_bytes(content)
        text = refusal(sink_type(path, "append"))
        assert str(path) in text
        assert "not a" in text
        assert path.read_bytes() == content

    def test_the_other_format_is_refused(self, path: Path) -> None:
        log(CsvSink(path), FIRST)
        assert "not a JSON Lines timeline" in refusal(JsonlSink(path, "append"))
        path.unlink()
        log(JsonlSink(path), FIRST)
        assert "not a CSV timeline" in refusal(CsvSink(path, "append"))

    def test_two_writers_interleave_whole_rows(self, path: Path) -> None:
        one, two = CsvSink(path, "append"), CsvSink(path, "append")
        one.open()
        two.open()
        one.write(FIRST)
        two.write(SECOND)
        one.write(THIRD)
        one.close()
        two.close()
        assert read_timeline(path) == [FIRST, SECOND, THIRD]


class TestOverwrite:
    @SINKS
    @pytest.mark.parametrize("old", [b"", b"short", b"long\n" * 500])
    def test_replaces(self, path: Path, sink_type: type[LineFileSink], old: bytes) -> None:
        path.write_bytes(old)
        log(sink_type(path, "overwrite"), FIRST)
        assert read_timeline(path) == [FIRST]

    def test_links_and_permissions_stay(self, path: Path) -> None:
        log(CsvSink(path), FIRST)
        path.chmod(0o640)
        link = path.with_name("link")
        link.symlink_to(path)
        log(CsvSink(link, "overwrite"), SECOND)
        assert link.is_symlink()
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert read_timeline(path) == [SECOND]

    def test_creates_what_is_missing(self, path: Path) -> None:
        log(CsvSink(path, "overwrite"), FIRST)
        assert read_timeline(path) == [FIRST]


class TestUnwritable:
    @pytest.mark.parametrize("mode", ["new", "append", "overwrite"])
    def test_places_that_are_none(self, tmp_path: Path, mode: FileMode) -> None:
        (tmp_path / "file").touch()
        assert "folder does not exist" in refusal(CsvSink(tmp_path / "no" / "t.csv", mode))
        assert "is a folder" in refusal(CsvSink(tmp_path, mode))
        assert "Not a directory" in refusal(CsvSink(tmp_path / "file" / "t.csv", mode))
        assert "name too long" in refusal(CsvSink(tmp_path / ("x" * 300), mode))

    @pytest.mark.parametrize(
        ("number", "words"),
        [(errno.EACCES, "Permission denied"), (errno.EROFS, "Read-only file system")],
    )
    def test_no_permission(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
    ) -> None:
        def refuse(*_: object) -> int:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "open", refuse)
        text = opening_refusal(CsvSink(path))
        assert words in text
        assert "where you may write" in text

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    @pytest.mark.parametrize("mode", ["new", "append", "overwrite"])
    def test_a_full_disk(self, mode: FileMode) -> None:
        text = opening_refusal(CsvSink("/dev/full", mode))
        assert "/dev/full" in text
        assert "No space left" in text
        sink = JsonlSink("/dev/full", mode)
        sink.open()
        with pytest.raises(SinkError, match="No space left"):
            sink.write(FIRST)
        sink.close()

    def test_a_header_that_does_not_fit_leaves_no_file(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "write", disk_with_room_for(20))
        assert "No space left" in opening_refusal(CsvSink(path))
        assert not path.exists()

    @SINKS
    def test_a_row_that_does_not_fit_is_taken_back(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, sink_type: type[LineFileSink]
    ) -> None:
        sink = sink_type(path)
        sink.open()
        sink.write(FIRST)
        with monkeypatch.context() as full:
            full.setattr(os, "write", disk_with_room_for(20))
            with pytest.raises(SinkError, match="No space left"):
                sink.write(SECOND)
        assert read_timeline(path) == [FIRST]
        assert path.read_bytes().endswith(b"\n")
        sink.write(THIRD)  # room again
        sink.close()
        assert read_timeline(path) == [FIRST, THIRD]

    def test_a_write_in_pieces_is_completed(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write = os.write
        monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
        log(CsvSink(path), FIRST, SECOND)
        assert read_timeline(path) == [FIRST, SECOND]

    def test_a_terminal_that_is_not_ready_is_waited_for(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write, calls = os.write, iter(range(100))

        def busy_every_other_time(fd: int, data: bytes) -> int:
            if next(calls) % 2 == 0:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            return write(fd, data)

        monkeypatch.setattr(os, "write", busy_every_other_time)
        log(CsvSink(path), FIRST)
        assert read_timeline(path) == [FIRST]

    def test_what_the_system_says_at_the_end_is_not_lost(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sink = CsvSink(path)
        sink.open()
        close = os.close

        def late(fd: int) -> None:
            close(fd)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        with monkeypatch.context() as drive:
            drive.setattr(os, "close", late)
            with pytest.raises(SinkError, match="may be missing"):
                sink.close()
        sink.close()

    def test_misuse_is_a_mistake_of_ours(self, path: Path) -> None:
        sink = CsvSink(path)
        with pytest.raises(RuntimeError):
            sink.write(FIRST)
        sink.open()
        with pytest.raises(RuntimeError):
            sink.open()
        sink.close()


def disk_with_room_for(room: int) -> Callable[[int, bytes], int]:
    """An ``os.write`` that takes ``room`` bytes more."""
    write = os.write
    left = room

    def limited(fd: int, data: bytes) -> int:
        nonlocal left
        if not left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = write(fd, data[:left])
        left -= done
        return done

    return limited


class TestCheck:
    """``refusal`` has shown that it refuses what ``open`` refuses."""

    @SINKS
    @pytest.mark.parametrize("mode", ["new", "append", "overwrite"])
    def test_creates_nothing(
        self, path: Path, sink_type: type[LineFileSink], mode: FileMode
    ) -> None:
        sink_type(path, mode).check()
        assert list(path.parent.iterdir()) == []

    @SINKS
    @pytest.mark.parametrize("ending", [b"", b"torn"])
    def test_changes_nothing(
        self, path: Path, sink_type: type[LineFileSink], ending: bytes
    ) -> None:
        log(sink_type(path), FIRST)
        path.write_bytes(path.read_bytes() + ending)
        before = path.read_bytes(), path.stat().st_mtime_ns
        sink_type(path, "append").check()
        sink_type(path, "overwrite").check()
        assert (path.read_bytes(), path.stat().st_mtime_ns) == before

    @pytest.mark.parametrize("there", [True, False])
    def test_no_permission(self, path: Path, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
        if there:
            log(CsvSink(path), FIRST)
        place = path if there else path.parent
        monkeypatch.setattr(os, "access", lambda asked, mode: Path(asked) != place)
        with pytest.raises(SinkError, match=r"Permission denied.*where you may write"):
            CsvSink(path, "overwrite").check()

    def test_a_link_to_nothing_is_refused(self, path: Path) -> None:
        path.symlink_to(path.with_name("nothing"))
        assert "No such file" in refusal(CsvSink(path, "overwrite"))

    def test_a_pipe_is_left_alone(self, path: Path) -> None:
        os.mkfifo(path)
        CsvSink(path).check()  # opening it would wait for a reader

    def test_standard_output_and_devices(self) -> None:
        CsvSink("-").check()
        CsvSink(os.devnull).check()

    def test_parquet(self, tmp_path: Path) -> None:
        pytest.importorskip("pyarrow")
        ParquetSink(tmp_path / "t.parquet").check()
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(SinkError, match="folder does not exist"):
            ParquetSink(tmp_path / "no" / "t.parquet").check()
        with pytest.raises(SinkError, match="is a folder"):
            ParquetSink(tmp_path).open()


class TestPipes:
    def test_standard_output(self, capfd: pytest.CaptureFixture[str]) -> None:
        log(CsvSink("-"), FIRST)
        assert capfd.readouterr().out == f"{HEADER}\n{encode_csv(FIRST)}\n"
        assert not Path("-").exists()
        os.fstat(1)  # still open

    @pytest.mark.parametrize("mode", ["new", "append", "overwrite"])
    def test_devices_are_written_in_every_mode(self, mode: FileMode) -> None:
        log(CsvSink(os.devnull, mode), FIRST)

    def test_a_named_pipe_whose_reader_goes(self, path: Path) -> None:
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        sink = CsvSink(path)
        sink.open()
        sink.write(FIRST)
        assert os.read(reader, 65536).decode() == f"{HEADER}\n{encode_csv(FIRST)}\n"
        os.close(reader)
        with pytest.raises(SinkError, match="closed by the reader"):
            sink.write(SECOND)
        sink.close()
