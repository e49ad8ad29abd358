"""A recording as a source: every format, rate and channel count that libsndfile reads."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from realtime_ser.capture.source import SourceHealth, SourceInfo
from realtime_ser.capture.truncation import missing_end
from realtime_ser.errors import SourceError
from realtime_ser.levels import first_unusable
from realtime_ser.types import CapturedBlock

if TYPE_CHECKING:
    from realtime_ser.clock import Clock

AUDIO_SUFFIXES = (".aif", ".aiff", ".au", ".flac", ".mp3", ".ogg", ".opus", ".wav")
"""Of the files in a folder, those that are taken for recordings."""
MAX_CHANNELS = 64
MIN_SAMPLE_RATE = 4_000
MAX_SAMPLE_RATE = 384_000

_CATCH_UP = 0.5
"""Seconds of lateness of the reader that are caught up; after a longer pause playing resumes."""
_TOLERATED_LOSS = 0.1
"""Seconds by which a whole recording may be shorter than its header says."""
_SCAN_SAMPLES = 1 << 20
_FLOAT_SUBTYPES = ("FLOAT", "DOUBLE")


class FileSource:
    """Plays a recording. Implements ``Source``."""

    def __init__(
        self, path: str | Path, *, paced: bool, clock: Clock, block_seconds: float
    ) -> None:
        """Name a recording; nothing is opened yet.

        Args:
            path: of the file.
            paced: True: a block comes when it would have been captured live, and is stamped with
                that time. False: as fast as it is read, without stamps.
            clock: paces.
            block_seconds: length of a block.
        """
        self._path = Path(path)
        self._paced = paced
        self._clock = clock
        self._block_seconds = block_seconds
        self._never = threading.Event()
        self._file: _SequentialFile | None = None
        self._position = 0
        self._base: float | None = None

    def open(self) -> SourceInfo:
        """See ``Source.open``. Also refuses recordings that could only fail half-way.

        Raises:
            SourceError: missing, a folder, unreadable, not audio, empty, cut off, with more than
                64 channels, a sample rate outside 4 to 384 kHz, or samples that are not finite.
        """
        self.close()
        check_readable(self._path)
        with self._open_audio() as file:
            self._check(file)
        file = self._file = self._open_audio()  # seeking back is not exact in every format
        self._position = 0
        self._base = None
        return SourceInfo(
            uri=str(self._path),
            name=self._path.stem,
            sample_rate=file.samplerate,
            channels=file.channels,
            live=False,
            duration=file.frames / file.samplerate,
        )

    def read(self, timeout: float) -> CapturedBlock | None:
        """See ``Source.read``."""
        file = self._file
        if file is None:
            raise EOFError
        wanted = max(1, round(self._block_seconds * file.samplerate))
        if file.format != "MP3":  # whose length may be an estimate
            wanted = min(wanted, file.frames - self._position)
        if wanted == 0:
            raise EOFError
        due: float | None = None
        if self._paced:
            due = self._due(self._position + wanted, file.samplerate)
            ahead = due - self._clock.monotonic()
            if ahead > 0:
                self._clock.wait(self._never, min(ahead, timeout))
                if self._clock.monotonic() < due:
                    return None
        try:
            samples = file.read(wanted, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise SourceError(
                f"{self._path}: broken at {self._position / file.samplerate:.1f} s "
                f"({_reason(error)}); repair or re-encode it"
            ) from error
        if len(samples) == 0:
            self._refuse_early_end(file)
            raise EOFError
        self._position += len(samples)
        return CapturedBlock(samples, due)

    def close(self) -> None:
        """See ``Source.close``."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def health(self) -> SourceHealth:
        """Files have no trouble that is not an error."""
        return SourceHealth()

    def _refuse_early_end(self, file: _SequentialFile) -> None:
        """Damage in the middle, or a file cut while it plays: not to be taken for the whole."""
        if file.format == "MP3":
            return
        heard, whole = self._position / file.samplerate, file.frames / file.samplerate
        if whole - heard > _TOLERATED_LOSS:
            raise SourceError(
                f"{self._path}: gave {heard:.1f} s of its {whole:.1f} s; it is damaged or was cut "
                "while it played, and times of rows after the damage are early; copy it again"
            )

    def _due(self, position: int, sample_rate: int) -> float:
        """When ``position`` would have been captured live."""
        now = self._clock.monotonic()
        offset = position / sample_rate
        if self._base is None:
            self._base = now - self._position / sample_rate
        if now - (self._base + offset) > _CATCH_UP:
            self._base = now - offset
        return self._base + offset

    def _open_audio(self) -> _SequentialFile:
        try:
            # As bytes: a name on a POSIX disk need not be text.
            name = os.fsencode(self._path) if os.name == "posix" else self._path
            return _SequentialFile(name)
        except soundfile.LibsndfileError as error:
            raise SourceError(
                f"{self._path}: not audio that can be read ({_reason(error)}); "
                "convert it to WAV or FLAC, for instance with ffmpeg"
            ) from error
        except TypeError as error:  # what soundfile says to a name that ends in .raw
            raise SourceError(
                f"{self._path}: raw audio has no header; pipe it in as '-' and name its rate, "
                "encoding and channels"
            ) from error

    def _check(self, file: _SequentialFile) -> None:
        if not 1 <= file.channels <= MAX_CHANNELS:
            raise SourceError(
                f"{self._path}: has {file.channels} channels, at most {MAX_CHANNELS} are "
                "supported; extract the ones you need"
            )
        if not MIN_SAMPLE_RATE <= file.samplerate <= MAX_SAMPLE_RATE:
            raise SourceError(
                f"{self._path}: has a sample rate of {file.samplerate} Hz, supported are "
                f"{MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE}; resample it"
            )
        if file.frames < 1:
            raise SourceError(f"{self._path}: holds no audio (0 samples); record it again")
        reason = missing_end(self._path, file)
        if reason is not None:
            raise SourceError(f"{self._path}: is cut off ({reason}); copy or export it again")
        if file.subtype in _FLOAT_SUBTYPES:
            self._check_finite(file)

    def _check_finite(self, file: _SequentialFile) -> None:
        """Only floating-point formats can hold such samples; one quick pass over those."""
        file.seek(0)
        at_a_time = max(1, _SCAN_SAMPLES // file.channels)
        buffer = np.empty((at_a_time, file.channels), np.float32)
        start = 0
        while start < file.frames:
            # A float64 beyond float32 becomes infinite here, and is refused as well.
            with np.errstate(over="ignore"):
                samples = file.read(out=buffer)
            if len(samples) == 0:
                return
            bad = first_unusable(samples)
            if bad is not None:
                at = (start + bad) / file.samplerate
                raise SourceError(
                    f"{self._path}: holds NaN, infinite or absurd samples, "
                    f"the first at {at:.3f} s; "
                    "export it again as 16-bit or 24-bit audio"
                )
            start += len(samples)


class _SequentialFile(soundfile.SoundFile):  # type: ignore[misc]
    """Reads without seeking.

    soundfile seeks to where it is after every read. In MP3 that loses the decoder's state: read in
    blocks, a tone came out as one block of tone and silence (soundfile 0.14, libsndfile 1.2.2).
    """

    def seekable(self) -> bool:
        return False


def check_readable(path: Path) -> None:
    """What can be said of a path without decoding it.

    Raises:
        SourceError: missing, a folder, a device or pipe, unreadable, or 0 bytes long.
    """
    try:
        if path.is_dir():
            raise SourceError(f"{path}: is a folder, not a recording; name a file in it")
        if path.exists() and not path.is_file():
            raise SourceError(
                f"{path}: is not a regular file; raw audio can be piped into 'realtime-ser live -'"
            )
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file; check the path") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        reason = getattr(error, "strerror", None) or error
        raise SourceError(f"{path!s:.200}: cannot be read ({reason}); check the path") from error
    if empty:
        raise SourceError(f"{path}: is empty (0 bytes); record or copy it again")


def _reason(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).strip().rstrip(".") or "the decoder gives no reason"
