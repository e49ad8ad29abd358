"""PortAudio through a process that can be killed: see ``audio_process``."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from realtime_ser.capture import audio_process
from realtime_ser.capture.audio_process import HEADER
from realtime_ser.capture.driver import DeviceInfo, OnBlock
from realtime_ser.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from io import BufferedReader

PATIENCE = 10.0
"""Seconds after which an audio system counts as hung."""
_CLOSE_PATIENCE = 1.5
"""A little more than the process gives the audio system."""
_COMMAND = (sys.executable, "-P", str(Path(audio_process.__file__)))


class PortAudio:
    """Implements ``Driver``."""

    def __init__(self, *, command: Sequence[str] = _COMMAND, patience: float = PATIENCE) -> None:
        """Nothing is started yet.

        Args:
            command: starts ``audio_process``.
            patience: seconds after which the audio system counts as hung.
        """
        self._command = command
        self._patience = patience
        self._lock = threading.Lock()
        self._process: _Process | None = None

    def devices(self, sample_rates: Sequence[int] = ()) -> list[DeviceInfo]:
        """See ``Driver.devices``."""
        self.close()
        with self._lock:
            process = self._process = _Process(self._command)
        found = process.ask({"devices": list(sample_rates)}, self._patience)["devices"]
        return [
            DeviceInfo(**device | {"sample_rates": tuple(device["sample_rates"])})
            for device in found
        ]

    def open(
        self,
        device: DeviceInfo,
        sample_rates: Sequence[int],
        channels: int,
        block: float,
        on_block: OnBlock,
        on_end: Callable[[], None],
    ) -> int:
        """See ``Driver.open``."""
        process = self._process
        if process is None:
            raise SourceError(f"mic: {device.name!r} was closed while it was opened")
        wanted = {
            "device": device.index,
            "sample_rates": list(sample_rates),
            "channels": channels,
            "block": block,
        }
        try:
            reply = process.ask({"record": wanted}, self._patience)
        except _RefusedError as refused:
            raise SourceError(
                f"mic: {device.name!r} cannot be opened ({refused.why}); check that it is "
                "connected and that no other program uses it alone"
            ) from refused
        process.deliver(channels, on_block, on_end)
        return int(reply["sample_rate"])

    def close(self) -> None:
        """See ``Driver.close``."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.end()


class _RefusedError(SourceError):
    """The audio system cannot do it."""

    def __init__(self, why: str) -> None:
        super().__init__(f"mic: {why}")
        self.why = why


class _Process:
    """A running ``audio_process``."""

    def __init__(self, command: Sequence[str]) -> None:
        try:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # ALSA and PortAudio chat there
                start_new_session=True,  # Ctrl-C in the terminal does not reach it
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise SourceError(f"mic: no process can be started ({error}); close others") from error
        self._in = cast("BinaryIO", self._child.stdin)
        self._out = cast("BufferedReader", self._child.stdout)
        self._reading = threading.Lock()
        self._reader: threading.Thread | None = None
        self._timed_out = False

    def ask(self, request: dict[str, Any], patience: float) -> dict[str, Any]:
        """Send a request; its reply.

        Raises:
            SourceError: it cannot be done, or nothing comes within ``patience`` seconds.
        """
        timer = threading.Timer(patience, self._give_up)
        timer.start()
        try:
            with contextlib.suppress(OSError):  # it has ended and said why
                self._in.write(json.dumps(request).encode() + b"\n")
                self._in.flush()
            with self._reading:
                line = self._out.readline()
        finally:
            timer.cancel()
            timer.join()
        if self._timed_out:
            raise SourceError(
                f"mic: the audio system did not answer within {patience:.0f} s; restart it "
                "(pulseaudio, pipewire) or the machine"
            )
        if not line:
            raise SourceError("mic: the audio system ended while it was asked; try again")
        reply: dict[str, Any] = json.loads(line)
        if "problem" in reply:
            raise _RefusedError(reply["problem"])
        if "bug" in reply:
            raise RuntimeError(f"in the audio process:\n{reply['bug']}")
        return reply

    def deliver(self, channels: int, on_block: OnBlock, on_end: Callable[[], None]) -> None:
        """Hand on blocks, from a thread, until the process ends."""

        def run() -> None:
            try:
                with self._reading:
                    while len(header := self._out.read(HEADER.size)) == HEADER.size:
                        captured, count, overflow = HEADER.unpack(header)
                        samples = np.empty((count, channels), np.float32)
                        if self._out.readinto(samples.data) < samples.nbytes:
                            break
                        on_block(samples, captured, overflow)
            finally:
                on_end()

        self._reader = threading.Thread(target=run, name="audio-reader")
        self._reader.start()

    def end(self) -> None:
        """End it, by force where it does not end by itself."""
        with contextlib.suppress(OSError):
            self._in.close()
        try:
            self._child.wait(_CLOSE_PATIENCE)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._reader is not None:
            self._reader.join()
        with self._reading:
            self._out.close()

    def _give_up(self) -> None:
        self._timed_out = True
        self._child.kill()
