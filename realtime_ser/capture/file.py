"""A recording as a source: every format, rate and channel count that libsndfile reads."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from realtime_ser.capture.pacing import Pacer
from realtime_ser.capture.sequential import FLOAT_SUBTYPES, SequentialFile
from realtime_ser.capture.source import SourceHealth, SourceInfo
from realtime_ser.capture.truncation import missing_end
from realtime_ser.errors import SourceError
from realtime_ser.levels import first_unusable
from realtime_ser.types import CapturedBlock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from realtime_ser.clock import Clock
    from realtime_ser.types import AudioArray

AUDIO_SUFFIXES = (".aif", ".aiff", ".au", ".flac", ".mp3", ".ogg", ".opus", ".wav")
"""Of the files in a folder, those that are taken for recordings."""
MAX_CHANNELS = 64
MIN_SAMPLE_RATE = 4_000
MAX_SAMPLE_RATE = 384_000

_TOLERATED_LOSS = 0.1
"""Seconds by which a whole recording may be shorter than its header says."""


class FileSource:
    """Plays a recording. Implements ``Source``."""

    def __init__(
        self,
        path: str | Path,
        *,
        paced: bool,
        clock: Clock,
        block_seconds: float,
        start: float = 0.0,
    ) -> None:
        """Name a recording; nothing is opened yet.

        Args:
            path: of the file.
            paced: True: a block comes when it would have been captured live, and is stamped with
                that time. False: as fast as it is read, without stamps.
            clock: paces.
            block_seconds: length of a block.
            start: seconds at which playing begins, to the sample; ``lost`` of the first block is
                what lies before, so that times stay those of the recording. At least the last
                block is played: a start behind the end ends at once, with the clocks at the end.

        Raises:
            ValueError: the start is negative or no number.
        """
        if not start >= 0.0:
            raise ValueError(f"a recording cannot be played from {start} s")
        self._path = Path(path)
        self._paced = paced
        self._clock = clock
        self._block_seconds = block_seconds
        self._start = start
        self._pacer = Pacer(clock)
        self._never = threading.Event()
        self._file: SequentialFile | None = None
        self._position = 0
        self._sample_rate = 1
        self._lost = 0
        """Samples before the start that no block has told of yet."""

    @property
    def speed(self) -> float:
        """Seconds of the recording a second, 0.25 to 16; 1 unless set. Any thread may set it.

        It takes effect with the next ``read``, from where playing is. Without pace it has none.
        Blocks are stamped with the times at which they come at this speed.

        Raises:
            ValueError: set to a value outside.
        """
        return self._pacer.speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._pacer.speed = speed

    @property
    def position(self) -> float:
        """Seconds of the recording that have been read or passed over; from any thread."""
        return self._position / self._sample_rate

    def open(self) -> SourceInfo:
        """See ``Source.open``. Also refuses recordings that could only fail half-way.

        Compressed formats but FLAC are decoded up to the start, which takes a while far inside.

        Raises:
            SourceError: missing, a folder, unreadable, not audio, empty, cut off, with more than
                64 channels, a sample rate outside 4 to 384 kHz, samples that are not finite, or
                broken before the start.
        """
        self.close()
        check_readable(self._path)
        with self._open_audio() as file:
            self._check(file)
        file = self._file = self._open_audio()  # seeking back is not exact in every format
        self._position, self._sample_rate = 0, file.samplerate
        self._pacer.restart()
        self._go_to_start(file)
        return SourceInfo(
            uri=str(self._path),
            name=self._path.stem,
            sample_rate=file.samplerate,
            channels=file.channels,
            live=False,
            duration=file.frames / file.samplerate,
            start=self._position / file.samplerate,
        )

    def read(self, timeout: float) -> CapturedBlock | None:
        """See ``Source.read``."""
        file = self._file
        if file is None:
            raise EOFError
        wanted = self._block_samples(file)
        if file.format != "MP3":  # whose length may be an estimate
            wanted = min(wanted, file.frames - self._position)
        if wanted == 0:
            raise EOFError
        due: float | None = None
        if self._paced:
            due = self._pacer.due(self.position, (self._position + wanted) / file.samplerate)
            ahead = due - self._clock.monotonic()
            if ahead > 0:
                self._clock.wait(self._never, min(ahead, timeout))
                if self._clock.monotonic() < due:
                    return None
        samples = self._advance(file, wanted)
        if len(samples) == 0:
            self._refuse_early_end(file)
            raise EOFError
        lost, self._lost = self._lost, 0
        return CapturedBlock(samples, due, lost)

    def close(self) -> None:
        """See ``Source.close``."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def health(self) -> SourceHealth:
        """Files have no trouble that is not an error."""
        return SourceHealth()

    def _block_samples(self, file: SequentialFile) -> int:
        return max(1, round(self._block_seconds * int(file.samplerate)))

    def _go_to_start(self, file: SequentialFile) -> None:
        wanted = round(min(self._start * file.samplerate, file.frames))
        wanted = max(0, min(wanted, file.frames - self._block_samples(file)))
        try:
            if wanted and file.seeks_exactly:
                with self._breaks_told():
                    self._position = file.seek(wanted)
            while self._position < wanted:
                left = wanted - self._position
                if not len(self._advance(file, min(left, file.chunk))):
                    break  # as the first ``read`` will find, too
        except SourceError:
            self.close()
            raise
        self._lost = self._position

    def _advance(self, file: SequentialFile, samples: int) -> AudioArray:
        """The next (samples, channels), fewer at the end."""
        with self._breaks_told():
            block: AudioArray = file.read(samples, dtype="float32", always_2d=True)
        self._position += len(block)
        return block

    @contextmanager
    def _breaks_told(self) -> Iterator[None]:
        try:
            yield
        except soundfile.LibsndfileError as error:
            raise SourceError(
                f"{self._path}: broken at {self.position:.1f} s "
                f"({_reason(error)}); repair or re-encode it"
            ) from error

    def _refuse_early_end(self, file: SequentialFile) -> None:
        """Damage in the middle, or a file cut while it plays: not to be taken for the whole."""
        if file.format == "MP3":
            return
        heard, whole = self.position, file.frames / file.samplerate
        if whole - heard > _TOLERATED_LOSS:
            raise SourceError(
                f"{self._path}: gave {heard:.1f} s of its {whole:.1f} s; it is damaged or was cut "
                "while it played, and times of rows after the damage are early; copy it again"
            )

    def _open_audio(self) -> SequentialFile:
        try:
            # As bytes: a name on a POSIX disk need not be text.
            name = os.fsencode(self._path) if os.name == "posix" else self._path
            return SequentialFile(name)
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

    def _check(self, file: SequentialFile) -> None:
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
        if file.subtype in FLOAT_SUBTYPES:
            self._check_finite(file)

    def _check_finite(self, file: SequentialFile) -> None:
        """Only floating-point formats can hold such samples; one quick pass over those."""
        file.seek(0)
        buffer = np.empty((file.chunk, file.channels), np.float32)
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
