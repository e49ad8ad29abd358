"""The first message of a call: what it is and how its audio is to be read. Pure."""

from __future__ import annotations

import re
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from realtime_ser.capture.pipe import Encoding
from realtime_ser.server.json_text import check_text, parse_object, shown
from realtime_ser.server.wire import WireError

if TYPE_CHECKING:
    from collections.abc import Mapping

Metadata: TypeAlias = "Mapping[str, str | int | float | bool | None]"

LONGEST_MESSAGE: Final = 16_384
"""Characters of any text that a caller sends."""
LONGEST_STREAM: Final = 128
RATES: Final = (4000, 192_000)
ENCODINGS: Final[tuple[str, ...]] = typing.get_args(Encoding)
MOST_CHANNELS: Final = 8
USUAL_ROLE: Final = "speaker"
MOST_METADATA: Final = 16
LONGEST_KEY: Final = 64
LONGEST_VALUE: Final = 256
LARGEST_NUMBER: Final = 2**53
"""Of a number in the metadata: what every reader of JSON can hold."""
_ROLE: Final = re.compile(r"[a-z0-9_-]{1,32}")
_KEYS: Final = {"type", "stream", "sample_rate", "encoding", "channels", "metadata"}


@dataclass(frozen=True, slots=True)
class StartMessage:
    """A call that is to be heard."""

    stream: str | None
    """Its name; None: the server makes one up."""
    sample_rate: int
    encoding: Encoding
    roles: tuple[str, ...]
    """One a channel, in lower case."""
    metadata: Metadata


def parse_start(text: str) -> StartMessage:
    """Read the first message of ``/v1/stream``.

    Raises:
        WireError: what cannot be used; its text names the field.
    """
    message = parse_object(text, LONGEST_MESSAGE)
    if message.get("type", "start") != "start":
        raise WireError("malformed", "the first message must be of type 'start'")
    for key in message:
        if key not in _KEYS:
            raise WireError("malformed", f"unknown field {shown(key)}; see docs/serve.md")
    stream = message.get("stream")
    return StartMessage(
        stream=None if stream is None else check_text(stream, "stream", LONGEST_STREAM),
        sample_rate=_sample_rate(message.get("sample_rate")),
        encoding=_encoding(message.get("encoding")),
        roles=_roles(message.get("channels")),
        metadata=check_metadata(message.get("metadata")),
    )


def is_stop(text: str) -> bool:
    """Whether a later message asks for the end.

    Raises:
        WireError: it is any other message.
    """
    if parse_object(text, LONGEST_MESSAGE) == {"type": "stop"}:
        return True
    raise WireError("malformed", "after the first message only audio and {'type': 'stop'} may come")


def check_role(value: object) -> str:
    """A role in lower case, so that nothing hangs on how it is spelt.

    Raises:
        WireError: no text, or characters that a role cannot have.
    """
    if isinstance(value, str) and _ROLE.fullmatch(value.lower()):
        return value.lower()
    raise WireError(
        "malformed",
        f"role {shown(value)} must be 1 to 32 letters, digits, '-' or '_', such as customer",
    )


def check_metadata(value: object) -> Metadata:
    """A small flat object.

    Raises:
        WireError: too much, too deep, or texts with control characters.
    """
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > MOST_METADATA:
        raise WireError(
            "malformed", f"metadata must be an object of at most {MOST_METADATA} fields"
        )
    for key, item in value.items():
        check_text(key, "a key of metadata", LONGEST_KEY)
        _check_value(item)
    return value


def _check_value(item: object) -> None:
    match item:
        case None | bool():
            return
        case str() if len(item) <= LONGEST_VALUE and item.isprintable():
            return
        case int() | float() if abs(item) <= LARGEST_NUMBER:
            return
    raise WireError(
        "malformed",
        f"values of metadata must be numbers, true, false, null or printable texts of at most "
        f"{LONGEST_VALUE} characters",
    )


def _sample_rate(value: object) -> int:
    low, high = RATES
    if type(value) is int and low <= value <= high:
        return value
    raise WireError("malformed", f"sample_rate must be a whole number from {low} to {high}")


def _encoding(value: object) -> Encoding:
    if value in ENCODINGS:
        return typing.cast("Encoding", value)
    raise WireError("malformed", f"encoding must be one of {', '.join(ENCODINGS)}")


def _roles(value: Any) -> tuple[str, ...]:
    if value is None:
        return (USUAL_ROLE,)
    if type(value) is int and 1 <= value <= MOST_CHANNELS:
        return (USUAL_ROLE,) * value
    if isinstance(value, list) and 1 <= len(value) <= MOST_CHANNELS:
        return tuple(check_role(_named(item)) for item in value)
    raise WireError(
        "malformed",
        f"channels must be a number from 1 to {MOST_CHANNELS}, or a list of so many roles",
    )


def _named(item: object) -> object:
    """The role of a channel that is given as a text or as an object with a role."""
    if isinstance(item, dict):
        if set(item) != {"role"}:
            raise WireError("malformed", "a channel must be a role or an object {'role': ROLE}")
        return item["role"]
    return item
