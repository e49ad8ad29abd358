"""TOML files, read in one way for settings, recipes and models."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

LARGEST: Final = 2**63
"""The format has whole numbers of 64 bits; Python's own cannot even be shown when too long."""


def read_toml(file: Path) -> dict[str, Any]:
    """The content of a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no TOML, or has a whole number beyond 64 bits.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
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
