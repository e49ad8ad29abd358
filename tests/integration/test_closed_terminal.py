"""The window is closed, or the connection breaks: the program ends, and no row is lost."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from realtime_ser.sinks.csv import CsvSink
from realtime_ser.sinks.reader import read_timeline
from tests.models import save_untrained
from tests.ui.scenes import CALL, speech_rows
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")

DEMO = str(files("realtime_ser") / "data" / "demo.ogg")


@pytest.mark.parametrize("frozen", [False, True])
def test_a_closed_terminal_ends_the_screen(tmp_path: Path, *, frozen: bool) -> None:
    """Frozen: nothing has been taken from it for a while, as when a network goes away."""
    log = tmp_path / "log.csv"
    model = save_untrained(tmp_path / "model", voice=8)
    process, ours = in_a_terminal(DEMO, "--model", str(model), "--csv", str(log), folder=tmp_path)
    if not frozen:
        threading.Thread(target=swallow, args=(os.dup(ours),)).start()
    try:
        wait_until(lambda: log.exists() and len(read_timeline(log)) >= 12, 60, "rows")
        os.close(ours)
        if not frozen:
            # Its reader holds the terminal open; what a window sends, and its shell again:
            process.send_signal(signal.SIGHUP)
            process.send_signal(signal.SIGHUP)
        assert process.wait(20) == 143
    finally:
        process.kill()
        process.wait()
    rows = read_timeline(log)
    assert rows[-1].kind == "utterance"
    assert log.read_text().endswith("\n")


def test_a_closed_terminal_ends_a_replay(tmp_path: Path) -> None:
    """Its terminal had taken nothing for a while."""
    sink = CsvSink(tmp_path / "call.csv")
    sink.open()
    for row in speech_rows(CALL, 41.0):
        sink.write(row)
    sink.close()
    process, ours = in_a_terminal("--replay", str(tmp_path / "call.csv"), folder=tmp_path)
    try:
        wait_until(lambda: waiting_bytes(ours) > 3_000, 60, "a terminal that is full")
        os.close(ours)
        assert process.wait(20) == 143
    finally:
        process.kill()
        process.wait()


def in_a_terminal(*arguments: str, folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """``live`` in a terminal of its own, and the end of it that a window would hold."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    own_terminal = (
        "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
        "os.execv(sys.executable, [sys.executable, '-m', 'realtime_ser', 'live', *sys.argv[1:]])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", own_terminal, *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env=os.environ | {"TERM": "xterm-256color", "XDG_CONFIG_HOME": str(folder)},
    )  # fmt: skip
    os.close(theirs)
    return process, ours


def waiting_bytes(descriptor: int) -> int:
    """What has been drawn and not been taken."""
    import fcntl
    import termios

    return int(struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))[0])


def swallow(descriptor: int) -> None:
    try:
        while os.read(descriptor, 65_536):
            pass
    except OSError:  # the other end is closed
        pass
    os.close(descriptor)
