"""Folders of sounds to hear speech in: noises, which may be told apart by folds, and rooms."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from realtime_ser.capture.file import AUDIO_SUFFIXES
from realtime_ser.errors import DataError
from realtime_ser.training.index import load_audio

if TYPE_CHECKING:
    from realtime_ser.types import AudioArray

FOLD_END = "-"
"""In the name of a noise recording: what stands before it is its fold."""
SILENT = 1e-5
"""Peak below which a recording holds nothing; the smallest step of 16 bits is three times that."""


def load_folder(folder: Path) -> list[AudioArray]:
    """Every recording below a folder, or that a pattern such as ``noise/*/1-*`` names.

    Raises:
        DataError: there is none, or one that cannot be used.
    """
    return [_load_sound(file) for file in recordings_in(folder)]


def noise_of(folder: Path, fold: str) -> Path:
    """A pattern for the noise recordings of a fold, or the folder where no name tells a fold.

    Raises:
        DataError: there are folds, and no recording of this one.
    """
    names = [file.name for file in recordings_in(folder)]
    if any(name.startswith(f"{fold}{FOLD_END}") for name in names):
        return folder / "**" / f"{fold}{FOLD_END}*"
    if all(FOLD_END in name for name in names):
        raise DataError(
            f"{folder}: has no recording named {fold}{FOLD_END}...; name folds so, or use no "
            f"{FOLD_END!r} in names"
        )
    return folder


def recordings_in(folder: Path) -> list[Path]:
    """The files of ``load_folder``.

    Raises:
        DataError: there is none.
    """
    try:
        if glob.has_magic(str(folder)):
            found = [Path(name) for name in glob.glob(str(folder), recursive=True)]
        else:
            if not folder.exists():
                raise DataError(f"{folder}: no such folder; check the path")
            found = list(folder.rglob("*"))
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror or error})") from error
    files = sorted(file for file in found if file.suffix.lower() in AUDIO_SUFFIXES)
    if not files:
        raise DataError(
            f"{folder}: no recordings there; name a folder, or a pattern of files, of "
            f"{', '.join(AUDIO_SUFFIXES)}"
        )
    return files


def versions_of(folder: Path) -> list[tuple[str, int, int]]:
    """What changes when a recording of ``load_folder`` is added, removed or replaced.

    Returns:
        Names, sizes and times of change.

    Raises:
        DataError: there is none.
    """
    stats = [(file.name, file.stat()) for file in recordings_in(folder)]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


def load_by_fold(folder: Path) -> dict[str, list[AudioArray]]:
    """The recordings of ``load_folder``, by the fold that stands before ``FOLD_END`` in their name.

    Raises:
        DataError: as ``load_folder``.
    """
    found: dict[str, list[AudioArray]] = {}
    for file in recordings_in(folder):
        found.setdefault(file.name.partition(FOLD_END)[0], []).append(_load_sound(file))
    return found


def _load_sound(file: Path) -> AudioArray:
    """A noise or a room's response: silence would change nothing and pass for robustness."""
    sound = load_audio(file)
    if float(np.abs(sound).max()) < SILENT:
        raise DataError(f"{file}: is silent; remove it")
    return sound
