"""The palettes as Textual's themes, for what Textual draws itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.theme import Theme

if TYPE_CHECKING:
    from realtime_ser.ui.palette import Palette


def theme_of(palette: Palette) -> Theme:
    """The theme that belongs to a palette."""
    return Theme(
        name="realtime-ser-dark" if palette.dark else "realtime-ser-light",
        primary=palette.level,
        foreground=palette.ink,
        background=palette.background,
        surface=palette.raised,
        panel=palette.raised,
        error=palette.alarm,
        warning=palette.caution,
        dark=palette.dark,
        variables={
            "border": palette.rule,
            "text-muted": palette.muted,
            "alarm-background": palette.alarm_background,
            "footer-background": palette.raised,
            "footer-key-foreground": palette.ink,
            "footer-description-foreground": palette.muted,
        },
    )
