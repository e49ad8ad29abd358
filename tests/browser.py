"""A headless Chromium, led by its DevTools protocol: no driver program, no further package."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import numpy as np
from PIL import Image

from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

CHROMIUM = shutil.which("chromium") if sys.platform == "linux" else None
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--remote-debugging-port=0", "--window-size=1280,800",
)  # fmt: skip
PATIENCE = 60.0
"""Seconds; a machine with other work is slow."""


class Page:
    """One tab."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self._websocket = websocket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.heard = ""
        """Everything that came over the WebSockets of the page, as text."""
        self.asked: list[str] = []
        """Addresses that were asked for."""
        self.troubles: list[str] = []
        """Exceptions and refusals that the page's console tells of."""
        self.questions: list[str] = []
        """What the page has asked; ``agrees`` is the answer."""
        self.agrees = True
        self._answering: asyncio.Task[dict[str, Any]] | None = None

    async def listen(self) -> None:
        """Take answers and events until the connection ends."""
        async for message in self._websocket:
            content = json.loads(message.data)
            if "id" in content:
                self._answers.pop(content["id"]).set_result(content)
            else:
                self._take(content["method"], content["params"])

    def _take(self, event: str, told: dict[str, Any]) -> None:
        if event == "Network.webSocketFrameReceived":
            frame = told["response"]
            data = frame["payloadData"]
            if frame["opcode"] == 2:
                data = base64.b64decode(data).decode(errors="replace")
            self.heard += data
        elif event == "Network.requestWillBeSent":
            self.asked.append(told["request"]["url"])
        elif event == "Network.webSocketCreated":
            self.asked.append(told["url"])
        elif event == "Runtime.exceptionThrown":
            self.troubles.append(json.dumps(told["exceptionDetails"]))
        elif event == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.troubles.append(json.dumps(told["entry"]))
        elif event == "Page.javascriptDialogOpening":
            self.questions.append(told["message"])
            answer = self.call("Page.handleJavaScriptDialog", accept=self.agrees)
            self._answering = asyncio.create_task(answer)

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One call of the protocol."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._websocket.send_json({"id": number, "method": method, "params": parameters})
        content = await asyncio.wait_for(answer, PATIENCE)
        assert "error" not in content, content
        result: dict[str, Any] = content["result"]
        return result

    async def load(self, address: str) -> None:
        """Go to an address."""
        await self.call("Page.navigate", url=address)

    async def value(self, expression: str) -> Any:
        """What the page's script says; of a promise, what it comes to."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def wait_for(self, expression: str) -> None:
        """Wait until the page's script says something true, and that has been drawn."""
        await self.value(
            "new Promise(done => { const look = () => "
            f"requestAnimationFrame(({expression}) ? done : look); look(); }})"
        )

    async def click(self, selector: str) -> None:
        """Press the mouse on an element that is seen and may be pressed."""
        element = f"document.querySelector({json.dumps(selector)})"
        await self.wait_for(f"{element}?.checkVisibility() && !{element}.disabled")
        await self.value(f"{element}.scrollIntoView({{block: 'center'}})")
        box = await self.value(f"{element}.getBoundingClientRect().toJSON()")
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for kind in ("mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )

    async def press(self, key: str) -> None:
        """Type one character."""
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=key, key=key)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def picture(self, file: Path | None = None) -> np.ndarray:
        """What is seen, (height, width, 3); also into a PNG file."""
        await self.wait_for("true")
        answer = await self.call("Page.captureScreenshot", format="png")
        content = base64.b64decode(answer["data"])
        if file is not None:
            file.write_bytes(content)
        return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))

    async def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait until something of the above is so."""
        await asyncio.to_thread(wait_until, condition, PATIENCE, what)


class Browser:
    """A process of Chromium."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self._address = f"http://127.0.0.1:{port}/json"
        self._leaving = contextlib.AsyncExitStack()

    async def open(self) -> Page:
        """A new tab."""
        async with self._session.put(f"{self._address}/new?about:blank") as answer:
            told = await answer.json()
        websocket = await self._session.ws_connect(told["webSocketDebuggerUrl"], max_msg_size=0)
        self._leaving.push_async_callback(websocket.close)
        page = Page(websocket)
        listening = asyncio.create_task(page.listen())
        self._leaving.push_async_callback(_ended, listening)
        for domain in ("Page", "Network", "Runtime", "Log"):
            await page.call(f"{domain}.enable")
        return page

    async def close(self) -> None:
        """Let go of all tabs."""
        await self._leaving.aclose()


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@contextlib.asynccontextmanager
async def chromium(folder: Path, *flags: str) -> AsyncIterator[Browser]:
    """A browser with a profile of its own in ``folder``, and with more flags."""
    assert CHROMIUM is not None
    profile = folder / "profile"
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(
            [CHROMIUM, *FLAGS, *flags, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | home,
        )  # fmt: skip
    try:
        told = profile / "DevToolsActivePort"
        await asyncio.to_thread(
            wait_until, lambda: told.is_file() and "\n" in told.read_text(), PATIENCE, "Chromium"
        )
        async with aiohttp.ClientSession() as session:
            browser = Browser(session, int(told.read_text().split()[0]))
            try:
                yield browser
            finally:
                await browser.close()
    finally:
        process.terminate()
        process.wait(PATIENCE)
