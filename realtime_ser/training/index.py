"""The index of labelled recordings: one row a clip."""

from __future__ import annotations

import csv
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import soxr

from realtime_ser.capture.file import FileSource, check_readable
from realtime_ser.clock import SystemClock
from realtime_ser.errors import DataError, SourceError
from realtime_ser.types import SAMPLE_RATE, AudioArray

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

REQUIRED = ("path", "corpus", "speaker", "emotion")
VOTES_PREFIX = "votes_"
RAW_SUFFIX = ".raw"
READ_SECONDS = 10.0
"""Of a recording, at a time."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One labelled recording of one speaker."""

    path: Path
    corpus: str
    speaker: str
    emotion: str
    """What the speaker was asked to express; in small letters, however the index writes it."""
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
        DataError: unreadable, a column missing or there twice, no rows, a row that cannot be used,
            or a recording that two rows name: it could be learned from and scored at once.
    """
    try:
        # Spreadsheet programs put a byte order mark before the first column's name.
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            _check_columns(reader.fieldnames or [], file)
            clips = list(_clips(reader, file))
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{file}: cannot be read ({reason}); check the path") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}: not a CSV file in UTF-8 ({error}); export it again") from error
    if not clips:
        raise DataError(f"{file}: has no rows")
    return clips


def check_recordings(clips: Iterable[Clip], index: Path) -> None:
    """Refuse what can be seen to be no recording without decoding it, before any work is done.

    Args:
        clips: whose files are wanted.
        index: that names them, for messages.

    Raises:
        DataError: a file that is missing, a folder, unreadable, empty or raw audio.
    """
    for clip in clips:
        try:
            check_readable(clip.path)
        except SourceError as error:
            raise DataError(f"{index}: {error}") from error
        if clip.path.suffix.lower() == RAW_SUFFIX:
            raise DataError(
                f"{index}: {clip.path}: raw audio has no header; convert it to WAV or FLAC"
            )


def load_clip(clip: Clip) -> AudioArray:
    """Mono samples (n,) at ``SAMPLE_RATE``.

    Raises:
        DataError: see ``load_audio``.
    """
    return load_audio(clip.path)


def load_audio(file: Path) -> AudioArray:
    """Any recording that ``live`` and ``analyze`` take -> mono (n,) at ``SAMPLE_RATE``.

    Raises:
        DataError: what ``FileSource`` refuses: missing, unreadable, empty, cut off, a sample rate
            or a number of channels out of range, or samples that are not finite.
    """
    source = FileSource(file, paced=False, clock=SystemClock(), block_seconds=READ_SECONDS)
    try:
        rate = source.open().sample_rate
        empty = np.zeros(0, dtype=np.float32)
        mono: AudioArray = np.concatenate([empty, *_mono_blocks(source)])
    except SourceError as error:
        raise DataError(str(error)) from error
    finally:
        source.close()
    if rate != SAMPLE_RATE and len(mono):
        mono = soxr.resample(mono, rate, SAMPLE_RATE).astype(np.float32)
    if not len(mono):
        raise DataError(f"{file}: holds no audio; record it again")
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


def of_folds(clips: Iterable[Clip], folds: Iterable[str]) -> list[Clip]:
    """Clips of the named folds; all of them when no fold is named.

    Raises:
        DataError: a fold that no clip is in.
    """
    listed, wanted = list(clips), list(folds)
    known = {clip.fold for clip in listed if clip.fold}
    for fold in wanted:
        if fold not in known:
            raise DataError(
                f"no clip of the wanted corpora is in fold {fold!r}; there are "
                f"{', '.join(sorted(known)) or 'no folds'}"
            )
    return [clip for clip in listed if not wanted or clip.fold in wanted]


def _mono_blocks(source: FileSource) -> Iterator[AudioArray]:
    """All of an open source, averaged over channels."""
    while True:
        try:
            block = source.read(timeout=0.0)
        except EOFError:
            return
        if block is not None:
            yield block.samples.mean(axis=1, dtype=np.float32)


def _check_columns(columns: Sequence[str], file: Path) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise DataError(f"{file}: column {missing[0]!r} is missing; see docs/training.md")
    # Spreadsheet programs leave columns without a name behind the last one.
    names = [_column(name) for name in columns if name]
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise DataError(f"{file}: column {twice[0]!r} is there twice; remove or rename one")


def _column(name: str) -> str:
    """Emotions are in small letters, in the names of columns, too."""
    return name.strip().lower() if name.startswith(VOTES_PREFIX) else name


def _clips(reader: csv.DictReader[str], file: Path) -> Iterator[Clip]:
    """A clip a row, each of another recording."""
    lines: dict[str, int] = {}
    for row in reader:
        where = f"{file}: line {reader.line_num}"
        clip = _clip(file.parent, row, where)
        first = lines.setdefault(os.path.realpath(clip.path), reader.line_num)
        if first != reader.line_num:
            raise DataError(f"{where}: {clip.name} is in line {first} already; remove one of them")
        yield clip


def _clip(root: Path, row: Mapping[str, str | None], where: str) -> Clip:
    path, *labels = (_filled(row, name, where) for name in REQUIRED)
    corpus, speaker, emotion = (label.strip() for label in labels)
    votes = {
        _column(name).removeprefix(VOTES_PREFIX): _count(value, f"{where}: {name} = {value!r}")
        for name, value in row.items()
        if name and name.startswith(VOTES_PREFIX) and value
    }
    return Clip(
        path=root / path,
        corpus=corpus,
        speaker=speaker,
        emotion=emotion.lower(),
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
    if "\0" in value:
        raise DataError(f"{where}: {name} has a NUL character in it; write the index again")
    return value


def _count(text: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0.0 <= number < math.inf:
        raise DataError(f"{where} is not a number of listeners")
    return number
