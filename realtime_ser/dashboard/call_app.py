"""The live screen over one call of the floor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from realtime_ser.ui.app import LiveApp
from realtime_ser.ui.keys import KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.binding import BindingType

    from realtime_ser.dashboard.call_monitor import CallMonitor
    from realtime_ser.dashboard.calls import Call
    from realtime_ser.ui.app import Exporter
    from realtime_ser.ui.keys import Key
    from realtime_ser.ui.preferences import Preferences

_HELP: Final = {
    "quit": ("Calls", "back to the calls; esc, too"),
    "pause": ("Pause", "hold the picture, or go on; the call goes on"),
}
"""Action -> what it is called and what it does here."""


def _here(key: Key) -> Key:
    name, words = _HELP.get(key.action, (key.name, key.help))
    return replace(key, name=name, help=words)


class CallApp(LiveApp):
    """Leaves to the calls, not to the shell."""

    keys: ClassVar[Sequence[Key]] = tuple(_here(key) for key in KEYS)
    BINDINGS: ClassVar[list[BindingType]] = [
        _here(key).binding for key in KEYS if key.action in _HELP
    ]

    def __init__(
        self,
        monitor: CallMonitor,
        call: Call,
        *,
        uncertain_below: float,
        exporter: Exporter | None,
        preferences: Preferences,
    ) -> None:
        """Prepare the screen; ``run()`` opens it.

        Args:
            monitor: of the call; it has the rows, too.
            call: for the title.
            uncertain_below: where the bars have their tick.
            exporter: writes what is in sight.
            preferences: how it shall look.
        """
        super().__init__(
            monitor,
            rows=monitor,
            classes=monitor.classes,
            title=f"{call.name} · {call.role or f'channel {call.channel}'}",
            uncertain_below=uncertain_below,
            exporter=exporter,
            preferences=preferences,
        )
        self._call_monitor = monitor

    def poll(self) -> None:
        """See ``LiveApp.poll``; the server's model may have other emotions than were assumed."""
        self._session.classes = self._call_monitor.classes
        super().poll()

    def action_live(self) -> None:
        """See ``LiveApp.action_live``; it does not leave."""
        self._utterances.scroll_end(animate=False)
        super().action_leave()

    def action_leave(self) -> None:
        """Escape: away from the past; from now, back to the calls."""
        if self.viewpoint.cursor is None and self.viewpoint.end is None:
            self.exit("quit")
        else:
            super().action_leave()
