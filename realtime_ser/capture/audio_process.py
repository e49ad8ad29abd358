"""PortAudio in a process of its own. Run as a file; imports nothing of the package.

PortAudio cannot be trusted to come back: with a sound server that hangs its calls block, and with a
device that vanishes its ALSA thread may spin for ever in its error handling (a failed check jumps
to a label above it), so that the stream can be neither closed nor opened again and a core is lost.
A process can be killed whatever it does, and a new one sees the devices as they are.

The parent writes a line of JSON a request on stdin and reads a line of JSON a reply on stdout:

``{"devices": [rates]}``
    -> ``{"devices": [{index, name, host_api, channels, sample_rate, is_default, sample_rates}]}``,
    with those of the rates that a device offers.
``{"record": {device, sample_rates, channels, block}}``
    -> ``{"sample_rate": hertz}``, the first of the rates that it offers, and from then on blocks:
    ``HEADER`` (captured, samples, overflow), then (samples, channels) float32.

``{"problem": why}`` or ``{"bug": traceback}`` where that fails. It ends when stdin does, so that it
never outlives its parent.
"""

from __future__ import annotations

import json
import os
import queue
import struct
import sys
import threading
import time
import traceback
from typing import Any

HEADER = struct.Struct("<dI?")
"""Monotonic time of a block's last sample (seconds), samples, whether input was lost before it."""
QUEUE_SECONDS = 2.0
"""Audio held for a parent that is late; beyond it blocks are lost, which the next one tells."""
_POLL = 0.05
"""Seconds between looks at whether the stream has ended, when nothing comes."""
_LAST_WORDS = 1.0
"""Seconds for the audio system to close a stream."""


class _GoneError(Exception):
    """The parent wants no more."""


class _Recording:
    """An open stream, whose blocks wait in a queue."""

    def __init__(self, audio: Any, wanted: dict[str, Any], sample_rate: int) -> None:
        self.blocks: queue.Queue[bytes] = queue.Queue(
            max(2, round(QUEUE_SECONDS / wanted["block"]))
        )
        self.ended = threading.Event()
        self._missed = False
        self._stream = audio.RawInputStream(
            device=wanted["device"],
            channels=wanted["channels"],
            samplerate=sample_rate,
            blocksize=max(1, round(wanted["block"] * sample_rate)),
            dtype="float32",
            callback=self._on_block,
            finished_callback=self.ended.set,
        )
        self._stream.start()

    def close(self) -> None:
        self._stream.abort()
        self._stream.close()

    def _on_block(self, data: Any, count: int, _time: Any, status: Any) -> None:
        lost = self._missed or bool(status.input_overflow)
        try:
            self.blocks.put_nowait(HEADER.pack(time.monotonic(), count, lost) + bytes(data))
            self._missed = False
        except queue.Full:
            self._missed = True


class _Parent:
    """Requests come from it, replies and blocks go to it; its end is ours."""

    def __init__(self) -> None:
        self.requests: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.recording: _Recording | None = None
        # Of our own: what audio libraries print goes where their stderr goes.
        self._out = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        # A daemon: whatever the audio system does, the end of stdin ends the process.
        threading.Thread(target=self._listen, daemon=True).start()

    def say(self, **reply: Any) -> None:
        self.write(json.dumps(reply).encode() + b"\n")

    def write(self, data: bytes) -> None:
        try:
            self._out.write(data)
            self._out.flush()
        except OSError as error:
            raise _GoneError from error

    def _listen(self) -> None:
        for line in sys.stdin.buffer:
            self.requests.put(json.loads(line))
        self.requests.put(None)
        if self.recording is not None:
            self.recording.ended.set()
        time.sleep(_LAST_WORDS)
        os._exit(0)


def main() -> None:
    """Serve one parent until it goes."""
    parent = _Parent()
    try:
        audio = _portaudio()
        while (request := parent.requests.get()) is not None:
            if "devices" in request:
                parent.say(devices=_devices(audio, request["devices"]))
            else:
                _record(audio, request["record"], parent)
    except _RefusedError as error:
        parent.say(problem=str(error))
    except _GoneError:
        pass
    except BaseException:  # noqa: BLE001 - the parent raises it
        parent.say(bug=traceback.format_exc())
    # Without PortAudio's own end, which may never come; the system frees what is left.
    os._exit(0)


class _RefusedError(Exception):
    """What the audio system cannot do, in words for a user."""


def _portaudio() -> Any:
    try:
        import sounddevice
    except OSError as error:
        raise _RefusedError(
            f"the PortAudio library is missing ({error}); install it: {_REMEDY}"
        ) from error
    except ImportError as error:
        raise _RefusedError(f"{error}; install it: pip install sounddevice") from error
    except Exception as error:
        if type(error).__name__ != "PortAudioError":  # nobody can import it where this fails
            raise
        raise _RefusedError(f"PortAudio does not start ({_text(error)})") from error
    return sounddevice


def _devices(audio: Any, rates: list[int]) -> list[dict[str, Any]]:
    try:
        default = audio.query_hostapis(audio.default.hostapi)["default_input_device"]
    except (audio.PortAudioError, ValueError):
        default = -1
    host_apis = audio.query_hostapis()
    return [
        {
            "index": device["index"],
            "name": device["name"],
            "host_api": host_apis[device["hostapi"]]["name"],
            "channels": device["max_input_channels"],
            "sample_rate": round(device["default_samplerate"]),
            "is_default": device["index"] == default,
            "sample_rates": [rate for rate in rates if _offers(audio, device["index"], rate, 1)],
        }
        for device in audio.query_devices()
        if device["max_input_channels"] > 0
    ]


def _offers(audio: Any, device: int, sample_rate: int, channels: int) -> bool:
    try:
        audio.check_input_settings(
            device=device, channels=channels, dtype="float32", samplerate=sample_rate
        )
    except (audio.PortAudioError, ValueError):
        return False
    return True


def _record(audio: Any, wanted: dict[str, Any], parent: _Parent) -> None:
    *others, last = wanted["sample_rates"]
    sample_rate = next(
        (r for r in others if _offers(audio, wanted["device"], r, wanted["channels"])), last
    )
    try:
        recording = _Recording(audio, wanted, sample_rate)
    except (audio.PortAudioError, ValueError) as error:
        raise _RefusedError(_text(error)) from error
    parent.recording = recording
    parent.say(sample_rate=sample_rate)
    while True:
        try:
            parent.write(recording.blocks.get(timeout=_POLL))
        except queue.Empty:
            if recording.ended.is_set():
                break
    recording.close()
    raise _GoneError


def _text(error: Exception) -> str:
    return " ".join(str(error).split())


_REMEDY = {
    "darwin": "brew install portaudio",
    "linux": "apt install libportaudio2 (Debian, Ubuntu) or your distribution's portaudio package",
}.get(sys.platform, "pip install --force-reinstall sounddevice")

if __name__ == "__main__":
    main()
