"""Plain lines: aligned, short, honest about their reader."""

from __future__ import annotations

import errno
import io
import subprocess
import sys
from dataclasses import replace

import pytest

from realtime_ser.errors import SinkError
from realtime_ser.ui.plain import PlainSink
from tests.ui.scenes import make_row

SIX = ("angry", "disgust", "fear", "happy", "neutral", "sad")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Broken(io.StringIO):
    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def flush(self) -> None:
        raise self.error


def lines(*rows: object, **options: object) -> list[str]:
    stream = io.StringIO()
    sink = PlainSink(stream, True, **options)  # type: ignore[arg-type]
    sink.open()
    for row in rows:
        sink.write(row)  # type: ignore[arg-type]
    sink.close()
    assert not stream.closed
    return stream.getvalue().splitlines()


def test_a_window_an_utterance_an_uncertain_row_and_an_alert() -> None:
    _, *text = lines(
        make_row("angry", 0.71, start=0.5, end=3.46, classes=SIX),
        make_row("disgust", 0.35, start=0.5, end=4.0, classes=SIX),
        make_row("happy", 1.0, start=0.5, end=64.0, kind="utterance", classes=SIX),
        make_row("angry", 0.9, start=0.5, end=3700.0, kind="alert", classes=SIX),
        replace(
            make_row("angry", 0.9, start=0.5, end=3700.0, kind="alert", classes=SIX),
            flags=("derived", "alert:loud"),
        ),
    )
    assert text == [
        "    0:03.5  angry     0.71             A.71 D.15 F.07 H.04 N.02 S.01   -23 dBFS",
        "    0:04.0  uncertain (disgust 0.35)   A.34 D.35 F.17 H.08 N.04 S.02   -23 dBFS",
        "=   1:04.0  happy     1.00             A.00 D.00 F.00 H1.0 N.00 S.00   -23 dBFS  63.5 s",
        "! 1:01:40.0  angry     0.90             A.90 D.05 F.03 H.01 N.01 S.00   -23 dBFS",
        "! 1:01:40.0  angry     0.90             A.90 D.05 F.03 H.01 N.01 S.00   -23 dBFS  loud",
    ]


def test_the_header_names_the_columns() -> None:
    (head,) = lines()
    for word in ("time", "emotion", "confidence", "A=angry", "P=surprise", "level", "="):
        assert word in head
    assert head.startswith("#")


def test_each_line_says_its_channel_where_there_are_several() -> None:
    head, line = lines(make_row(channel=1), channels=True)
    assert head.startswith("# ch ")
    assert line.startswith("  1  ")


def test_lines_are_ascii() -> None:
    for line in lines(make_row(stream="gespräch"), make_row("sad", 0.2)):
        assert line.isascii()


def test_no_colour_codes_off_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in "".join(lines(make_row()))


@pytest.mark.parametrize(
    ("color", "no_color", "term", "coloured"),
    [
        (True, "", "xterm-256color", True),
        (True, "1", "xterm-256color", False),
        (False, "", "xterm-256color", False),
        (True, "", "dumb", False),
    ],
)
def test_colour_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, color: bool, no_color: str, term: str, coloured: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("COLORTERM", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    stream = Terminal()
    sink = PlainSink(stream, color)
    sink.write(make_row())
    assert ("\x1b[" in stream.getvalue()) == coloured


def test_a_reader_that_has_gone() -> None:
    sink = PlainSink(Broken(BrokenPipeError()), False)
    with pytest.raises(BrokenPipeError):
        sink.open()
    with pytest.raises(BrokenPipeError):
        sink.write(make_row())
    sink.close()


def test_a_full_disk() -> None:
    sink = PlainSink(Broken(OSError(errno.ENOSPC, "No space left on device")), False)
    with pytest.raises(SinkError, match="No space left on device"):
        sink.write(make_row())


def test_plain_lines_do_not_load_textual() -> None:
    code = "import sys, realtime_ser.ui.plain; sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
