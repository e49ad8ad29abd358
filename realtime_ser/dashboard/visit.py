"""From the floor to a call and back, until the user leaves."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from realtime_ser.dashboard.app import DashboardApp
from realtime_ser.dashboard.call_app import CallApp
from realtime_ser.dashboard.call_monitor import CallMonitor
from realtime_ser.dashboard.feed import Feed, FeedRefusedError, listening
from realtime_ser.dashboard.picture import FloorPicture
from realtime_ser.dashboard.view import FloorView

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from realtime_ser.clock import Clock
    from realtime_ser.dashboard.calls import Call, Key
    from realtime_ser.dashboard.feed import Connect
    from realtime_ser.dashboard.fields import Record
    from realtime_ser.ui.adjustable import AdjustableApp
    from realtime_ser.ui.app import Exporter
    from realtime_ser.ui.preferences import Preferences

    ConnectTo = Callable[[Key | None], Connect]
    """What connects to the feed of a call, or to that of the floor."""
    Show = Callable[[AdjustableApp], Awaitable[object]]
    """Runs a screen until it is left; returns what it returns."""


class Visit:
    """One look at a server: the floor's feed goes on while a call is open."""

    def __init__(
        self,
        connect_to: ConnectTo,
        show: Show,
        clock: Clock,
        *,
        address: str,
        uncertain_below: float,
        exporter: Exporter | None,
        preferences: Preferences,
    ) -> None:
        """Prepare; ``run`` connects.

        Args:
            connect_to: opens feeds.
            show: runs a screen.
            clock: of the visit.
            address: of the server, for the screen.
            uncertain_below: where a call's bars have their tick.
            exporter: writes what is in sight of a call.
            preferences: how the screens shall look.
        """
        self.preferences = preferences
        """As the user has left them."""
        self._connect_to = connect_to
        self._show = show
        self._clock = clock
        self._address = address
        self._uncertain_below = uncertain_below
        self._exporter = exporter
        self._picture = FloorPicture(clock)
        self._view = FloorView()

    async def run(self) -> tuple[AdjustableApp, object]:
        """Show the floor and calls in turn; the last screen, and what it returned.

        Raises:
            FeedRefusedError: the server does not want us.
        """
        feed = Feed(self._connect_to(None), self._take, self._clock)
        async with listening(feed):
            while True:
                app = DashboardApp(
                    self._picture, self._view, feed, clock=self._clock,
                    address=self._address, preferences=self.preferences,
                )  # fmt: skip
                outcome = await self._shown(app)
                if feed.refusal:
                    raise FeedRefusedError(feed.refusal)
                if app.opened is None:
                    return app, outcome
                live, outcome = await self._open(app.opened)
                if outcome != "quit":
                    return live, outcome

    async def _open(self, call: Call) -> tuple[AdjustableApp, object]:
        monitor = CallMonitor(call, self._picture, self._clock, lambda: feed.words)
        feed = Feed(self._connect_to(call.key), monitor.take_message, self._clock)
        async with listening(feed):
            app = CallApp(
                monitor, call, uncertain_below=self._uncertain_below, exporter=self._exporter,
                preferences=self.preferences,
            )  # fmt: skip
            return app, await self._shown(app)

    async def _shown(self, app: AdjustableApp) -> object:
        outcome = await self._show(app)
        self.preferences = app.preferences
        if app.no_color:  # Textual takes it out of the environment, and the next screen asks again
            os.environ["NO_COLOR"] = "1"
        return outcome

    def _take(self, message: Record) -> bool:
        self._picture.take(message)
        return False
