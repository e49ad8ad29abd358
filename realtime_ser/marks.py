"""Moments that somebody marked, as flags of timeline rows: ``mark:12.3:the customer shouts``."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from realtime_ser.types import TimelineRow

LONGEST_NOTE: Final = 200
"""Characters."""
_FLAG: Final = re.compile(r"mark:(\d{1,12}(?:\.\d+)?)(?::(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment and what somebody noted of it."""

    seconds: float
    """Since the stream's start."""
    note: str = ""


def mark_flag(mark: Mark) -> str:
    """A mark as a flag; what would break a row becomes a blank or a comma."""
    note = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in mark.note)
    note = " ".join(note.replace(";", ",").split())[:LONGEST_NOTE]
    return f"mark:{mark.seconds:.1f}" + (f":{note}" if note else "")


def marks_of(row: TimelineRow) -> list[Mark]:
    """The marks that a row carries."""
    found = (_FLAG.fullmatch(flag) for flag in row.flags)
    return [Mark(float(match[1]), match[2] or "") for match in found if match]
