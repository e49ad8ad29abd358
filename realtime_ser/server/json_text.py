"""JSON from strangers: an object of plain values, or one error. Pure."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from realtime_ser.server.wire import WireError

LONGEST_SHOWN: Final = 40
"""Characters of a stranger's text that an error repeats."""


def parse_object(text: str, longest: int) -> dict[str, Any]:
    """The object that a text holds.

    Args:
        text: as it came.
        longest: characters that it may have.

    Raises:
        WireError: too long, no JSON object, a key twice, NaN or Infinity, or no Unicode text.
    """
    if len(text) > longest:
        raise WireError(
            "too_big", f"a text message of {len(text)} characters; {longest} are allowed"
        )
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
        text.encode()
    except (ValueError, RecursionError):
        raise WireError("malformed", "not a JSON object; see docs/serve.md") from None
    if not isinstance(found, dict):
        raise WireError("malformed", "not a JSON object; see docs/serve.md")
    return found


def shown(value: object) -> str:
    """A stranger's value for one line of text: short, nothing but printable characters."""
    text = value if isinstance(value, str) else type(value).__name__
    plain = "".join(c if c.isprintable() else "?" for c in text[:LONGEST_SHOWN])
    return repr(plain) if isinstance(value, str) else plain


def check_text(value: object, what: str, longest: int) -> str:
    """A text of printable characters, not blank.

    Raises:
        WireError: anything else.
    """
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise WireError("malformed", f"{what} must be a text of 1 to {longest} characters")
    if not value.isprintable() or value.isspace():
        raise WireError("malformed", f"{what} must have printable characters only")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
