"""The part of the screen that looks as the user wants it: colours, emoji, curves, zoom."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from realtime_ser.ui.display import Display
from realtime_ser.ui.operable import OperableApp
from realtime_ser.ui.palette import DARK, LIGHT
from realtime_ser.ui.preferences import Preferences
from realtime_ser.ui.themes import theme_of
from realtime_ser.ui.viewpoint import Viewpoint

if TYPE_CHECKING:
    from realtime_ser.ui.monitor import Controls, Player


class AdjustableApp(OperableApp):
    """Knows how it shall look and which part of the past is in sight."""

    def __init__(
        self, controls: Controls | None, player: Player | None, preferences: Preferences
    ) -> None:
        super().__init__(controls, player)
        palette = LIGHT if preferences.light else DARK
        for each in (DARK, LIGHT):
            self.register_theme(theme_of(each))
        self.theme = theme_of(palette).name
        self.appearance = Display(palette, emoji=preferences.emoji, curves=preferences.curves)
        self.viewpoint = Viewpoint()
        self.viewpoint.span = preferences.span or None

    def draw(self) -> None:
        """Draw what has changed."""
        raise NotImplementedError

    def action_interrupt(self) -> None:
        """Ctrl-C: end, with the exit status that shells expect."""
        raise NotImplementedError

    @property
    def preferences(self) -> Preferences:
        """How the user has it look now."""
        display = self.appearance
        return Preferences(
            light=not display.palette.dark,
            emoji=display.emoji,
            curves=display.curves,
            span=self.viewpoint.span or 0.0,
        )

    def action_zoom(self, steps: int) -> None:
        """Show more or less time; 0: as the width suggests."""
        if steps:
            self.viewpoint.zoom(steps)
        else:
            self.viewpoint.automatic()
        self.draw()

    def action_curves(self) -> None:
        """Arousal, valence and loudness on or off."""
        self.appearance = replace(self.appearance, curves=not self.appearance.curves)
        self.screen.refresh(layout=True)
        self.draw()

    def action_emoji(self) -> None:
        """Emoji on or off, for terminals that cannot draw them."""
        self.appearance = replace(self.appearance, emoji=not self.appearance.emoji)
        self.draw()

    def action_light(self) -> None:
        """Light or dark."""
        palette = LIGHT if self.appearance.palette.dark else DARK
        self.appearance = replace(self.appearance, palette=palette)
        self.theme = theme_of(palette).name
        self.draw()
