"""How the user wants the screen to look; handed to every part with what it shall show."""

from __future__ import annotations

from dataclasses import dataclass

from realtime_ser.ui.palette import DARK, Look, Palette


@dataclass(frozen=True, slots=True)
class Display:
    """Choices that concern all parts."""

    palette: Palette = DARK
    emoji: bool = True
    curves: bool = True
    """Arousal, valence and loudness below the lanes, where there is room."""

    def look(self, name: str) -> Look:
        """Of an emotion or ``uncertain``."""
        return self.palette.looks[name]

    def mark(self, name: str) -> str:
        """Emoji and letter of an emotion, or the letter alone."""
        look = self.look(name)
        return f"{look.emoji} {look.letter}" if self.emoji else look.letter
