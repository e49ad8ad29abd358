"""The server with a made-up screen: a process that tells what happens to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from realtime_ser.errors import ConfigError
from realtime_ser.web import process, server
from realtime_ser.web.guard import OWN_NAME
from realtime_ser.web.server import PAGE, ScreenServer, listen
from tests.waiting import wait_until

SCREEN = """
import json, sys
notes, name, way = sys.argv[1:]
def note(text):
    with open(notes, "a") as file: file.write(f"{name} {text}\\n")
def draw(text):
    content = text.encode()
    sys.stdout.buffer.write(b"D" + len(content).to_bytes(4, "big") + content)
    sys.stdout.buffer.flush()
note("starts")
if way == "fails": sys.exit("realtime-ser: mic: \\x1b[31mis gone; plug it in")
if way == "is mute": sys.stdin.buffer.read()
sys.stdout.buffer.write(b"chatter\\n__GANGLION__\\n")
draw("picture")
while head := sys.stdin.buffer.read(5):
    content = sys.stdin.buffer.read(int.from_bytes(head[1:], "big"))
    if head[:1] == b"D": draw("key " + content.decode())
    else:
        told = json.loads(content)
        if told["type"] == "quit" and way != "stays": break
        draw(json.dumps(told))
note("ends")
if way == "breaks": sys.exit(3)
"""


class Stage:
    """A server, its client, and what its processes have noted."""

    def __init__(self, folder: Path, way: str = "works", *, replaces: bool = False) -> None:
        self._notes = folder / "notes"
        self.reports: list[str] = []
        self.listener = listen(0)
        host, port = self.listener.getsockname()
        self.origin = f"http://{host}:{port}"
        first, again = (
            [sys.executable, "-c", SCREEN, str(self._notes), name, way]
            for name in ("first", "again")
        )
        self.server = ScreenServer(
            first, again, replaces=replaces, title="call <1>.wav", port=port,
            report=self.reports.append,
        )  # fmt: skip
        self.client: aiohttp.ClientSession

    @property
    def notes(self) -> list[str]:
        return self._notes.read_text().splitlines() if self._notes.exists() else []

    async def noted(self, *notes: str) -> None:
        await asyncio.to_thread(wait_until, lambda: self.notes == [*notes], 20, f"{notes}")

    async def load(self, **cookies: str) -> tuple[int, str]:
        """The page."""
        async with self.client.get(self.server.address, cookies=cookies) as answer:
            return answer.status, await answer.text()

    async def look(self, query: str = "") -> aiohttp.ClientWebSocketResponse:
        """The page's terminal."""
        await self.load(leaving="1")
        return await self.client.ws_connect(f"{self.origin}/ws{query}", origin=self.origin)


@contextlib.asynccontextmanager
async def serving(stage: Stage) -> AsyncIterator[Stage]:
    """Run the server as the command does, and end it as Ctrl-C does."""
    ready = asyncio.Event()
    running = asyncio.create_task(stage.server.run(stage.listener, ready.set))
    await ready.wait()
    jar = aiohttp.CookieJar(unsafe=True)  # cookies for an address without a name
    try:
        async with aiohttp.ClientSession(cookie_jar=jar) as stage.client:
            yield stage
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
    finally:
        running.cancel()
        stage.listener.close()


async def drawn(terminal: aiohttp.ClientWebSocketResponse) -> str:
    return (await terminal.receive_bytes(timeout=20)).decode()


async def closed(terminal: aiohttp.ClientWebSocketResponse) -> bool:
    return (await terminal.receive(timeout=20)).type is aiohttp.WSMsgType.CLOSE


async def test_keys_go_to_the_screen_and_pictures_to_the_page(tmp_path: Path) -> None:
    async with serving(Stage(tmp_path)) as stage:
        terminal = await stage.look()
        assert await drawn(terminal) == "picture"
        await terminal.send_json(["stdin", "ä"])
        assert await drawn(terminal) == "key ä"
        await terminal.send_json(["resize", {"width": 100, "height": 10**9}])
        assert json.loads(await drawn(terminal)) == {"type": "resize", "width": 100, "height": 1000}
        await terminal.send_json(["ping", "7"])
        assert await terminal.receive_json(timeout=20) == ["pong", "7"]
        await terminal.send_json(["focus"])
        assert json.loads(await drawn(terminal)) == {"type": "focus"}
        await terminal.close()
        await stage.noted("first starts", "first ends")
    assert stage.reports == []


async def test_what_no_terminal_says_is_left_out(tmp_path: Path) -> None:
    async with serving(Stage(tmp_path)) as stage:
        terminal = await stage.look("?width=NaN&height=-3")
        assert await drawn(terminal) == "picture"
        for text in ("{", "7", "[]", '["stdin"]', '["stdin", 3]', '["resize", null]', '["quit"]'):
            await terminal.send_str(text)
        await terminal.send_bytes(b"\xff")
        await terminal.send_json(["stdin", "\ud800"])
        assert await drawn(terminal) == "key ?"


async def test_one_page_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "TAKE_OVER", 0.05)
    async with serving(Stage(tmp_path)) as stage:
        assert (await stage.load())[0] == 200  # nobody looks yet
        terminal = await stage.look()
        assert await drawn(terminal) == "picture"
        status, text = await stage.load()
        assert status == 409
        assert "already open in another window" in text
        other = await stage.look()
        assert "already open in another window" in await drawn(other)
        assert await closed(other)
        await terminal.send_json(["stdin", "x"])  # the first one goes on
        assert await drawn(terminal) == "key x"
        await terminal.close()
        await stage.noted("first starts", "first ends")
        assert (await stage.load())[0] == 200


async def test_a_page_loaded_anew_gets_a_screen_when_the_one_before_has_ended(
    tmp_path: Path,
) -> None:
    async with serving(Stage(tmp_path)) as stage:
        terminal = await stage.look()
        assert await drawn(terminal) == "picture"
        next_terminal = await stage.look()  # the page before lets go when it has its follower
        await terminal.close()
        assert await drawn(next_terminal) == "picture"
        assert stage.notes == ["first starts", "first ends", "again starts"]


@pytest.mark.parametrize(("replaces", "then"), [(False, "again"), (True, "first")])
async def test_files_are_replaced_until_a_screen_has_opened(
    tmp_path: Path, replaces: bool, then: str
) -> None:
    async with serving(Stage(tmp_path, "fails", replaces=replaces)) as stage:
        for _ in range(2):
            terminal = await stage.look()
            assert "is gone" in await drawn(terminal)
            assert await closed(terminal)
            await terminal.close()
        assert stage.notes == ["first starts", f"{then} starts"]


async def test_what_was_replaced_is_gone_on_with(tmp_path: Path) -> None:
    async with serving(Stage(tmp_path, replaces=True)) as stage:
        for _ in range(2):
            terminal = await stage.look()
            assert await drawn(terminal) == "picture"
            await terminal.close()
        await stage.noted("first starts", "first ends", "again starts", "again ends")


async def test_why_a_screen_does_not_open_is_shown_and_reported(tmp_path: Path) -> None:
    async with serving(Stage(tmp_path, "fails")) as stage:
        terminal = await stage.look()
        text = await drawn(terminal)
        assert text.endswith("realtime-ser: mic:  [31mis gone; plug it in\r\n")
        assert await closed(terminal)
    assert [line.partition("mic")[0] for line in stage.reports] == ["realtime-ser: "]


async def test_a_screen_that_breaks_without_a_word_is_told_of(tmp_path: Path) -> None:
    async with serving(Stage(tmp_path, "breaks")) as stage:
        terminal = await stage.look()
        assert await drawn(terminal) == "picture"
        await terminal.close()
        await stage.noted("first starts", "first ends")
    assert stage.reports == ["the screen ended with status 3"]


async def test_a_page_that_leaves_early_stops_what_is_starting(tmp_path: Path) -> None:
    async with serving(Stage(tmp_path, "is mute")) as stage:
        terminal = await stage.look()
        await stage.noted("first starts")
        await terminal.close()
        terminal = await stage.look()
        await stage.noted("first starts", "again starts")  # so the first has ended
    assert stage.reports == []


async def test_a_screen_that_does_not_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "PATIENCE", 0.1)
    async with serving(Stage(tmp_path, "stays")) as stage:
        terminal = await stage.look()
        assert await drawn(terminal) == "picture"
        await terminal.close()
        await asyncio.to_thread(wait_until, lambda: stage.reports, 20)
    assert stage.notes == ["first starts"]
    assert "was killed" in stage.reports[0]


async def test_the_server_ends_the_screen_in_order(tmp_path: Path) -> None:
    async with serving(Stage(tmp_path)) as stage:
        terminal = await stage.look()
        assert await drawn(terminal) == "picture"
    assert await closed(terminal)
    assert stage.notes == ["first starts", "first ends"]


async def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    """Neither do textual-serve's script and styles that it uses."""
    async with serving(Stage(tmp_path)) as stage:
        status, text = await stage.load()
        assert status == 200
        assert "call &lt;1&gt;.wav" in text
        files = re.findall(r'(?:src|href)="([^"]+)"', text)
        assert [
            file for file in files if not file.startswith(("/static/", "/page/", "data:"))
        ] == []
        styles = (PAGE / "page.css").read_text()
        for file in (*files, *re.findall(r'url\("([^"]+)"\)', styles)):
            if file.startswith("/"):
                async with stage.client.get(stage.origin + file) as answer:
                    assert answer.status == 200, file
        async with stage.client.get(f"{stage.origin}/static/js/textual.js") as answer:
            script = await answer.text()
    assert "googleapis" not in script


def test_tokens_are_never_the_same(tmp_path: Path) -> None:
    stages = [Stage(tmp_path) for _ in range(2)]
    one, other = (stage.server.address.rpartition("=")[2] for stage in stages)
    for stage in stages:
        stage.listener.close()
    assert one != other
    assert len(one) >= 43  # 256 bits


def test_a_port_that_is_taken_is_said_or_left_to_another() -> None:
    with listen(0) as taken:
        host, port = taken.getsockname()
        assert OWN_NAME.fullmatch(host)
        with pytest.raises(ConfigError, match=f"--port {port}: cannot be listened to"):
            listen(port)


def test_without_a_wish_any_port_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with listen(0) as usual:
        monkeypatch.setattr(server, "USUAL_PORT", usual.getsockname()[1])
        with listen(None) as other:
            assert other.getsockname()[1] not in (0, usual.getsockname()[1])
