"""A microphone without hardware: what is played into a PulseAudio null sink is recorded from its
monitor, through ALSA's pulse plugin and PortAudio, like any other device.
"""

from __future__ import annotations

import ctypes.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ASOUNDRC = """
pcm.virtual { type pulse device "virtual.monitor" hint { show on description "Virtual" } }
pcm.!default { type pulse device "virtual.monitor" hint { show on description "Default" } }
ctl.!default { type pulse }
"""


def missing() -> str | None:
    """What the virtual microphone needs and does not find."""
    if sys.platform != "linux":
        return "the virtual microphone needs Linux"
    for program, package in (("pulseaudio", "pulseaudio"), ("paplay", "pulseaudio-utils")):
        if shutil.which(program) is None:
            return f"{program} is missing (apt install {package})"
    plugin = "alsa-lib/libasound_module_pcm_pulse.so"
    if not [*Path("/usr").glob(f"lib*/{plugin}"), *Path("/usr").glob(f"lib*/*/{plugin}")]:
        return "ALSA's pulse plugin is missing (apt install libasound2-plugins)"
    if ctypes.util.find_library("portaudio") is None:
        return "PortAudio is missing (apt install libportaudio2)"
    return None


class VirtualMicrophone:
    """A PulseAudio of our own, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: subprocess.Popen[bytes] | None = None
        self._players: list[subprocess.Popen[bytes]] = []
        self._recorders: list[Recorder] = []
        self._socket = folder / "native"
        for name in ("home", "run"):
            (folder / name).mkdir(mode=0o700)
        (folder / "home" / ".asoundrc").write_text(ASOUNDRC)
        unwanted = ("DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "ALSA_CONFIG_PATH", "PULSE_COOKIE")
        self.environment = {k: v for k, v in os.environ.items() if k not in unwanted} | {
            "HOME": str(folder / "home"),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "PULSE_RUNTIME_PATH": str(folder / "run"),
            # Naming the server also keeps clients from starting one.
            "PULSE_SERVER": f"unix:{self._socket}",
            "PYTHONPATH": str(ROOT),
        }

    def start(self) -> None:
        self._socket.unlink(missing_ok=True)
        command = [
            "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
            "--realtime=no", "--high-priority=no", "--log-target=stderr",
            "-L", f"module-native-protocol-unix auth-anonymous=1 socket={self._socket}",
            "-L", "module-null-sink sink_name=virtual rate=48000 channels=2",
        ]  # fmt: skip
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        wait_until(self._answers, 20, "PulseAudio's answer")

    def kill(self) -> None:
        assert self._server is not None
        self._server.kill()
        self._server.wait(10)
        self._server = None

    def hang(self) -> None:
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._server is not None
        self._server.send_signal(signal.SIGCONT)

    def play(self, samples: np.ndarray, sample_rate: int) -> None:
        """Play in the background."""
        path = self._folder / f"play{len(self._players)}.wav"
        soundfile.write(path, samples, sample_rate)
        player = subprocess.Popen(["paplay", str(path)], env=self.environment)
        self._players.append(player)

    def record(self, uri: str = "mic:virtual", *, stall: float = 2.0) -> Recorder:
        target = self._folder / f"recorded{len(self._recorders)}.npy"
        self._recorders.append(Recorder(self, ["record", uri, str(target), str(stall)], target))
        return self._recorders[-1]

    def devices(self) -> list[dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, "-m", "tests.hardware.recorder", "devices"],
            env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        devices: list[dict[str, Any]] = json.loads(done.stdout)["devices"]
        return devices

    def close(self) -> None:
        if self._server is not None:
            self.go_on()
        for recorder in self._recorders:
            recorder.kill()
        for player in self._players:
            player.kill()
            player.wait(10)
        if self._server is not None:
            self.kill()

    def _answers(self) -> bool:
        assert self._server is not None
        assert self._server.poll() is None, (self._folder / "log").read_text(errors="replace")
        asked = subprocess.run(
            ["pactl", "list", "short", "sources"],
            env=self.environment, capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
        return "virtual.monitor" in asked.stdout


class Recorder:
    """A process that records, and what it says."""

    def __init__(self, microphone: VirtualMicrophone, arguments: list[str], target: Path) -> None:
        self._target = target
        self.said: list[dict[str, Any]] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hardware.recorder", *arguments],
            env=microphone.environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    @property
    def state(self) -> dict[str, Any]:
        """The last thing it said."""
        return self.said[-1] if self.said else {}

    def wait_for(self, condition: str, timeout: float) -> dict[str, Any]:
        """Wait until a state makes ``condition`` (an expression over its fields) true."""
        seen: list[dict[str, Any]] = []

        def met() -> bool:
            assert self._process.poll() is None, "the recorder has ended"
            state = dict(self.state)
            if state.get("event") == "state" and eval(condition, {}, state):
                seen.append(state)
            return bool(seen)

        wait_until(met, timeout, condition)
        return seen[0]

    def stop(self) -> np.ndarray:
        """End the recording; (n, channels)."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(20) == 0
        self._listener.join(10)
        samples: np.ndarray = np.load(self._target)
        return samples

    def wait(self, timeout: float) -> tuple[int, str]:
        """Wait for it to end by itself; exit status and stderr."""
        status = self._process.wait(timeout)
        self._listener.join(10)
        assert self._process.stderr is not None
        return status, self._process.stderr.read()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)
        self._listener.join(10)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(json.loads(line))


@pytest.fixture
def virtual_microphone() -> Iterator[VirtualMicrophone]:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    # Not tmp_path: the path of a Unix socket has room for about a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="ser-"))
    microphone = VirtualMicrophone(folder)
    try:
        microphone.start()
        yield microphone
    finally:
        microphone.close()
        shutil.rmtree(folder)
