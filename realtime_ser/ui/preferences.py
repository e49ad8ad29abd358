"""How the user wants the screen to look, from one run to the next.

Only looks: what changes the rows (model, threshold, source) is said anew each time, so that nobody
logs with settings that he has forgotten.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import tomli_w

from realtime_ser.replacing import replace_files
from realtime_ser.toml import read_toml
from realtime_ser.ui.viewpoint import ZOOMS

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Preferences:
    """What is remembered."""

    light: bool = False
    emoji: bool = True
    curves: bool = True
    span: float = 0.0
    """Seconds of timeline in sight; 0: as the width suggests."""


def load_preferences(file: Path) -> Preferences:
    """Those of the last run; the usual ones where there are none that can be read."""
    try:
        content = read_toml(file)
    except (OSError, ValueError):
        return Preferences()
    usual = asdict(Preferences())
    kept = {k: v for k, v in content.items() if k in usual and isinstance(v, type(usual[k]))}
    if kept.get("span") not in (0.0, *ZOOMS):
        kept.pop("span", None)
    return Preferences(**kept)


def save_preferences(preferences: Preferences, file: Path) -> None:
    """Keep them for the next run; where that cannot be, the next run has the usual ones."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_files({file: tomli_w.dumps(asdict(preferences)).encode()})
