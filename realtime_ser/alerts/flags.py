"""Alerts of rules as flags of timeline rows: ``alert:angry-for-5-s``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from realtime_ser.types import TimelineRow

NAME: Final = re.compile(r"[a-z0-9_-]{1,60}")
"""What a rule may be called."""
_PREFIX: Final = "alert:"


def alert_flag(name: str) -> str:
    """The flag of a rule's alerts."""
    return _PREFIX + name


def alerts_of(row: TimelineRow) -> list[str]:
    """Names of the rules that a row is an alert of; none for a mark, or another kind of row."""
    if row.kind != "alert":
        return []
    return [flag.removeprefix(_PREFIX) for flag in row.flags if flag.startswith(_PREFIX)]
