"""Twilio Media Streams, as Twilio documents them: texts to what they mean. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, cast

from realtime_ser.server.json_text import parse_object
from realtime_ser.server.start_message import Metadata, check_metadata, check_role
from realtime_ser.server.wire import WireError

Track = Literal["inbound", "outbound"]

TRACKS: Final[tuple[Track, ...]] = ("inbound", "outbound")
"""In the order of their channels."""
USUAL_ROLES: Final = {"inbound": "customer", "outbound": "agent"}
SAMPLE_RATE: Final = 8000
TOKEN: Final = "token"
"""Name of the custom parameter that proves who asks: Twilio sends no headers and no query."""
MOST_AUDIO: Final = 65_536
"""Bytes of one message; Twilio sends 160."""
MOST_NUMBER: Final = 2**53
_SID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class TwilioStart:
    """A call begins."""

    call: str
    """Twilio's name of it."""
    tracks: tuple[Track, ...]
    roles: tuple[str, ...]
    """One a track."""
    token: str | None
    metadata: Metadata
    """The other custom parameters."""


@dataclass(frozen=True, slots=True)
class TwilioMedia:
    """Some audio of one track."""

    track: Track
    number: int
    """Of the message within the stream, rising; 0 where it has none."""
    audio: bytes
    """mu-law."""


@dataclass(frozen=True, slots=True)
class TwilioStop:
    """The stream has ended."""


TwilioMessage: TypeAlias = TwilioStart | TwilioMedia | TwilioStop


def parse_twilio(text: str, longest: int) -> TwilioMessage | None:
    """Read one message.

    Args:
        text: as it came.
        longest: characters that it may have.

    Returns:
        What it means; None for what needs no answer (connected, mark, dtmf, and what Twilio may
        add one day).

    Raises:
        WireError: it is not of Twilio's form.
    """
    message = parse_object(text, longest)
    match message.get("event"):
        case "start":
            return _start(_object(message, "start"))
        case "media":
            return _media(_object(message, "media"), message)
        case "stop":
            return TwilioStop()
        case str():
            return None
    raise WireError("malformed", "a message without an event; Twilio Media Streams have one")


def _start(start: dict[str, Any]) -> TwilioStart:
    form = _object(start, "mediaFormat")
    if (form.get("encoding"), _number(form, "sampleRate"), _number(form, "channels")) != (
        "audio/x-mulaw", SAMPLE_RATE, 1,
    ):  # fmt: skip
        raise WireError("malformed", "mediaFormat must be audio/x-mulaw, 8000 Hz, 1 channel")
    tracks = start.get("tracks", ["inbound"])
    if not isinstance(tracks, list) or not tracks or not all(t in TRACKS for t in tracks):
        raise WireError("malformed", "tracks must be a list of inbound and outbound")
    call = start.get("callSid")
    if not isinstance(call, str) or not _SID.fullmatch(call):
        raise WireError("malformed", "callSid must be Twilio's name of the call")
    given = start.get("customParameters")
    parameters = {} if given is None else dict(check_metadata(given))
    token = parameters.pop(TOKEN, None)
    heard = tuple(track for track in TRACKS if track in tracks)
    return TwilioStart(
        call=call,
        tracks=heard,
        roles=tuple(check_role(parameters.pop(t, USUAL_ROLES[t])) for t in heard),
        token=token if isinstance(token, str) else None,
        metadata=parameters,
    )


def _media(media: dict[str, Any], message: dict[str, Any]) -> TwilioMedia:
    track, payload = media.get("track"), media.get("payload")
    if track not in TRACKS:
        raise WireError("malformed", "the track of a media message must be inbound or outbound")
    if not isinstance(payload, str) or len(payload) > MOST_AUDIO * 4 // 3 + 4:
        raise WireError("malformed", "the payload of a media message must be base64 text")
    try:
        audio = base64.b64decode(payload, validate=True)
    except (ValueError, binascii.Error):
        raise WireError("malformed", "the payload of a media message is not base64") from None
    number = _number(message, "sequenceNumber") if "sequenceNumber" in message else 0
    return TwilioMedia(cast("Track", track), number, audio)


def _object(message: dict[str, Any], name: str) -> dict[str, Any]:
    found = message.get(name)
    if not isinstance(found, dict):
        raise WireError("malformed", f"a Twilio message without its {name} object")
    return found


def _number(message: dict[str, Any], name: str) -> int:
    """Twilio writes numbers as texts, too."""
    value = message.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 16:
        value = int(value)
    if type(value) is int and 0 <= value <= MOST_NUMBER:
        return value
    raise WireError("malformed", f"{name} of a Twilio message must be a whole number")
