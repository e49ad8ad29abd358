"""``realtime-ser dashboard`` as users run it: as lines, in a terminal, and in a browser."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from realtime_ser.ui.palette import DARK
from tests.browser import CHROMIUM, chromium
from tests.floors import FloorServer, busy_floor, make_stream, update
from tests.rows import make_row
from tests.terminal import MISSING, Terminal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "REALTIME_SER_TOKEN"}
ENVIRONMENT |= {"PYTHONPATH": str(ROOT)}
DASHBOARD = [sys.executable, "-m", "realtime_ser", "dashboard"]


def dashboard(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DASHBOARD, *arguments], env=ENVIRONMENT | environment, timeout=60, check=False,
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--connect", "there"], "--connect there: not an address"),
        (["--connect", "http://x/?token=y"], "REALTIME_SER_TOKEN"),
        (["--token-file", "none"], "none: the token cannot be read"),
        (["--port", "0"], "--port: is for --web"),
        (["--web", "--plain"], "leave --plain out"),
        (
            ["--connect", "http://127.0.0.1:1"],
            "cannot reach http://127.0.0.1:1 (connection refused)",
        ),
    ],
)
def test_what_is_wrong_is_one_line(arguments: list[str], words: str) -> None:
    done = dashboard(*arguments)
    (line,) = done.stderr.splitlines()
    assert words in line
    assert (done.returncode, done.stdout) == (2, "")


def test_a_missing_package_is_named() -> None:
    code = (
        "import sys\nsys.modules['websockets'] = None\n"
        "from realtime_ser.cli.main import main\nmain(['dashboard'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, timeout=60, check=False,
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.endswith("dashboard needs websockets; pip install 'realtime-ser[server]'")


async def test_lines_without_a_terminal(tmp_path: Path) -> None:
    async with FloorServer(*busy_floor(5), token="sesame").running() as address:
        done = await asyncio.to_thread(dashboard, "--connect", address, REALTIME_SER_TOKEN="sesame")
        assert (done.returncode, done.stderr) == (0, "")
        assert len([line for line in done.stdout.splitlines() if line.startswith("  call-")]) == 5
        (tmp_path / "token").write_text("wrong\n")
        done = await asyncio.to_thread(
            dashboard, "--connect", address, "--token-file", str(tmp_path / "token")
        )
        assert done.returncode == 2
        assert "wants the server's token" in done.stderr


@contextlib.asynccontextmanager
async def floor() -> AsyncIterator[tuple[FloorServer, str]]:
    """A server whose calls go on."""
    server = FloorServer(make_stream("call-1", emotion="angry"), make_stream("call-2"))
    for key in server.streams:
        server.rows[key] = [
            make_row(stream=key[0], channel=0, start=end - 1.0, end=end) for end in range(40, 100)
        ]

    async def go_on() -> None:
        while True:
            await asyncio.sleep(0.2)
            for stream in server.streams.values():
                stream["duration"] += 0.2
            await server.tell(update(*server.streams.values()))

    async with server.running() as address:
        going = asyncio.create_task(go_on())
        try:
            yield server, address
        finally:
            going.cancel()


@pytest.mark.skipif(bool(MISSING), reason=MISSING or "tmux is there")
async def test_a_floor_in_a_terminal(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, ENVIRONMENT)

    async def see(*texts: str) -> None:
        for text in texts:
            await asyncio.to_thread(terminal.wait_for, text)

    try:
        async with floor() as (_, address):
            command = shlex.join([*DASHBOARD, "--connect", address])
            terminal.type(f"{command}; echo ended with $?\n")
            await see("▸ call-1", "● connected", "calls  2")
            terminal.press("j")
            await see("▸ call-2")
            terminal.press("Enter")
            await see("call-2 · customer", "● running", "timeline")
            terminal.press("q")
            await see("▸ call-2", "calls  2")
        await see("▲ no connection", "trying again in")
        terminal.press("q")
        await see("ended with 0")
        assert not terminal.in_screen()
        terminal.type(f"{command}; echo ended with $?\n")
        await see("cannot reach")
        terminal.press("C-c")
        await see("ended with 130")
    finally:
        terminal.end()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is missing (apt install chromium)")
async def test_a_floor_in_a_browser(tmp_path: Path) -> None:
    async with floor() as (_, address):
        process = subprocess.Popen(
            [*DASHBOARD, "--connect", address, "--web", "--port", "0"], env=ENVIRONMENT, text=True,
            cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        with process, contextlib.ExitStack() as leaving:
            leaving.callback(process.kill)
            assert process.stdout is not None
            said = await asyncio.to_thread(process.stdout.readline)
            found = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", said)
            assert found is not None
            async with chromium(tmp_path) as browser:
                page = await browser.open()
                await page.load(found[0])
                await page.wait(lambda: "call-2" in page.heard, "the calls")
                await page.wait_for("document.activeElement.tagName === 'TEXTAREA'")
                await page.press("j")
                await page.press("\r")
                await page.wait(lambda: "timeline" in page.heard, "the call")
                await page.wait(lambda: "call-2 · customer" in page.heard, "its title")
                angry = [int(DARK.looks["angry"].color[i : i + 2], 16) for i in (1, 3, 5)]
                async with asyncio.timeout(60):
                    while ((await page.picture()) == angry).all(axis=2).sum() <= 200:
                        await asyncio.sleep(0.1)
                page.heard = ""
                await page.press("q")
                await page.wait(lambda: "call-1" in page.heard, "the calls again")
                await page.press("q")
                await page.wait_for("document.body.classList.contains('-closed')")
                assert page.troubles == []
            process.send_signal(signal.SIGINT)
            _, errors = await asyncio.to_thread(process.communicate, timeout=60)
            assert (process.returncode, errors) == (130, "")
