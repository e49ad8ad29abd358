"""The process that PortAudio runs in, with a sounddevice of our own in it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from realtime_ser.capture import audio_process
from realtime_ser.capture.portaudio import PortAudio
from realtime_ser.errors import SourceError
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from realtime_ser.types import AudioArray

SOUNDDEVICE = """
import os, struct, sys, threading, time, types

class PortAudioError(Exception):
    pass

class default:
    hostapi = 0

def query_hostapis(index=None):
    apis = [{"name": "Fake", "default_input_device": 1}]
    return apis if index is None else apis[index]

def query_devices():
    common = {"hostapi": 0, "default_samplerate": 48_000.0}
    return [
        {"index": 0, "name": "Out", "max_input_channels": 0, **common},
        {"index": 1, "name": "In", "max_input_channels": 2, **common},
    ]

def check_input_settings(device, channels, dtype, samplerate):
    if samplerate != 48_000:
        raise PortAudioError("Invalid sample rate")

class RawInputStream:
    def __init__(self, device, channels, samplerate, blocksize, dtype, callback, finished_callback):
        if channels > 2:
            raise PortAudioError("Device\\nunavailable")
        self.call = callback, finished_callback, channels, blocksize
        self.stopped = threading.Event()

    def start(self):
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        callback, finished, channels, blocksize = self.call
        for block in range(3):
            data = struct.pack(f"{blocksize * channels}f", *[block / 4] * (blocksize * channels))
            callback(data, blocksize, None, types.SimpleNamespace(input_overflow=block == 1))
        if ENDS:
            finished()

    def abort(self):
        while HANGS:
            time.sleep(1)

    close = abort

ENDS = HANGS = False
"""


@pytest.fixture
def sounddevice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The module that the process finds under this name."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    module = tmp_path / "sounddevice.py"
    module.write_text(SOUNDDEVICE)
    return module


class Heard:
    """What a driver delivers."""

    def __init__(self) -> None:
        self.blocks: list[tuple[AudioArray, float, bool]] = []
        self.ended = threading.Event()

    def on_block(self, samples: AudioArray, captured: float, overflow: bool) -> None:
        self.blocks.append((samples, captured, overflow))


def opened(driver: PortAudio, heard: Heard, *, channels: int = 2) -> int:
    (device,) = driver.devices()
    return driver.open(device, (16_000, 48_000), channels, 0.032, heard.on_block, heard.ended.set)


def test_devices_that_record_are_listed_with_their_rates(sounddevice: Path) -> None:
    driver = PortAudio()
    (device,) = driver.devices((16_000, 48_000))
    driver.close()
    assert (device.index, device.name, device.host_api, device.channels) == (1, "In", "Fake", 2)
    assert (device.sample_rate, device.sample_rates, device.is_default) == (48_000, (48_000,), True)


def test_blocks_arrive_whole_with_their_time_and_what_was_lost(sounddevice: Path) -> None:
    heard = Heard()
    driver = PortAudio()
    before = time.monotonic()
    assert opened(driver, heard) == 48_000
    wait_until(lambda: len(heard.blocks) == 3, 10, "three blocks")
    after = time.monotonic()
    assert not heard.ended.is_set()
    driver.close()
    assert heard.ended.is_set()
    for i, (samples, captured, overflow) in enumerate(heard.blocks):
        np.testing.assert_array_equal(samples, np.full((1536, 2), i / 4, np.float32))
        samples += 1.0  # its own, to be written to
        assert before - 0.1 < captured < after + 0.1
        assert overflow == (i == 1)


def test_a_stream_that_stops_is_told(sounddevice: Path) -> None:
    sounddevice.write_text(SOUNDDEVICE + "ENDS = True")
    heard = Heard()
    driver = PortAudio()
    opened(driver, heard)
    assert heard.ended.wait(10)
    assert len(heard.blocks) == 3
    driver.close()


def test_a_process_that_dies_is_a_stream_that_stops(sounddevice: Path) -> None:
    now = sounddevice.with_name("now")
    waits = f"while not os.path.exists({str(now)!r}):\n            time.sleep(0.01)"
    dies = SOUNDDEVICE.replace("if ENDS:", f"{waits}\n        os._exit(3)\n        if ENDS:")
    sounddevice.write_text(dies)
    heard = Heard()
    driver = PortAudio()
    opened(driver, heard)
    now.touch()
    assert heard.ended.wait(10)
    driver.close()


def test_a_stream_that_cannot_be_closed_is_killed(sounddevice: Path) -> None:
    sounddevice.write_text(SOUNDDEVICE + "HANGS = True")
    heard = Heard()
    driver = PortAudio()
    opened(driver, heard)
    before = time.monotonic()
    driver.close()
    assert heard.ended.is_set()
    assert time.monotonic() - before < 10
    # And with it what was spoilt: the next one is new.
    opened(driver, heard)
    driver.close()


def test_a_device_that_refuses_is_one_line(sounddevice: Path) -> None:
    driver = PortAudio()
    with pytest.raises(
        SourceError, match=r"^mic: 'In' cannot be opened \(Device unavailable\); check that"
    ):
        opened(driver, Heard(), channels=3)
    driver.close()


def test_without_portaudio_one_line_says_what_to_install(sounddevice: Path) -> None:
    sounddevice.write_text("raise OSError('PortAudio library not found')")
    driver = PortAudio()
    with pytest.raises(SourceError, match=r"PortAudio library is missing.*install"):
        driver.devices()
    driver.close()


def test_a_bug_in_the_process_is_told_with_its_traceback(sounddevice: Path) -> None:
    sounddevice.write_text(SOUNDDEVICE + "def query_devices():\n    return 1 / 0\n")
    driver = PortAudio()
    with pytest.raises(RuntimeError, match=r"(?s)Traceback.*ZeroDivisionError"):
        driver.devices()
    driver.close()


def test_an_audio_system_that_does_not_answer_is_given_up(sounddevice: Path) -> None:
    sounddevice.write_text("import time\nwhile True:\n    time.sleep(1)\n")
    driver = PortAudio(patience=0.2)
    with pytest.raises(SourceError, match="did not answer within"):
        driver.devices()
    driver.close()


def test_close_ends_a_call_that_is_under_way(sounddevice: Path) -> None:
    reached = sounddevice.with_name("reached")
    sounddevice.write_text(
        f"open({str(reached)!r}, 'w').close()\nimport time\nwhile True:\n    time.sleep(1)\n"
    )
    driver = PortAudio()
    raised: list[Exception] = []

    def ask() -> None:
        try:
            driver.devices()
        except SourceError as error:
            raised.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    wait_until(reached.exists, 10, "the call")
    driver.close()
    thread.join(5)
    assert [str(error) for error in raised] == [
        "mic: the audio system ended while it was asked; try again"
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="asks for a process by its number")
def test_it_does_not_outlive_its_parent(sounddevice: Path) -> None:
    sounddevice.write_text(SOUNDDEVICE + "HANGS = True")
    parent = f"""
import subprocess, sys, time
command = [sys.executable, {audio_process.__file__!r}]
child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdin.write(b'{{"devices": []}}\\n')
child.stdin.flush()
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        os.kill(child, 0)
        process.kill()
    wait_until(lambda: not alive(child), 10, "the end of the process")


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = f"/proc/{process}/stat"
    if os.path.exists(status):  # a zombie that nobody waits for has ended
        with open(status) as stream:
            return stream.read().rsplit(")", 1)[1].split()[0] != "Z"
    return True
