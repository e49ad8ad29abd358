"""What the server says: its messages as text, and why it ends a connection. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from realtime_ser.clock import to_seconds
from realtime_ser.errors import RealtimeSerError
from realtime_ser.sinks.jsonl import encode_json

if TYPE_CHECKING:
    from realtime_ser.engine.line import Account
    from realtime_ser.types import TimelineRow

VERSION: Final = 1
"""Of the messages, as in ``ready``."""

POLICY, TOO_BIG, UNSUPPORTED, TRY_AGAIN, GOING_AWAY, FAILED = 1008, 1009, 1003, 1013, 1001, 1011
"""Codes of RFC 6455 with which a WebSocket is closed."""

CLOSE_CODES: Final = {
    "malformed": UNSUPPORTED,
    "audio": UNSUPPORTED,
    "too_big": TOO_BIG,
    "unauthorized": POLICY,
    "unknown": POLICY,
    "too_many": POLICY,
    "duplicate": TRY_AGAIN,
    "full": TRY_AGAIN,
    "busy": TRY_AGAIN,
    "ending": GOING_AWAY,
    "storage": TRY_AGAIN,
    "idle": POLICY,
    "slow": POLICY,
    "failed": FAILED,
}
"""Every code of an error message -> the close that follows it."""


class WireError(RealtimeSerError):
    """A connection, or what came over it, that the server cannot go on with."""

    def __init__(self, code: str, text: str) -> None:
        """Say what is wrong.

        Args:
            code: a key of ``CLOSE_CODES``, for programs.
            text: one line, for people: what is wrong and what to do.
        """
        super().__init__(text)
        self.code = code

    @property
    def close_code(self) -> int:
        """Of the WebSocket."""
        return CLOSE_CODES[self.code]


def to_text(message: Any) -> str:
    """JSON without blanks."""
    return json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def error_text(error: WireError) -> str:
    """The ``error`` message."""
    return to_text({"type": "error", "code": error.code, "message": str(error)})


def row_text(row: TimelineRow) -> str:
    """A row as a message: the JSON Lines record behind its type."""
    return f'{{"type":"{row.kind}",{encode_json(row)[1:]}'


def speech_text(stream: str, channel: int, start: float) -> str:
    """The ``speech_start`` message; seconds since the stream's begin."""
    start = round(start, 3)
    return to_text({"type": "speech_start", "stream": stream, "channel": channel, "start": start})


def end_text(
    stream: str, channel: int, reason: str, account: Account, *, rows: int, unwritten: int
) -> str:
    """The ``end`` message: where every sample of one channel went, in seconds.

    Args:
        stream: its name.
        channel: its number.
        reason: why it ended.
        account: of its samples.
        rows: that were made.
        unwritten: of these, that a full or broken disk did not take.
    """
    return to_text(
        {
            "type": "end",
            "stream": stream,
            "channel": channel,
            "reason": reason,
            "received": to_seconds(account.received),
            "analysed": to_seconds(account.analysed),
            "dropped": to_seconds(account.dropped),
            "rows": rows,
            "unwritten": unwritten,
        }
    )
