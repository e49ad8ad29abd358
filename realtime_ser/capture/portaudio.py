"""PortAudio through sounddevice, which is imported on first use."""

from __future__ import annotations

import atexit
import importlib
import sys
import threading
from typing import TYPE_CHECKING, Any

from realtime_ser.capture.driver import DeviceInfo, InputStream, OnBlock
from realtime_ser.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

_lock = threading.Lock()
_open_streams: set[int] = set()
"""PortAudio is one per process, and so is the count of what is open: see ``refresh``."""


class PortAudio:
    """Implements ``Driver``."""

    def __init__(self) -> None:
        self._loaded: Any = None

    def devices(self) -> list[DeviceInfo]:
        """See ``Driver.devices``."""
        audio = self._library()
        try:
            default = audio.query_hostapis(audio.default.hostapi)["default_input_device"]
        except (audio.PortAudioError, ValueError):
            default = -1
        host_apis = audio.query_hostapis()
        return [
            DeviceInfo(
                index=device["index"],
                name=device["name"],
                host_api=host_apis[device["hostapi"]]["name"],
                channels=device["max_input_channels"],
                sample_rate=round(device["default_samplerate"]),
                is_default=device["index"] == default,
            )
            for device in audio.query_devices()
            if device["max_input_channels"] > 0
        ]

    def refresh(self) -> None:
        """See ``Driver.refresh``.

        PortAudio reads the list of devices when it starts and never again, so it is restarted;
        that would end the streams of others, so with any open the old list stays.
        """
        audio = self._library()
        with _lock:
            if _open_streams:
                return
            try:
                audio._terminate()
                audio._initialize()
            except audio.PortAudioError as error:
                raise SourceError(f"mic: PortAudio does not start ({_text(error)})") from error

    def offers(self, device: DeviceInfo, sample_rate: int, channels: int) -> bool:
        """See ``Driver.offers``."""
        audio = self._library()
        try:
            audio.check_input_settings(
                device=device.index, channels=channels, dtype="float32", samplerate=sample_rate
            )
        except (audio.PortAudioError, ValueError):
            return False
        return True

    def open(
        self,
        device: DeviceInfo,
        sample_rate: int,
        channels: int,
        block_samples: int,
        on_block: OnBlock,
        on_end: Callable[[], None],
    ) -> InputStream:
        """See ``Driver.open``."""
        audio = self._library()

        def callback(data: Any, _count: int, _time: Any, status: Any) -> None:
            on_block(data.copy(), bool(status.input_overflow))

        stream = None
        try:
            stream = audio.InputStream(
                device=device.index,
                channels=channels,
                samplerate=sample_rate,
                blocksize=block_samples,
                dtype="float32",
                callback=callback,
                finished_callback=on_end,
            )
            stream.start()
        except (audio.PortAudioError, ValueError) as error:
            if stream is not None:
                stream.close()
            raise SourceError(
                f"mic: {device.name!r} cannot be opened ({_text(error)}); check that it is "
                "connected and that no other program uses it alone"
            ) from error
        return _Stream(stream)

    def abandon(self) -> None:
        """See ``Driver.abandon``. Ending PortAudio at exit would hang like the call did."""
        if self._loaded is not None:
            atexit.unregister(self._loaded._exit_handler)

    def _library(self) -> Any:
        if self._loaded is None:
            try:
                self._loaded = importlib.import_module("sounddevice")
            except OSError as error:
                raise SourceError(
                    f"mic: the PortAudio library is missing ({error}); install it: {_REMEDY}"
                ) from error
            except ImportError as error:
                raise SourceError(f"mic: {error}; install it: pip install sounddevice") from error
        return self._loaded


class _Stream:
    """Implements ``InputStream``."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        with _lock:
            _open_streams.add(id(self))

    def close(self) -> None:
        """See ``InputStream.close``."""
        self._stream.abort()  # errors of a device that is gone are ignored by default
        self._stream.close()
        with _lock:
            _open_streams.discard(id(self))


def _text(error: Exception) -> str:
    return " ".join(str(error).split())


_REMEDY = {
    "darwin": "brew install portaudio",
    "linux": "apt install libportaudio2 (Debian, Ubuntu) or your distribution's portaudio package",
}.get(sys.platform, "pip install --force-reinstall sounddevice")
