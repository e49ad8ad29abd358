"""What is wrong with a stream's level: muted, clipping, or far too quiet.

No clock but the samples. Three small detectors look at frames of 0.1 s:

    muted: nothing but a constant for a second, give or take one step of 16 bits. Some switches
        deliver zeros, some the noise of the last bit; the quietest open microphone has more.
    clipping: within a second many samples at full scale, and not all of them at once, as of one
        slammed door. Flat tops are not looked for, because resampling makes them ripple, and full
        scale begins below that of G.711 (0.980 of ours). A channel that is cut off is not noticed
        in a mix with one that is silent: together they peak at half.
    too quiet: what the detector of voice activity takes for speech stays below a limit. Rounded to
        16 bits, speech is recognised as well at -65 dBFS as at -20, and worse from -70 on: there
        are 10 dB between the limit and the first loss. A voice that drops in mid-talk is told
        later than one that is faint from the start: people do drop their voice, and the detector
        lets go of what was loud by only 6 dB a second.

``benchmarks/signal_watch.py`` and ``benchmarks/faint.py`` measured all that (docs/benchmarks.md).
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from realtime_ser.levels import FLOOR_DBFS
from realtime_ser.types import SAMPLE_RATE

if TYPE_CHECKING:
    from realtime_ser.types import AudioArray

Trouble = Literal["muted", "clipping", "too quiet"]

FRAME: Final = SAMPLE_RATE // 10
"""Samples that are looked at together."""
_A_SECOND: Final = SAMPLE_RATE // FRAME

SILENT: Final = 3.2 / 32768.0
"""Between the lowest and the highest sample of a frame in which there is nothing: -1, 0 and 1 in
the last of 16 bits, and what resampling adds. Noise of -90 dBFS has more in every frame."""
MUTED_AFTER: Final = _A_SECOND
"""Frames, one after the other."""

FULL_SCALE: Final = 0.97
CLIPPED: Final = 64
"""Samples at full scale within a second, 0.4 % of it. Speech that only just reaches full scale
has 55 at most, and 17 in one clip of a hundred."""
CLIPPED_FRAME: Final = 4
"""Samples at full scale in a frame that counts as clipped."""
CLIPPED_APART: Final = 2
"""Frames from the first to the last of them within the second, at least: a bang is shorter."""
CLIPPED_UNTIL: Final = 2 * _A_SECOND
"""Frames in a row without any, after which it is over."""

QUIET_DBFS: Final = -55.0
LOUD_DBFS: Final = QUIET_DBFS + 3.0
"""Level at which it is no longer too quiet."""
QUIET_FRAMES: Final = 8
"""Of speech, whose level together counts: speech begins to be heard up to a second late where there
is noise, and is to be told within 2 s."""
QUIET_AFTER: Final = 2 * _A_SECOND
"""Frames of speech where it was louder before: people also drop their voice for a word or two."""
LOUD_FRAMES: Final = _A_SECOND
PAUSE: Final = 5 * _A_SECOND
"""Frames without speech, after which nothing is known of how loud it is."""


class SignalWatch:
    """One stream's. Fed by one thread; any thread may look."""

    def __init__(self, *, live: bool) -> None:
        """Watch a stream from its start.

        Args:
            live: it is a microphone. In a recording silence is nothing to mend.
        """
        self._live = live
        self._parts: list[AudioArray] = []
        """Of a frame that is not complete."""
        self._samples = 0
        self._muted = _Muted()
        self._clipping = _Clipping()
        self._quiet = _Quiet()
        self._found: tuple[Trouble, str] | None = None

    @property
    def trouble(self) -> Trouble | None:
        """What is wrong now; of several the one that hides the others."""
        return None if self._found is None else self._found[0]

    @property
    def words(self) -> str | None:
        """The same for a user: what, a colon, what to do about it."""
        return None if self._found is None else self._found[1]

    def push(self, samples: AudioArray, *, speech: bool) -> None:
        """Take the next (n,) samples at ``SAMPLE_RATE``, any n; ``speech`` says what they are."""
        self._parts.append(samples)
        self._samples += len(samples)
        if self._samples < FRAME:
            return
        audio = np.concatenate(self._parts)
        whole = len(audio) // FRAME
        self._samples -= whole * FRAME
        self._parts = [audio[whole * FRAME :].copy()]
        frames = audio[: whole * FRAME].reshape(whole, FRAME)
        highest, lowest = frames.max(axis=1), frames.min(axis=1)
        spread = highest - lowest
        loud = np.maximum(highest, -lowest) >= FULL_SCALE
        powers = frames.var(axis=1, dtype=np.float64).tolist() if speech else [0.0] * whole
        for i, frame in enumerate(frames):
            self._muted.push(silent=bool(spread[i] <= SILENT))
            at_full_scale = int(np.count_nonzero(np.abs(frame) >= FULL_SCALE)) if loud[i] else 0
            self._clipping.push(at_full_scale)
            self._quiet.push(powers[i], speech=speech)
        self._found = self._find()

    def interrupt(self) -> None:
        """Audio is missing here; what was wrong is taken to be so still."""
        self._parts.clear()
        self._samples = 0

    def _find(self) -> tuple[Trouble, str] | None:
        if self._live and self._muted.on:
            return "muted", "muted: the microphone delivers silence; unmute it"
        if self._clipping.on:
            if self._live:
                return "clipping", "clips: turn the microphone down or move away from it"
            return "clipping", "clips: was recorded too loud, and its peaks are cut off"
        if self._quiet.on:
            level = f"{self._quiet.level_dbfs:.0f} dBFS"
            if self._live:
                return (
                    "too quiet",
                    f"too quiet: speech is at {level}; turn the microphone up or move closer",
                )
            return "too quiet", f"too quiet: speech was recorded at {level}"
        return None


class _Muted:
    def __init__(self) -> None:
        self._frames = 0

    @property
    def on(self) -> bool:
        return self._frames >= MUTED_AFTER

    def push(self, *, silent: bool) -> None:
        self._frames = self._frames + 1 if silent else 0


class _Clipping:
    def __init__(self) -> None:
        self.on = False
        self._counts: deque[int] = deque(maxlen=_A_SECOND)
        self._without = 0

    def push(self, at_full_scale: int) -> None:
        self._counts.append(at_full_scale)
        clipped = at_full_scale >= CLIPPED_FRAME
        self._without = 0 if clipped else self._without + 1
        if self.on:
            self.on = self._without < CLIPPED_UNTIL
        elif clipped and sum(self._counts) >= CLIPPED:
            first = next(i for i, count in enumerate(self._counts) if count >= CLIPPED_FRAME)
            self.on = len(self._counts) - 1 - first >= CLIPPED_APART


class _Quiet:
    def __init__(self) -> None:
        self.on = False
        self.level_dbfs = FLOOR_DBFS
        """Of the newest speech."""
        self._powers: deque[float] = deque(maxlen=LOUD_FRAMES)
        self._below = 0
        self._was_louder = False
        self._pause = 0

    def push(self, power: float, *, speech: bool) -> None:
        if not speech:
            self._pause += 1
            if self._pause == PAUSE:
                self._powers.clear()
                self._below, self._was_louder = 0, False
            return
        self._pause = 0
        self._powers.append(power)
        if len(self._powers) < QUIET_FRAMES:
            return
        self.level_dbfs = self._level(QUIET_FRAMES)
        below = self.level_dbfs < QUIET_DBFS
        self._below = self._below + 1 if below else 0
        self._was_louder = self._was_louder or not below
        if self.on:
            self.on = len(self._powers) < LOUD_FRAMES or self._level(LOUD_FRAMES) < LOUD_DBFS
        else:
            needed = QUIET_AFTER - QUIET_FRAMES + 1 if self._was_louder else 1
            self.on = self._below >= needed

    def _level(self, frames: int) -> float:
        """Of the newest frames of speech."""
        newest = list(self._powers)[-frames:]
        power = sum(newest) / len(newest)
        return max(FLOOR_DBFS, 10.0 * math.log10(power)) if power > 0.0 else FLOOR_DBFS
