"""TOML files, read in one way for settings, recipes and models."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

LARGEST: Final = 2**63
"""The format has whole numbers of 64 bits; Python's own cannot even be shown when too long."""

LONGEST: Final = 1_000_000
"""Characters of a file."""


def read_toml(file: Path) -> dict[str, Any]:
    """The content of a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no TOML, too large, or has a whole number beyond 64 bits.
    """
    with file.open(encoding="utf-8") as stream:  # it may be a device without an end
        text = stream.read(LONGEST + 1)
    if len(text) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters")
    try:
        content = tomllib.loads(text)
        _check_numbers(content)
    except RecursionError as error:
        raise ValueError("values inside values without end") from error
    return content


def _check_numbers(value: Any) -> None:
    if isinstance(value, dict):
        for part in value.values():
            _check_numbers(part)
    elif isinstance(value, list):
        for part in value:
            _check_numbers(part)
    elif isinstance(value, int) and not -LARGEST <= value < LARGEST:
        raise ValueError("a whole number is longer than 64 bits")
