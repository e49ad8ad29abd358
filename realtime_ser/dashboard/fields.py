"""Fields of what another program has sent: each is checked, and refused in words.

Raised are ``ValueError`` with a line that names the field; ``docs/dashboard.md`` says what becomes
of it.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

Record = Mapping[str, object]

LONGEST_SHOWN: Final = 200
"""Characters of a name that anybody could want to read."""


def record(value: object, name: str) -> Record:
    """A JSON object."""
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {_quoted(value)}, not an object")
    return value


def items(value: object, name: str) -> Sequence[object]:
    """A JSON array."""
    if not isinstance(value, list):
        raise ValueError(f"{name} is {_quoted(value)}, not a list")
    return value


def text(given: Record, name: str) -> str:
    """A text."""
    value = _present(given, name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is {_quoted(value)}, not text")
    return value


def choice(given: Record, name: str, allowed: Sequence[str]) -> str:
    """One of some words."""
    value = text(given, name)
    if value not in allowed:
        raise ValueError(f"{name} is {_quoted(value)}, not one of {', '.join(allowed)}")
    return value


def flag(given: Record, name: str) -> bool:
    """True or false."""
    value = _present(given, name)
    if not isinstance(value, bool):
        raise ValueError(f"{name} is {_quoted(value)}, not true or false")
    return value


def number(given: Record, name: str, lowest: float = 0.0, highest: float = 1e9) -> float:
    """A finite number within limits."""
    return as_number(_present(given, name), name, lowest, highest)


def optional(given: Record, name: str, lowest: float = 0.0, highest: float = 1e9) -> float | None:
    """A number, or None where nothing is known."""
    return None if given.get(name) is None else number(given, name, lowest, highest)


def whole(given: Record, name: str) -> int:
    """A count."""
    value = _present(given, name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10**12:
        raise ValueError(f"{name} is {_quoted(value)}, not a count")
    return value


def as_number(value: object, name: str, lowest: float, highest: float) -> float:
    """A finite number within limits."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} is {_quoted(value)}, not a number")
    # Also refuses NaN, and whole numbers beyond what a float holds.
    if not lowest <= value <= highest:
        raise ValueError(f"{name} is {_quoted(value)}, not within {lowest:g} to {highest:g}")
    return float(value)


def shown(name: str) -> str:
    """A name from elsewhere as it may stand on a screen.

    Control characters, marks that turn the direction of text, and line ends become blanks; runs of
    blanks become one.
    """
    clean = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in name[:LONGEST_SHOWN])
    return " ".join(clean.split())


def _present(given: Record, name: str) -> object:
    if name not in given:
        raise ValueError(f"field {name!r} is missing")
    return given[name]


def _quoted(value: object) -> str:
    """A value in a line of words, whatever it is and however long."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and abs(value) > 10**15:
        return "a huge number"
    said = shown(str(value))
    return repr(said if len(said) <= 40 else said[:40] + "…")
