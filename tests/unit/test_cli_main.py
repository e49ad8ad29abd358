from __future__ import annotations

import errno
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import pytest
import typer

from realtime_ser import __version__
from realtime_ser.cli.main import COMMANDS, main
from realtime_ser.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

Install = "Callable[[Callable[..., None]], None]"


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Makes a function the command ``probe``."""

    def make(function: Callable[..., None]) -> None:
        module = ModuleType("realtime_ser.cli.probe")
        module.command = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(COMMANDS, "probe", "Probe.")

    return make


def status_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("--version") == 0
    assert capsys.readouterr().out == f"realtime-ser {__version__}\n"


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ()])
def test_help_lists_every_command(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(*arguments) == 0
    out = capsys.readouterr().out
    for name, text in COMMANDS.items():
        assert f"  {name} " in out
        assert text in out  # in full, not cut at the width of a terminal


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_are_what_the_list_says(name: str) -> None:
    first_line = import_module(f"realtime_ser.cli.{name}").command.__doc__.splitlines()[0]
    assert first_line.startswith(COMMANDS[name].removesuffix("."))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_page(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(name, "--help") == 0
    assert f"Usage: realtime-ser {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--nope",), "No such option: --nope (see 'realtime-ser --help')"),
        (("lvie",), "No such command 'lvie'. Did you mean 'live'? (see 'realtime-ser --help')"),
        (("probe",), "Missing argument 'count'. (see 'realtime-ser probe --help')"),
        (("probe", "three"), "(see 'realtime-ser probe --help')"),
        (("probe", "1", "--nope"), "No such option: --nope (see 'realtime-ser probe --help')"),
        (("probe", "1", "2"), "(see 'realtime-ser probe --help')"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(
    install: Install,
    arguments: tuple[str, ...],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def command(count: Annotated[int, typer.Argument()]) -> None:
        """Probe."""

    install(command)
    assert status_of(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("realtime-ser: ")
    assert captured.err.endswith(f"{complaint}\n")


def test_package_errors_are_one_line_and_exit_2(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise SourceError("call\n\x1b[31m.wav: is no audio; name a recording")

    install(command)
    assert status_of("probe") == 2
    err = capsys.readouterr().err
    assert err == "realtime-ser: call  [31m.wav: is no audio; name a recording\n"


def test_interrupt_exits_130_without_a_word(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise KeyboardInterrupt

    install(command)
    assert status_of("probe") == 130
    assert capsys.readouterr().err == ""


def test_status_that_a_command_chooses(install: Install) -> None:
    def command() -> None:
        raise typer.Exit(3)

    install(command)
    assert status_of("probe") == 3


def test_our_own_faults_keep_their_traceback(install: Install) -> None:
    def command() -> None:
        raise ZeroDivisionError

    install(command)
    with pytest.raises(ZeroDivisionError):
        main(["probe"])


def test_other_operating_system_errors_are_not_hidden(install: Install) -> None:
    def command() -> None:
        raise OSError(errno.EMFILE, "too many files")

    install(command)
    with pytest.raises(OSError, match="too many files"):
        main(["probe"])


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_place_that_takes_no_more_is_said(
    install: Install, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    def command() -> None:
        raise OSError(number, "it is full", "some/file")

    install(command)
    assert status_of("probe") == 2
    assert capsys.readouterr().err == "realtime-ser: some/file: cannot be written (it is full)\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_said() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "realtime_ser", "models"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("realtime-ser: stdout: cannot be written (")
    assert done.stderr.count("\n") == 1


WRITER = """
import sys, types
from realtime_ser.cli import main
def command():
    for _ in range({lines}):
        print("x" * 100)
module = types.ModuleType("realtime_ser.cli.probe")
module.command = command
sys.modules[module.__name__] = module
main.COMMANDS["probe"] = "Probe."
main.main(["probe"])
"""


@pytest.mark.skipif(os.name == "nt", reason="pipes end differently on Windows")
@pytest.mark.parametrize("lines", [1, 10_000])
def test_reader_that_goes_away_ends_it_quietly(lines: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-c", WRITER.format(lines=lines)],
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writer)
    assert done.stderr == b""
    assert done.returncode == 141


@pytest.mark.skipif(os.name == "nt", reason="pipes end differently on Windows")
@pytest.mark.parametrize("arguments", [["--help"], ["live", "--help"]])
def test_a_help_page_that_nobody_reads_ends_quietly(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "realtime_ser", *arguments]
    try:
        done = subprocess.run(
            command, stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(os.name == "nt", reason="there is no /dev/full")
def test_an_error_that_cannot_be_told_is_in_the_status() -> None:
    command = [sys.executable, "-m", "realtime_ser", "live", "nowhere.wav"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    closed = subprocess.run(
        ["sh", "-c", '"$@" 2>&-', "sh", *command], capture_output=True, timeout=60, check=False
    )
    assert (closed.returncode, closed.stdout) == (2, b"")


@pytest.mark.skipif(os.name == "nt", reason="there is no /dev/null")
@pytest.mark.parametrize("arguments", [["models"], ["live", "--help"]])
def test_output_that_is_not_for_writing_is_taken_for_closed(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "realtime_ser", *arguments]
    with Path("/dev/null").open("rb") as nobody:
        done = subprocess.run(
            command, stdout=nobody, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_pipe_that_lacks_a_character_gets_a_question_mark() -> None:
    code = WRITER.replace('"x" * 100', "chr(0x1F600)").format(lines=1)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == [b"?"]
