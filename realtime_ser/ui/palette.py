"""Colours, letters and emoji: everything on the screen that means an emotion, in one place.

The hues are those of Okabe and Ito ("Color universal design", 2008), chosen to stay apart for
colour-blind eyes; a letter and an emoji say the same without any colour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from realtime_ser.types import UNCERTAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

BACKGROUND: Final = "#0f1218"
RAISED: Final = "#1a1f29"
"""Title and key lines."""
TRACK: Final = "#232a36"
"""The empty part of a bar; the base line of silence."""
RULE: Final = "#3b4557"
"""Frames."""
MUTED: Final = "#8d97a8"
"""Text of second rank."""
INK: Final = "#e8ecf2"
LEVEL: Final = "#9fb1c8"
CAUTION: Final = "#f2c14e"
ALARM: Final = "#ff6b61"
ALARM_BACKGROUND: Final = "#8f1d18"


@dataclass(frozen=True, slots=True)
class Look:
    """How an emotion is shown."""

    color: str
    """``#rrggbb``"""
    letter: str
    emoji: str
    """One character, two cells wide."""


LOOKS: Final = {
    "angry": Look("#d55e00", "A", "😠"),
    "disgust": Look("#009e73", "D", "🤢"),
    "fear": Look("#cc79a7", "F", "😨"),
    "happy": Look("#f0e442", "H", "😀"),
    "neutral": Look("#c8ced8", "N", "😐"),
    "sad": Look("#56b4e9", "S", "😢"),
    "surprise": Look("#e69f00", "P", "😲"),
    UNCERTAIN: Look("#667083", "?", "🤔"),
}


def luminance(color: str) -> float:
    """Relative luminance of ``#rrggbb`` (WCAG 2), 0 for black to 1 for white."""
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """Contrast ratio of two colours (WCAG 2), 1 to 21."""
    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


def ink_on(color: str) -> str:
    """The better readable of the light and the dark text colour on ``color``."""
    return max((INK, BACKGROUND), key=lambda ink: contrast(ink, color))


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a theme by their roles."""

    background: str
    raised: str
    track: str
    rule: str
    muted: str
    ink: str
    level: str
    caution: str
    alarm: str
    alarm_background: str
    arousal: str
    valence: str
    looks: Mapping[str, Look]
    dark: bool


DARK: Final = Palette(
    BACKGROUND, RAISED, TRACK, RULE, MUTED, INK, LEVEL, CAUTION, ALARM, ALARM_BACKGROUND,
    "#e8a33d", "#7fd1ff", LOOKS, dark=True,
)  # fmt: skip
LIGHT: Final = replace(DARK, dark=False)
