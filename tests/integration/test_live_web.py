"""``realtime-ser live --web`` as users run it, without and with a browser."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from realtime_ser.cli.session import Session
from realtime_ser.cli.web import screen_command
from realtime_ser.sinks.reader import read_timeline
from realtime_ser.ui.palette import DARK
from tests.browser import CHROMIUM, Page, chromium
from tests.models import CLASSES, save_untrained

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "realtime_ser" / "data" / "demo.ogg"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}
SCREEN = "\x1b[?1049h"
"""What a terminal is told when a screen opens."""


@contextlib.contextmanager
def served(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The server's process, and the address that it prints."""
    command = [sys.executable, "-m", "realtime_ser", "live", *arguments, "--web", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", process.stdout.readline())
            assert found is not None
            yield process, found[0]
        finally:
            process.kill()


def end(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    """Exit status after a signal, and what was said on stderr."""
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("call.ogg --plain --web", "leave --plain out"),
        ("- --web", "name files in place of -"),
        ("call.ogg --csv - --web", "name files in place of -"),
        ("call.ogg --port 0", "--port: is for --web"),
        ("call.ogg --web --port 65536", "to 65535"),
        ("none.ogg --web", "none.ogg: no such file"),
        ("noise.wav --web", "noise.wav: not audio"),
        ("call.ogg --csv t.csv --web", "t.csv: already exists"),
        ("call.ogg --model none --web", "shipped models: default"),
        ("call.ogg --config none.toml --web", "none.toml"),
        ("call.ogg --web --port {taken}", "cannot be listened to"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_served(
    tmp_path: Path, arguments: str, words: str
) -> None:
    (tmp_path / "call.ogg").symlink_to(DEMO)
    (tmp_path / "noise.wav").write_bytes(bytes(range(256)))
    (tmp_path / "t.csv").write_text("precious\n")
    code = (
        "import sys\nfrom realtime_ser.cli.main import main\n"
        "try: main(sys.argv[1:])\nfinally: assert 'torch' not in sys.modules"
    )
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = arguments.format(taken=taken.getsockname()[1]).split()
        done = subprocess.run(
            [sys.executable, "-c", code, "live", *command], cwd=tmp_path, env=ENVIRONMENT,
            timeout=120, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    (line,) = done.stderr.splitlines()
    assert words in line
    assert (done.returncode, done.stdout) == (2, "")


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    code = (
        "import sys\nsys.modules['textual_serve'] = None\n"
        "from realtime_ser.cli.main import main\nmain(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "live", "mic", "--web"], cwd=tmp_path, env=ENVIRONMENT,
        timeout=120, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.endswith("--web needs textual-serve; pip install 'realtime-ser[web]'")


@pytest.mark.skipif(os.name == "nt", reason="signals are told on POSIX only")
@pytest.mark.parametrize(("number", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 143)])
def test_a_signal_ends_a_server_that_nobody_looks_at(
    tmp_path: Path, number: str, status: int
) -> None:
    with served(tmp_path, "mic") as (process, _):  # which is not opened: there may be none
        assert end(process, getattr(signal, number)) == (status, "")


def test_the_screen_gets_the_same_session() -> None:
    session = Session(
        title="x", source="-x.wav", csv=Path("a b.csv"), jsonl=Path("t.jsonl"), append=True,
        overwrite=False, plain=False, speaker="anna",
    )  # fmt: skip
    command = screen_command(session, ["--model", "default"])
    assert command[0] == sys.executable
    assert command[command.index("realtime_ser") :] == [
        "realtime_ser", "live", "--csv", "a b.csv", "--jsonl", "t.jsonl", "--speaker", "anna",
        "--append", "--model", "default", "--", "-x.wav",
    ]  # fmt: skip


def count(timeline: Path) -> int:
    return len(read_timeline(timeline)) if timeline.exists() else 0


async def opened(page: Page, times: int) -> None:
    """The screen has been drawn, and takes keys."""
    await page.wait(lambda: page.heard.count(SCREEN) == times, "a screen")
    await page.wait_for("document.activeElement.tagName === 'TEXTAREA'")


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is missing (apt install chromium)")
async def test_the_screen_in_a_browser(tmp_path: Path) -> None:
    model = save_untrained(tmp_path / "model")
    timeline = tmp_path / "t.csv"
    arguments = (str(DEMO), "--channels", "split", "--csv", "t.csv", "--model", str(model))
    with served(tmp_path, *arguments) as (process, address):
        async with chromium(tmp_path) as browser:
            page = await browser.open()
            await page.load(address)
            await opened(page, 1)
            await page.wait(lambda: count(timeline) >= 3, "rows")

            screen = await page.picture(tmp_path / "screen.png")
            for name in CLASSES:  # an untrained model gives a bar to each
                assert of_color(screen, DARK.looks[name].color) > 200, name

            # Paused, the picture stands still; what changes then is the key's work.
            await page.press(" ")
            await page.wait(lambda: "paused" in page.heard, "the pause")
            before = await page.picture(tmp_path / "paused.png")
            await page.press("?")
            await page.wait(lambda: "this help" in page.heard, "the help")
            helped = await page.picture(tmp_path / "help.png")
            assert (helped != before).any(axis=2).mean() > 0.2

            other = await browser.open()
            await other.load(address)
            await other.wait_for("document.body?.innerText.includes('open in another window')")
            await other.load("about:blank")
            await page.call("Page.bringToFront")

            rows = count(timeline)
            await page.call("Page.reload")
            await opened(page, 2)
            await page.wait(lambda: count(timeline) > rows, "rows of the second screen")

            await page.press("q")
            await page.wait_for("document.body.classList.contains('-closed')")
            own = address.partition("?")[0]
            assert {url.replace("ws:", "http:", 1).startswith(own) for url in page.asked} == {True}
            assert await page.value("location.href") == own  # the token is not shown
            assert page.troubles == []
        assert end(process, signal.SIGINT) == (130, "")
    assert timeline.read_text().count("schema,") == 1


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is missing (apt install chromium)")
@pytest.mark.parametrize(("number", "status"), [("SIGTERM", 143), ("SIGKILL", -9)])
async def test_the_screen_ends_with_its_server(tmp_path: Path, number: str, status: int) -> None:
    model = save_untrained(tmp_path / "model")
    timeline = tmp_path / "t.jsonl"
    arguments = (str(DEMO), "--jsonl", "t.jsonl", "--model", str(model))
    with served(tmp_path, *arguments) as (process, address):
        async with chromium(tmp_path) as browser:
            page = await browser.open()
            await page.load(address)
            await page.wait(lambda: count(timeline) >= 1, "a row")
            screens = children(process.pid)
            assert len(screens) == 1
            assert end(process, getattr(signal, number)) == (status, "")
            await page.wait(lambda: not any(map(is_there, screens)), "the screen's end")
            await page.wait_for("document.body.classList.contains('-closed')")
    assert count(timeline) >= 1


def of_color(picture: np.ndarray, color: str) -> int:
    """Pixels that have exactly the colour ``#rrggbb``."""
    wanted = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
    return int((picture == wanted).all(axis=2).sum())


def children(pid: int) -> list[int]:
    """Processes that a process has started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_there(pid: int) -> bool:
    """A process has not ended; one that nobody has asked about is a zombie, and has."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
