"""From what a user types to a source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from realtime_ser.capture.file import FileSource, check_readable
from realtime_ser.capture.microphone import MicrophoneSource
from realtime_ser.capture.pipe import PcmFormat, PipeSource
from realtime_ser.errors import SourceError

if TYPE_CHECKING:
    from realtime_ser.capture.source import Source
    from realtime_ser.clock import Clock
    from realtime_ser.config import CaptureConfig

_MOST_DIGITS = 9
"""Python refuses to read a number of thousands of them."""


def open_source(
    uri: str,
    config: CaptureConfig,
    clock: Clock,
    *,
    paced: bool,
    pcm: PcmFormat | None = None,
    stdin: BinaryIO | None = None,
    start: float = 0.0,
) -> Source:
    """Make the source that ``uri`` names; its ``open`` is the caller's to call.

    Args:
        uri: ``mic``, ``mic:NAME-OR-INDEX``, ``-``, or a path (``./mic`` for a file of that name).
        config: block length, and how patient to be with devices.
        clock: stamps blocks and paces files.
        paced: whether a file plays in real time; other sources have their own pace.
        pcm: format of ``-``; 16 kHz, 16 bits, one channel when None.
        stdin: the stream behind ``-``, such as ``sys.stdin.buffer``.
        start: seconds at which a recording begins to play; see ``FileSource``.

    Raises:
        SourceError: what can be said without opening it: an empty name, a missing or empty file, a
            folder, no standard input, a start of what is no recording.
    """
    if not uri:
        raise SourceError("source: an empty name; use mic, mic:NAME, a path or -")
    if start > 0.0 and (uri in ("mic", "-") or uri.startswith("mic:")):
        raise SourceError(f"{uri}: only a recording can start at {start:g} s; leave the start out")
    if is_microphone(uri):
        return MicrophoneSource(uri, _device(uri), config, clock)
    if uri == "-":
        if stdin is None:
            raise SourceError("-: there is no standard input; pipe raw PCM into it")
        return PipeSource(stdin, pcm or PcmFormat(), clock, block_seconds=config.block)
    check_readable(Path(uri))
    return FileSource(uri, paced=paced, clock=clock, block_seconds=config.block, start=start)


def is_microphone(uri: str) -> bool:
    """A name stands for a device, not for a file."""
    return uri == "mic" or uri.startswith("mic:")


def whole_number(text: str) -> int | None:
    """The number that plain digits stand for; None for any other text."""
    plain = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if plain else None


def _device(uri: str) -> str | int | None:
    _, colon, wanted = uri.partition(":")
    wanted = wanted.strip()
    if not wanted:
        if colon:
            raise SourceError(f"{uri}: names no device; use mic for the default one")
        return None
    index = whole_number(wanted)
    return wanted if index is None else index
