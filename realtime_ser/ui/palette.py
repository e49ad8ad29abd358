"""Colours, letters and emoji: everything on the screen that means an emotion, in one place.

The hues stay near those of Okabe and Ito ("Color universal design", 2008), and were moved apart
until they differ for colour-blind eyes, too: any two of a palette by a CIEDE2000 of 12, in normal
vision, protanopia, deuteranopia and tritanopia (17.5 is the most that a search found for eight
colours on the dark background, at the price of a green that is nearly white). A letter and an emoji
say the same without any colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from realtime_ser.types import UNCERTAIN

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Look:
    """How an emotion is shown."""

    color: str
    """``#rrggbb``"""
    letter: str
    emoji: str
    """One character, two cells wide."""


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a theme, by what they are for; each is ``#rrggbb``."""

    background: str
    raised: str
    """Title and key lines."""
    track: str
    """The empty part of a bar; the base line of silence."""
    rule: str
    """Frames."""
    muted: str
    """Text of second rank."""
    ink: str
    level: str
    caution: str
    alarm: str
    alarm_background: str
    """Under white, in both themes."""
    arousal: str
    """Curves."""
    valence: str
    looks: Mapping[str, Look]
    """Emotion or ``uncertain`` -> its look."""
    dark: bool

    def ink_on(self, color: str) -> str:
        """The better readable of this palette's light and dark text colour on ``color``."""
        return max((self.ink, self.background), key=lambda ink: contrast(ink, color))


_SIGNS: Final = {
    "angry": ("A", "😠"),
    "disgust": ("D", "🤢"),
    "fear": ("F", "😨"),
    "happy": ("H", "😀"),
    "neutral": ("N", "😐"),
    "sad": ("S", "😢"),
    "surprise": ("P", "😲"),
    UNCERTAIN: ("?", "🤔"),
}


def _looks(colors: Mapping[str, str]) -> Mapping[str, Look]:
    """The signs are the same in every theme."""
    return MappingProxyType({name: Look(colors[name], *signs) for name, signs in _SIGNS.items()})


def luminance(color: str) -> float:
    """Relative luminance of ``#rrggbb`` (WCAG 2), 0 for black to 1 for white."""
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """Contrast ratio of two colours (WCAG 2), 1 to 21."""
    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


DARK: Final = Palette(
    background="#0f1218",
    raised="#1a1f29",
    track="#232a36",
    rule="#3b4557",
    muted="#8d97a8",
    ink="#e8ecf2",
    level="#9fb1c8",
    caution="#f2c14e",
    alarm="#ff6b61",
    alarm_background="#8f1d18",
    arousal="#e8a33d",
    valence="#7fd1ff",
    looks=_looks(
        {
            "angry": "#e4602a",
            "disgust": "#3adea2",
            "fear": "#c38ab6",
            "happy": "#fcf660",
            "neutral": "#cbd1d4",
            "sad": "#2fa7fa",
            "surprise": "#eaac40",
            UNCERTAIN: "#868586",
        }
    ),
    dark=True,
)

LIGHT: Final = Palette(
    background="#fafbfd",
    raised="#eef1f6",
    track="#e4e8ef",
    rule="#828da0",
    muted="#535e6f",
    ink="#141821",
    level="#3f5f86",
    caution="#7a5600",
    alarm="#b3140d",
    alarm_background="#8f1d18",
    arousal="#9a5b00",
    valence="#005fb8",
    looks=_looks(
        {
            "angry": "#a52539",
            "disgust": "#00785c",
            "fear": "#8c2b84",
            "happy": "#8c7000",
            "neutral": "#3e404b",
            "sad": "#0072df",
            "surprise": "#582f00",
            UNCERTAIN: "#697582",
        }
    ),
    dark=False,
)
