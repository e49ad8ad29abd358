"""How somebody usually sounds: a memory of the network, kept under a name. Numbers, not audio."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import platformdirs

from realtime_ser.errors import ConfigError, SinkError

if TYPE_CHECKING:
    from realtime_ser.state import State

FORMAT = "1"
SUFFIX = ".safetensors"
LONGEST_NAME = 64


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
    """Names, sorted."""
    return sorted(file.name.removesuffix(SUFFIX) for file in folder.glob(f"*{SUFFIX}"))


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
    new = file.with_suffix(f".{uuid4().hex}.new")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new.write_bytes(content)
        new.replace(file)
    except OSError as error:
        raise SinkError(f"{file}: cannot be written ({error.strerror or error})") from error
    finally:
        with contextlib.suppress(OSError):
            new.unlink()
    return file


def load_baseline(name: str, model: str, folder: Path) -> Baseline:
    """Read a baseline.

    Args:
        name: as it was calibrated.
        model: sha256 of the weights that are to use it.
        folder: where baselines are kept.

    Raises:
        ConfigError: there is none of that name, it is damaged, or it is of another model.
    """
    from safetensors import SafetensorError, safe_open

    file = _file_of(name, folder)
    if not file.is_file():
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
        if metadata["format"] != FORMAT:
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
    except FileNotFoundError as error:
        raise ConfigError(f"speaker {name!r} is not known; there is nothing to forget") from error
    except OSError as error:
        raise SinkError(f"{file}: cannot be removed ({error.strerror or error})") from error


def check_name(name: str) -> None:
    """Refuse a name that no file could have.

    Raises:
        ConfigError: it is one.
    """
    if not re.fullmatch(r"\w[\w.-]*", name) or len(name) > LONGEST_NAME:
        raise ConfigError(
            f"speaker {name[:LONGEST_NAME]!r}: use a name of letters, digits, '_', '-' and '.', "
            f"at most {LONGEST_NAME}"
        )


def _file_of(name: str, folder: Path) -> Path:
    check_name(name)
    return folder / f"{name}{SUFFIX}"
