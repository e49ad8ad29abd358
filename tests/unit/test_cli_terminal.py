"""What a terminal can take, and what is said on it."""

from __future__ import annotations

import io
import sys

import pytest

from realtime_ser.cli.messages import told_while
from realtime_ser.cli.session import can_draw


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("encoding", "can"), [("utf-8", True), ("UTF8", True), ("ascii", False)])
def test_the_screen_needs_utf_8(encoding: str, can: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stderr", stderr)
    assert can_draw() is can
    said = stderr.buffer.getvalue()  # type: ignore[attr-defined]
    assert (b"needs UTF-8" in said) is not can


def test_what_takes_long_is_said_on_a_terminal_and_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    for stderr, said in ((Terminal(), "realtime-ser: waiting"), (io.StringIO(), "")):
        monkeypatch.setattr(sys, "stderr", stderr)
        with told_while("waiting"):
            assert stderr.getvalue() == said
        assert stderr.getvalue().removeprefix(said).strip() == ""
    monkeypatch.setattr(sys, "stderr", None)
    with told_while("waiting"):
        pass
