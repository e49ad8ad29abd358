"""The index of labelled recordings: one row a clip."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import soundfile as sf
import soxr

from realtime_ser.errors import DataError
from realtime_ser.levels import first_unusable
from realtime_ser.types import SAMPLE_RATE, AudioArray

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

REQUIRED = ("path", "corpus", "speaker", "emotion")
VOTES_PREFIX = "votes_"


@dataclass(frozen=True, slots=True)
class Clip:
    """One labelled recording of one speaker."""

    path: Path
    corpus: str
    speaker: str
    emotion: str
    """What the speaker was asked to express."""
    sex: str = ""
    fold: str = ""
    licence: str = ""
    name: str = ""
    """The path as the index has it."""
    votes: Mapping[str, float] | None = None
    """Listeners who chose each emotion, where the corpus has them."""

    @property
    def person(self) -> tuple[str, str]:
        """Corpus and speaker: unique over corpora."""
        return self.corpus, self.speaker


def read_index(file: Path) -> list[Clip]:
    """Read an index; paths are relative to its folder.

    Raises:
        DataError: unreadable, a column missing, no rows, or a row that cannot be used.
    """
    try:
        # Spreadsheet programs put a byte order mark before the first column's name.
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            columns = reader.fieldnames or []
            missing = [name for name in REQUIRED if name not in columns]
            if missing:
                raise DataError(f"{file}: column {missing[0]!r} is missing; see docs/training.md")
            clips = [_clip(file.parent, row, f"{file}: line {reader.line_num}") for row in reader]
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror or error})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}: not a CSV file in UTF-8 ({error})") from error
    if not clips:
        raise DataError(f"{file}: has no rows")
    return clips


def load_clip(clip: Clip) -> AudioArray:
    """Mono samples at ``SAMPLE_RATE``.

    Raises:
        DataError: the recording cannot be read, is empty or has samples that are not finite.
    """
    return load_audio(clip.path)


def load_audio(file: Path) -> AudioArray:
    """Any recording that libsndfile reads -> mono (n,) at ``SAMPLE_RATE``.

    Raises:
        DataError: the recording cannot be read, is empty or has samples that are not finite.
    """
    try:
        samples, rate = sf.read(file, dtype="float32", always_2d=True)
    except (sf.LibsndfileError, OSError, TypeError) as error:  # TypeError: a name ending in .raw
        raise DataError(f"{file}: cannot be read ({error})") from error
    if first_unusable(samples) is not None:
        raise DataError(f"{file}: has samples that are not finite numbers, or absurdly large")
    mono: AudioArray = samples.mean(axis=1, dtype=np.float32)
    if rate != SAMPLE_RATE and len(mono):
        mono = soxr.resample(mono, rate, SAMPLE_RATE).astype(np.float32)
    if not len(mono):
        raise DataError(f"{file}: has no audio")
    return mono


def of_corpora(clips: Iterable[Clip], corpora: Iterable[str]) -> list[Clip]:
    """Clips of the named corpora; all of them when no name is given.

    Raises:
        DataError: a name that the index does not have.
    """
    listed, wanted = list(clips), list(corpora)
    known = {clip.corpus for clip in listed}
    for name in wanted:
        if name not in known:
            raise DataError(
                f"corpus {name!r} is not in the index; it has {', '.join(sorted(known))}"
            )
    return [clip for clip in listed if not wanted or clip.corpus in wanted]


def _clip(root: Path, row: Mapping[str, str | None], where: str) -> Clip:
    path, corpus, speaker, emotion = (_filled(row, name, where) for name in REQUIRED)
    votes = {
        name.removeprefix(VOTES_PREFIX): _count(value, f"{where}: {name} = {value!r}")
        for name, value in row.items()
        if name and name.startswith(VOTES_PREFIX) and value
    }
    return Clip(
        path=root / path,
        corpus=corpus,
        speaker=speaker,
        emotion=emotion,
        sex=row.get("sex") or "",
        fold=row.get("fold") or "",
        licence=row.get("licence") or "",
        name=path,
        votes=votes or None,
    )


def _filled(row: Mapping[str, str | None], name: str, where: str) -> str:
    value = row[name]
    if not value or value.isspace():
        raise DataError(f"{where}: {name} is empty")
    return value


def _count(text: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0.0 <= number < math.inf:
        raise DataError(f"{where} is not a number of listeners")
    return number
