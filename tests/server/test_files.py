from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.errors import SinkError
from realtime_ser.server.file_names import file_name, is_ours
from realtime_ser.server.files import HANGING, CallFile, Disk, Folder
from realtime_ser.server.retention import remove_old
from realtime_ser.server.wire import WireError
from realtime_ser.sinks.reader import read_timeline
from realtime_ser.testing import ManualClock
from tests.rows import make_row

NOW = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)


def test_plain_names_stay_readable() -> None:
    assert file_name("call-42", NOW, "csv") == "call-42@20261123T101500Z.csv"
    assert file_name("call-42", NOW, "jsonl", 3) == "call-42@20261123T101500Z-3.jsonl"


@pytest.mark.parametrize("name", ["..", ".", "../../etc/passwd", "/etc/passwd", "a\\b", "C:x", "~"])
def test_no_name_is_a_path(name: str, tmp_path: Path) -> None:
    made = tmp_path / file_name(name, NOW, "csv")
    assert made.resolve().parent == tmp_path.resolve()
    assert not made.name.startswith((".", "~"))


@given(st.lists(st.text(min_size=1, max_size=128), min_size=2, max_size=2, unique=True))
def test_no_two_names_meet(names: list[str]) -> None:
    names = [name.encode("utf-8", "replace").decode() for name in names]
    made = [file_name(name, NOW, "csv") for name in names]
    assert (made[0] == made[1]) == (names[0] == names[1])
    assert all(len(name) < 200 and is_ours(name) for name in made)


def test_other_names_are_not_ours() -> None:
    for name in ("summary.csv", "call.wav.csv", "notes@home.csv", "@20261123T101500Z.csv",
                 "call-42@20261123T101500Z.csv.bak", "call-42@20261123T101500Z.txt",
                 ".call@20261123T101500Z.csv", "a b@20261123T101500Z.csv"):  # fmt: skip
        assert not is_ours(name), name


def folder_at(path: Path, told: list[str], clock: ManualClock | None = None) -> Folder:
    clock = clock or ManualClock()
    return Folder(path, "csv", clock, Disk(clock, told.append))


def test_files_of_one_name_and_second_differ(tmp_path: Path) -> None:
    folder = folder_at(tmp_path, [])
    files = [folder.open("a", 1) for _ in range(3)]
    assert len(folder.in_use()) == 3
    for number, file in enumerate(files):
        assert file.write(make_row(channel=number))
        file.leave()
    assert folder.in_use() == frozenset()
    found = sorted(tmp_path.iterdir())
    assert sorted(read_timeline(file)[0].channel for file in found) == [0, 1, 2]


def test_the_last_channel_closes_the_file(tmp_path: Path) -> None:
    folder = folder_at(tmp_path, [])
    file = folder.open("a", 2)
    file.leave()
    assert folder.in_use()
    assert file.write(make_row())
    file.leave()
    assert not folder.in_use()


def test_a_call_that_is_not_taken_leaves_nothing(tmp_path: Path) -> None:
    folder = folder_at(tmp_path, [])
    folder.open("a", 1).discard()
    assert list(tmp_path.iterdir()) == []
    assert not folder.in_use()


def test_a_folder_that_has_gone_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    folder = folder_at(tmp_path / "gone", told)
    for _ in range(2):
        with pytest.raises(WireError) as caught:
            folder.open("a", 1)
        assert caught.value.code == "storage"
    assert len(told) == 1
    assert not folder.in_use()


class Broken:
    """A sink whose disk comes and goes."""

    path = Path("call.csv")

    def __init__(self) -> None:
        self.full = True

    def write(self, _: object) -> None:
        if self.full:
            raise SinkError("/out/@/+49301@20260101T101500Z.csv: cannot be written (full)")

    def close(self) -> None:
        raise OSError("too late")


def test_a_full_disk_is_told_once_an_episode() -> None:
    told: list[str] = []
    sink, disk = Broken(), Disk(ManualClock(), told.append)
    closed: list[int] = []
    file = CallFile(sink, disk, 1, lambda: closed.append(1))  # type: ignore[arg-type]
    assert [file.write(make_row()) for _ in range(3)] == [False] * 3
    assert disk.failures == 3
    assert told == ["a timeline cannot be written (full); rows are being lost"]
    assert disk.trouble()
    sink.full = False
    assert file.write(make_row())
    assert disk.trouble() is None
    sink.full = True
    file.write(make_row())
    assert len(told) == 2
    file.leave()
    assert closed == [1]
    assert disk.failures == 5


def test_a_disk_that_hangs_is_told_once() -> None:
    told: list[str] = []
    clock = ManualClock()
    disk = Disk(clock, told.append)

    def hang() -> None:
        assert disk.trouble() is None
        clock.advance(HANGING + 1)
        assert disk.trouble() == disk.trouble() == "the disk of the timelines hangs"

    assert disk.try_to(hang)
    assert disk.trouble() is None
    assert len(told) == 1


def old_file(path: Path, days: float, content: str = "schema,stream,") -> Path:
    from realtime_ser.sinks.csv import HEADER

    path.write_text(f"{HEADER}\n" if content == "schema,stream," else content)
    moment = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (moment, moment))
    return path


def test_only_old_timelines_of_calls_are_removed(tmp_path: Path) -> None:
    stamp = "@20260101T101500Z"
    gone = [
        old_file(tmp_path / f"a{stamp}.csv", 31),
        old_file(tmp_path / f"b{stamp}-2.jsonl", 40, '{"schema":1,"stream":"b"}\n'),
        old_file(tmp_path / f"c{stamp}.csv", 31, ""),
    ]
    (tmp_path / "sub").mkdir()
    outside = old_file(tmp_path / "sub" / f"a{stamp}.csv", 31)
    stay = [
        old_file(tmp_path / f"young{stamp}.csv", 29.9),
        old_file(tmp_path / f"busy{stamp}.csv", 31),
        old_file(tmp_path / f"other{stamp}.csv", 31, "name,salary\n"),
        old_file(tmp_path / f"other{stamp}.jsonl", 31, '{"name":1}\n'),
        old_file(tmp_path / "timeline.csv", 31),
        old_file(tmp_path / "notes.txt", 31, "hello"),
        outside,
    ]
    link = tmp_path / f"link{stamp}.csv"
    link.symlink_to(outside)
    os.utime(link, (0, 0), follow_symlinks=False)
    named = tmp_path / f"folder{stamp}.csv"
    named.mkdir()
    assert remove_old(tmp_path, 30, NOW, {f"busy{stamp}.csv"}) == (len(gone), 0)
    assert not any(file.exists() for file in gone)
    assert all(file.exists() for file in (*stay, link, named))
    assert remove_old(tmp_path / "none", 30, NOW) == (0, 1)


async def test_old_files_go_at_the_start_and_once_an_hour(tmp_path: Path) -> None:
    import asyncio

    from realtime_ser.server import run
    from tests.server.serving import until

    clock = ManualClock()
    told: list[str] = []
    disk = Disk(clock, told.append)
    folder = Folder(tmp_path, "csv", clock, disk)
    name = "a@20250101T000000Z.csv"
    old_file(tmp_path / name, 600)
    cleaning = asyncio.create_task(
        run.keep_clean(tmp_path, folder, 1.0, clock, disk, told.append, every=0.01)
    )
    await until(lambda: told)
    old_file(tmp_path / name, 600)
    clock.advance(run.EVERY - 1)
    await asyncio.sleep(0.05)
    assert (tmp_path / name).exists()
    clock.advance(1)
    await until(lambda: not (tmp_path / name).exists())
    await until(lambda: len(told) == 2)
    assert not any(name in line for line in told)
    cleaning.cancel()


def test_a_file_that_can_be_closed_says_nothing_about_the_disk() -> None:
    def full() -> None:
        raise SinkError("cannot be written (No space left on device)")

    told: list[str] = []
    disk = Disk(ManualClock(), told.append)
    assert not disk.try_to(full)
    assert disk.try_to(lambda: None, proves=False)
    assert disk.trouble() is not None
    assert not disk.try_to(full)
    assert len(told) == 1, "it is the same trouble still"
    assert disk.try_to(lambda: None)
    assert disk.trouble() is None
