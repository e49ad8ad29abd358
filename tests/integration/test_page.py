"""The page of ``serve`` in a real browser, whose microphone plays a file."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime_ser.config import AlertConfig
from realtime_ser.server.auth import Rules
from realtime_ser.sinks.reader import read_timeline
from realtime_ser.types import EMOTIONS
from tests.browser import CHROMIUM, Page, chromium
from tests.server.serving import START, Stage, serving, settings
from tests.signals import silence, speech_like

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is missing (apt install chromium)"),
]
ROOT = Path(__file__).parents[2]
DEMO = ROOT / "realtime_ser" / "data" / "demo.ogg"
TOKEN = "a-token-of-enough-length"


@contextlib.asynccontextmanager
async def opened(
    folder: Path, address: str, voice: Path | None = None, *, allowed: bool = True
) -> AsyncIterator[Page]:
    """The page; its microphone plays a file, and none is there without one."""
    flags = []
    if voice is not None:
        flags = [
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={voice}",
        ]
    async with chromium(folder, *flags) as browser:
        page = await browser.open()
        await page.call(
            "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder / "saved")
        )
        await page.call(
            "Browser.setPermission",
            permission={"name": "microphone"},
            setting="granted" if allowed else "denied",
        )
        await page.load(address)
        await page.wait_for("document.querySelector('#bars')?.children.length")
        yield page


def voice_file(folder: Path) -> Path:
    """Speech and a pause; a microphone plays it again and again."""
    file = folder / "voice.wav"
    parts = [silence(0.3), speech_like(1.7), silence(1.2)]
    soundfile.write(file, np.concatenate(parts), 16_000, subtype="PCM_16")
    return file


async def text(page: Page, name: str) -> str:
    """What an element says."""
    said = await page.value(f"document.getElementById('{name}').innerText")
    assert isinstance(said, str)
    return said


async def says(page: Page, name: str, words: str) -> None:
    """Wait until an element that is seen has some words."""
    await page.wait_for(
        f"(e => e.checkVisibility() && e.innerText.includes({json.dumps(words)}))"
        f"(document.getElementById('{name}'))"
    )


async def rows(page: Page, count: int) -> None:
    await page.wait_for(f"Number(document.getElementById('rows').textContent) >= {count}")


async def ended(page: Page) -> None:
    await says(page, "state", "not listening")


async def saved(page: Page, folder: Path, button: str, name: str) -> Path:
    """The file that a button saves."""
    file = folder / "saved" / name
    await page.click(button)
    await page.wait(file.is_file, f"the download of {name}")
    return file


async def choose(page: Page, file: Path) -> None:
    """As the dialog behind the button does."""
    document = await page.call("DOM.getDocument")
    found = await page.call(
        "DOM.querySelector", nodeId=document["root"]["nodeId"], selector="#file"
    )
    await page.call("DOM.setFileInputFiles", nodeId=found["nodeId"], files=[str(file)])


async def drop(page: Page, file: Path) -> None:
    """As a file manager does."""
    data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        await page.call("Input.dispatchDragEvent", type=kind, x=300, y=300, data=data)


def kept_by(stage: Stage) -> bytes:
    """The only timeline that the server wrote."""
    assert stage.folder is not None
    (file,) = stage.folder.iterdir()
    return file.read_bytes()


async def test_the_microphone_is_heard_and_its_timeline_saved(tmp_path: Path) -> None:
    output = tmp_path / "timelines"
    output.mkdir()
    async with (
        serving(folder=output) as stage,
        opened(tmp_path, f"http://{stage.url}/", voice_file(tmp_path)) as page,
    ):
        await page.click("#start")
        await says(page, "state", "speech")
        await says(page, "word", "angry")
        assert await text(page, "sure") == "70 % likely"
        await page.wait_for("document.getElementById('spoken').textContent === 'angry, 70 %'")
        await says(page, "state", "silence")
        await says(page, "utterances", "angry")
        await rows(page, 8)
        await page.click("#stop")
        await ended(page)
        assert await text(page, "dropped") == "0.0 s"
        assert await text(page, "sure") != "70 % likely"  # but when that was

        file = await saved(page, tmp_path, "#csv", "microphone.csv")
        assert file.read_bytes() == kept_by(stage)
        written = read_timeline(file)
        assert await text(page, "rows") == str(len(written))
        assert {row.kind for row in written} == {"window", "utterance"}
        assert await page.value("document.querySelectorAll('#utterances tr').length") == sum(
            row.kind == "utterance" for row in written
        )
        assert not await page.value("document.getElementById('wav').checkVisibility()")
        assert {url.split("/")[2] for url in page.asked if "blob:" not in url} == {stage.url}
        assert page.troubles == []


async def test_the_recording_is_kept_where_it_is_ticked(tmp_path: Path) -> None:
    config = replace(settings(), alerts=AlertConfig(rules=("loud: angry >= 0.6 for 1 s",)))
    async with (
        serving(config) as stage,
        opened(tmp_path, f"http://{stage.url}/", voice_file(tmp_path)) as page,
    ):
        await page.click("#settings summary")
        await page.click("#keep")
        await page.click("#start")
        await says(page, "utterances", "alert: loud")
        await says(page, "alerts", "1")
        await page.click("#stop")
        await ended(page)
        file = await saved(page, tmp_path, "#wav", "microphone.wav")
        sound, rate = soundfile.read(file)
        minutes, seconds = (await text(page, "elapsed")).split(":")
        assert 0.0 <= len(sound) / rate - (60 * int(minutes) + int(seconds)) < 1.0
        assert np.abs(sound).max() > 0.01

        await page.click("#keep")  # and is forgotten when that is taken back
        await page.wait_for("!document.getElementById('wav').checkVisibility()")


async def test_a_recording_of_two_people(tmp_path: Path) -> None:
    output = tmp_path / "timelines"
    output.mkdir()
    call = np.zeros((5 * 44_100, 2), np.float32)
    for channel in range(2):
        start = (1 + channel) * 44_100
        call[start : start + 2 * 44_100, channel] = speech_like(2.0, sample_rate=44_100)
    soundfile.write(tmp_path / "a call.wav", call, 44_100)
    (tmp_path / "noise.mp3").write_bytes(bytes(range(256)))
    async with (
        serving(folder=output) as stage,
        opened(tmp_path, f"http://{stage.url}/") as page,
    ):
        await choose(page, tmp_path / "noise.mp3")
        await says(page, "trouble", "noise.mp3 is not a recording that this browser can read")
        await drop(page, tmp_path / "a call.wav")
        await says(page, "recording", "a call.wav, 0:05")
        assert not await page.value("document.getElementById('trouble').checkVisibility()")
        await page.click("#recording button")
        await ended_after(page, "0:05 of 0:05")
        await says(page, "left-out", "The agent's channel is not analysed")
        assert await text(page, "dropped") == "0.0 s"
        file = await saved(page, tmp_path, "#csv", "a-call.csv")
        assert file.read_bytes() == kept_by(stage)
        heard = read_timeline(file)
        assert {row.channel for row in heard} == {0}
        (utterance,) = [row for row in heard if row.kind == "utterance"]
        assert utterance.start == pytest.approx(1.0, abs=0.3)
        assert utterance.end == pytest.approx(3.0, abs=0.5)

        await choose(page, tmp_path / "a call.wav")
        await says(page, "recording", "a call.wav")
        await page.click("#mixed")
        await page.click("#recording button")
        await says(page, "state", "speech")
        await page.click("#stop")
        await ended(page)
        assert page.troubles == []


async def ended_after(page: Page, elapsed: str) -> None:
    await says(page, "elapsed", elapsed)
    await ended(page)


@pytest.mark.parametrize(
    ("there", "words"),
    [
        (True, "The browser was not allowed to use the microphone"),
        (False, "No microphone was found"),
    ],
)
async def test_a_microphone_that_cannot_be_had(tmp_path: Path, there: bool, words: str) -> None:
    voice = voice_file(tmp_path) if there else None
    async with (
        serving() as stage,
        opened(tmp_path, f"http://{stage.url}/", voice, allowed=not there) as page,
    ):
        await page.click("#start")
        await says(page, "trouble", words)
        await page.wait_for("document.getElementById('start').checkVisibility()")
        assert (await stage.streams())["streams"] == []


async def test_a_token_is_asked_for(tmp_path: Path) -> None:
    async with (
        serving(rules=Rules(TOKEN)) as stage,
        opened(tmp_path, f"http://{stage.url}/", voice_file(tmp_path)) as page,
    ):
        await says(page, "trouble", "The server wants its token")
        await page.click("#start")
        await says(page, "trouble", "The server wants its token")
        for given in ("wrong", TOKEN):
            await page.value("document.getElementById('token').value = ''")
            await page.click("#token")
            await page.call("Input.insertText", text=given)
            await page.click("#token-form button")
            if given != TOKEN:
                await says(page, "trouble", "That is not the server's token")
        await page.wait_for("!document.getElementById('token-form').checkVisibility()")
        await page.click("#start")
        await rows(page, 1)
        await page.click("#stop")
        await ended(page)
        assert [url for url in page.asked if TOKEN in url] == [
            f"ws://{stage.url}/v1/stream?token={TOKEN}"
        ]


async def test_a_token_may_come_with_the_address(tmp_path: Path) -> None:
    async with (
        serving(rules=Rules(TOKEN)) as stage,
        opened(tmp_path, f"http://{stage.url}/#token={TOKEN}") as page,
    ):
        assert await page.value("location.href") == f"http://{stage.url}/"
        await page.wait(
            lambda: any(url.endswith("/v1/streams") for url in page.asked), "the question"
        )
        assert not await page.value("document.getElementById('trouble').checkVisibility()")
        assert page.troubles == []


async def test_a_full_server_and_one_that_ends(tmp_path: Path) -> None:
    async with (
        serving(max_streams=1) as stage,
        opened(tmp_path, f"http://{stage.url}/", voice_file(tmp_path)) as page,
    ):
        async with stage.socket() as other:
            await other.send(json.dumps(START))
            await other.recv()
            await page.click("#start")
            await says(page, "trouble", "The server is full")
            await other.send('{"type":"stop"}')
            await other.wait_closed()
        await page.click("#start")
        await rows(page, 1)
        stage.stop.set()
        await says(page, "trouble", "The server is being shut down")
        await ended(page)
        assert await page.value("!document.getElementById('csv').disabled")


@contextlib.contextmanager
def command(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``serve`` with the shipped model, and the address of its page."""
    process = subprocess.Popen(
        [sys.executable, "-m", "realtime_ser", "serve", "--port", "0"],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with process:
        try:
            assert process.stdout is not None
            found = re.search(r"ws://(127\.0\.0\.1:\d+)/", process.stdout.readline())
            assert found is not None
            yield process, f"http://{found[1]}/"
        finally:
            process.kill()


async def test_the_shipped_model_until_the_server_is_killed(tmp_path: Path) -> None:
    call, rate = soundfile.read(DEMO)
    voice = tmp_path / "customer.wav"
    soundfile.write(voice, call[4 * rate : 20 * rate, 0], rate, subtype="PCM_16")
    with command(tmp_path) as (process, address):
        async with opened(tmp_path, address, voice) as page:
            await page.click("#start")
            await rows(page, 8)
            await says(page, "utterances", "%")
            shown = await page.value(
                "[...document.querySelectorAll('#bars li')].map(e => e.dataset.emotion)"
            )
            assert set(shown) <= set(EMOTIONS)
            await page.click("#stop")
            await ended(page)
            heard = read_timeline(await saved(page, tmp_path, "#csv", "microphone.csv"))
            assert len(heard) >= 8
            assert await text(page, "dropped") == "0.0 s"
            assert page.troubles == []

            await page.click("#start")
            await says(page, "state", "speech")
            await rows(page, 1)
            process.send_signal(signal.SIGKILL)
            await says(page, "trouble", "The connection to the server was lost")
            await ended(page)
            assert page.questions == []
            page.agrees = False
            await page.click("#start")
            await page.wait(lambda: page.questions, "the question")
            assert await text(page, "state") == "not listening"
            page.agrees = True
            await page.click("#start")
            await says(page, "trouble", "The server cannot be reached")
            assert page.questions == ["The session on this page is not saved. Clear it?"] * 2
            assert await page.value("!document.getElementById('csv').disabled")


LONG_SESSION = """
window.WebSocket = class {
  static OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  constructor() { setTimeout(() => this.onopen()); }
  tell(message) { this.onmessage({ data: JSON.stringify(message) }); }
  send(data) {
    if (typeof data !== "string") return;
    if (data === '{"type":"stop"}') {
      this.tell({ type: "end", dropped: 0 });
      this.onclose({ code: 1000 });
      return;
    }
    const heard = { channel: 0, role: "speaker", analysed: true };
    this.tell({ type: "ready", classes: ["angry", "sad"], channels: [heard], model: "made up" });
    for (let i = 0; i < COUNT; i++) {
      const kind = i % 10 === 9 ? "utterance" : "window";
      this.tell({
        type: kind, schema: 1, stream: "long, long", channel: 0, kind, start: i / 2,
        end: (i + 1) / 2, utc: "2026-11-23T10:00:00.000Z", emotion: "angry", confidence: 0.7,
        angry: 0.7, disgust: null, fear: null, happy: null, neutral: null, sad: 0.3, surprise: null,
        arousal: 0.0, valence: -0.1, level_dbfs: -20.0, adapted: 3.0, latency_ms: null,
        flags: "derived",
      });
    }
  }
};
"""


async def test_a_long_session_is_saved_whole_and_shown_in_part(tmp_path: Path) -> None:
    count = 40_000
    async with (
        serving() as stage,
        opened(tmp_path, f"http://{stage.url}/", voice_file(tmp_path)) as page,
    ):
        script = LONG_SESSION.replace("COUNT", str(count))
        await page.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        await page.load(f"http://{stage.url}/?")
        await page.wait_for("document.querySelector('#bars')?.children.length")
        await page.click("#start")
        await rows(page, count)
        await page.click("#zoom [value='7200']")
        await says(page, "left-out", "is not drawn any more; the CSV has it")
        assert await page.value("document.querySelectorAll('#utterances tr').length") == 200
        assert await page.value("document.querySelectorAll('*').length") < 2000
        await page.click("#stop")
        await ended(page)
        file = await saved(page, tmp_path, "#csv", "microphone.csv")
        written = read_timeline(file)
        assert len(written) == count
        assert written[-1].stream == "long, long"
        assert written[-1].end == count / 2
        assert page.troubles == []
