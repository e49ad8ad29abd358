"""The screen in a real terminal: keys in, picture and files out, and a sane terminal afterwards."""

from __future__ import annotations

import shlex
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from realtime_ser.marks import marks_of
from realtime_ser.sinks.reader import read_timeline
from tests.models import save_untrained
from tests.terminal import MISSING, Terminal
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING or "tmux is there")

DEMO = Path(str(files("realtime_ser") / "data" / "demo.ogg"))
CRASH = """
import sys
from realtime_ser.cli.main import main
from realtime_ser.ui.session import Session
whole = Session.update
def update(self, health):
    whole(self, health)
    if self.row_count > 2:
        raise RuntimeError("a fault of ours")
Session.update = update
main(sys.argv[1:])
"""


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.end()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_untrained(tmp_path_factory.mktemp("model"), voice=8)


def is_sane(terminal: Terminal) -> None:
    """The shell is back in front: it echoes, lines end, and the screen of before is there."""
    assert not terminal.in_screen()
    terminal.type("stty -a | tr ' ;' '\\n\\n' | grep -cx -e echo -e icanon -e onlcr\n")
    terminal.wait_for("\n3\n", 10)


def test_a_session_from_the_first_key_to_the_last(
    terminal: Terminal, model: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "realtime_ser", "live", str(DEMO), "--csv", "call.csv"]
    terminal.type(shlex.join([*command, "--model", str(model)]) + "; echo ended with $?\n")
    terminal.wait_for("running")
    assert terminal.in_screen()
    terminal.wait_for("→ call.csv")
    wait_until(lambda: len(read_timeline(tmp_path / "call.csv")) >= 3, 30, "rows")
    terminal.press("m")
    terminal.wait_for("note, or nothing")
    terminal.type("he shouts")
    terminal.press("Enter")
    terminal.wait_for("marked 0:")
    for width, height in ((60, 15), (200, 60), (20, 5), (110, 32)):
        terminal.resize(width, height)
    terminal.press("Left", "Left")
    terminal.wait_for("esc: live")
    terminal.press("?")
    terminal.wait_for("this help")
    terminal.press("q")
    terminal.press("q")
    terminal.wait_for("ended with 0", 20)
    is_sane(terminal)
    rows = read_timeline(tmp_path / "call.csv")
    assert [mark.note for row in rows for mark in marks_of(row)] == ["he shouts"]


def test_ctrl_c_leaves_in_order(terminal: Terminal, model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "realtime_ser", "live", str(DEMO), "--csv", "call.csv"]
    terminal.type(shlex.join([*command, "--model", str(model)]) + "; echo ended with $?\n")
    terminal.wait_for("→ call.csv")
    wait_until(lambda: len(read_timeline(tmp_path / "call.csv")) >= 3, 30, "rows")
    terminal.press("C-c")
    terminal.wait_for("ended with 130", 20)
    is_sane(terminal)
    assert read_timeline(tmp_path / "call.csv")[-1].kind == "utterance"


def test_a_crash_of_the_screen_loses_no_row_and_leaves_the_terminal_sane(
    terminal: Terminal, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "crash.py").write_text(CRASH)
    command = [sys.executable, "crash.py", "live", str(DEMO), "--csv", "call.csv"]
    terminal.type(shlex.join([*command, "--model", str(model)]) + "; echo ended with $?\n")
    terminal.wait_for("a fault of ours")
    terminal.wait_for("ended with 1", 20)
    is_sane(terminal)
    assert len(read_timeline(tmp_path / "call.csv")) >= 3
