"""How somebody usually sounds: a memory of the network, kept under a name. Numbers, not audio."""

from __future__ import annotations

import errno
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from realtime_ser.errors import ConfigError, SinkError
from realtime_ser.replacing import replace_files

if TYPE_CHECKING:
    from realtime_ser.state import State

FORMAT = "1"
SUFFIX = ".safetensors"
LONGEST_NAME = 64
"""Letters."""
MOST_BYTES = 200
"""Of a name: with what is added to it, a file name of at most 255."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Of one speaker, as one model hears him."""

    name: str
    model: str
    """sha256 of the model's weights: another model means something else by the numbers."""
    seconds: float
    """Of speech behind it."""
    memory: State
    """What the network remembers of a stream between segments; batch axis of 1."""


def speakers_folder() -> Path:
    """Where this user's baselines are kept."""
    return Path(platformdirs.user_data_path("realtime-ser", appauthor=False)) / "speakers"


def list_baselines(folder: Path) -> list[str]:
    """Names, sorted.

    Raises:
        ConfigError: the folder cannot be read.
    """
    try:
        files = [file for file in folder.iterdir() if file.suffix == SUFFIX and file.is_file()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unreadable(folder, error) from error
    return sorted(file.stem for file in files if _is_name(file.stem))


def prepare_folder(folder: Path) -> None:
    """Make the folder if it is missing; asked before listening, so that nobody speaks for nothing.

    Raises:
        SinkError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise _unwritable(folder, error) from error


def save_baseline(baseline: Baseline, folder: Path) -> Path:
    """Write a baseline, or replace the one of that name.

    Raises:
        ConfigError: a name that no file could have.
        SinkError: it cannot be written.
    """
    from safetensors.torch import save

    file = _file_of(baseline.name, folder)
    metadata = {"format": FORMAT, "model": baseline.model, "seconds": f"{baseline.seconds:.1f}"}
    content = save({k: v.contiguous() for k, v in baseline.memory.items()}, metadata)
    prepare_folder(folder)
    try:
        replace_files({file: content})
    except OSError as error:
        raise _unwritable(file, error) from error
    return file


def load_baseline(name: str, model: str, folder: Path) -> Baseline:
    """Read a baseline.

    Args:
        name: as it was calibrated.
        model: sha256 of the weights that are to use it.
        folder: where baselines are kept.

    Raises:
        ConfigError: there is none of that name, it cannot be read, is damaged, or is of another
            model.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    file = _file_of(name, folder)
    try:
        found = file.is_file()
        if found:
            file.open("rb").close()  # safetensors says of any file it may not read: not there
    except OSError as error:
        raise _unreadable(file, error) from error
    if not found:
        known = ", ".join(list_baselines(folder)) or "none"
        raise ConfigError(
            f"speaker {name!r} is not known; run 'realtime-ser calibrate {name}' first "
            f"(known: {known})"
        )
    try:
        with safe_open(file, framework="pt") as stored:
            metadata = stored.metadata() or {}
            memory = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118  # no mapping
        seconds = float(metadata["seconds"])
        numbers = all(v.dtype == torch.float32 and v.isfinite().all() for v in memory.values())
        whole = bool(memory) and numbers and math.isfinite(seconds) and seconds >= 0.0
        if metadata["format"] != FORMAT or not whole:
            raise ValueError
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ConfigError(
            f"{file}: is damaged; run 'realtime-ser calibrate {name}' again"
        ) from error
    if metadata.get("model") != model:
        raise ConfigError(
            f"speaker {name!r} was calibrated with another model; "
            f"run 'realtime-ser calibrate {name}' with this one"
        )
    return Baseline(name, model, seconds, memory)


def forget_baseline(name: str, folder: Path) -> None:
    """Remove a baseline.

    Raises:
        ConfigError: there is none of that name.
        SinkError: it cannot be removed.
    """
    file = _file_of(name, folder)
    try:
        file.unlink()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ConfigError(f"speaker {name!r} is not known; there is nothing to forget") from error
    except OSError as error:
        raise SinkError(f"{file}: cannot be removed ({error.strerror or error})") from error


def check_name(name: str) -> None:
    """Refuse a name that no file could have.

    Raises:
        ConfigError: it is one.
    """
    if not _is_name(name):
        raise ConfigError(
            f"speaker {name[:LONGEST_NAME]!r}: use a name of letters, digits, '_', '-' and '.', "
            f"at most {LONGEST_NAME} of them and {MOST_BYTES} bytes"
        )


def _is_name(name: str) -> bool:
    fits = re.fullmatch(r"\w[\w.-]*", name) is not None and len(name) <= LONGEST_NAME
    return fits and len(os.fsencode(name)) <= MOST_BYTES


def _unwritable(path: Path, error: OSError) -> SinkError:
    reason = error.strerror or error
    return SinkError(f"{path}: cannot be written ({reason}); see to it that you may write there")


def _unreadable(path: Path, error: OSError) -> ConfigError:
    reason = error.strerror or error
    return ConfigError(f"{path}: cannot be read ({reason}); see to it that you may read it")


def _file_of(name: str, folder: Path) -> Path:
    check_name(name)
    return folder / f"{name}{SUFFIX}"
