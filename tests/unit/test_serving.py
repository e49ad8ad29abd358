"""What ``serve`` does with what its event loop cannot raise."""

from __future__ import annotations

import asyncio

import pytest

from realtime_ser.cli.serving import told_once_a_minute
from realtime_ser.testing import ManualClock


def test_a_lack_of_file_descriptors_is_told_once_a_minute(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    clock, loop = ManualClock(), asyncio.new_event_loop()
    handle = told_once_a_minute(clock)
    lack = {
        "message": "socket.accept() out of system resource",
        "exception": OSError(24, "Too many open files"),
    }
    try:
        for _ in range(3):
            handle(loop, lack)
        (line,) = capsys.readouterr().err.splitlines()
        assert "Too many open files" in line
        clock.advance(60.0)
        handle(loop, lack)
        assert len(capsys.readouterr().err.splitlines()) == 1
        handle(loop, {"message": "something else"})
        assert caplog.messages == ["something else"]
    finally:
        loop.close()
