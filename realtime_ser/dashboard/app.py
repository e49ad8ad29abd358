"""The screen of a floor of calls.

The feed changes the picture whenever something comes; ten times a second the screen looks whether
it has, and draws the cells that differ.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Input

from realtime_ser.dashboard.keys import GESTURES, KEYS, MOVES, WORDS
from realtime_ser.dashboard.table import CallTable
from realtime_ser.dashboard.totals import CallDetail, FloorLine, FloorTotals, ShareBar
from realtime_ser.types import EMOTIONS
from realtime_ser.ui.adjustable import AdjustableApp
from realtime_ser.ui.app import INTERRUPTED_STATUS, STYLES, LiveApp
from realtime_ser.ui.help import HelpScreen
from realtime_ser.ui.slow_terminal import waiting_writes
from realtime_ser.ui.widgets.notice import Notice

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult

    from realtime_ser.clock import Clock
    from realtime_ser.dashboard.calls import Call, Key
    from realtime_ser.dashboard.feed import Feed
    from realtime_ser.dashboard.picture import FloorPicture
    from realtime_ser.dashboard.view import FloorView
    from realtime_ser.ui.preferences import Preferences

LOOKS_A_SECOND: Final = 10
_MOST_WAITING: Final = 1
"""Pictures on their way to a terminal that is slow to take them; more would only be late."""
_SETTLES: Final = 0.7
"""Seconds in which nobody can have read which call has just come to stand first."""
_PAGE: Final = 1_000
"""Rows of ``MOVES`` that stand for a page."""


class DashboardApp(AdjustableApp):
    """Shows a floor; ``opened`` is the call that shall be shown next."""

    CSS_PATH = [STYLES, Path(__file__).parent / "dashboard.tcss"]  # noqa: RUF012
    HORIZONTAL_BREAKPOINTS = LiveApp.HORIZONTAL_BREAKPOINTS
    VERTICAL_BREAKPOINTS = LiveApp.VERTICAL_BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        *(key.binding for key in KEYS),
        *(Binding(keys, f"move({rows})", show=False) for keys, rows in MOVES),
        Binding("escape", "leave", show=False),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
    ]

    def __init__(
        self,
        picture: FloorPicture,
        view: FloorView,
        feed: Feed,
        *,
        clock: Clock,
        address: str,
        preferences: Preferences,
    ) -> None:
        """Prepare the screen; ``run()`` opens it.

        Args:
            picture: of the floor, which the feed keeps up to date.
            view: filter, order and selection; it stays as the user leaves it.
            feed: what is wrong with the connection.
            clock: of the screen.
            address: of the server.
            preferences: how the screen shall look.
        """
        super().__init__(None, None, preferences)
        self.title = address
        self.opened: Call | None = None
        self._picture = picture
        self._view = view
        self._feed = feed
        self._clock = clock
        self._overtaken = float("-inf")
        """When another call came to stand where the mark is by itself."""
        self._seen: object = None
        """What was drawn last."""
        self._floor_line = FloorLine(address)
        self._totals = FloorTotals()
        self._shares = ShareBar()
        self._table = CallTable(view, letters=self.no_color)
        self._detail = CallDetail()
        self._search = Input(placeholder="search", id="search", select_on_focus=False)
        self._search.display = False
        self._notice = Notice()

    def get_default_screen(self) -> Screen[None]:
        """The screen that the style sheet calls ``dashboard``."""
        return Screen(id="dashboard")

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The command palette has what the keys have."""
        for key in KEYS:
            shown = f"{key.help} ({key.shown})"
            yield SystemCommand(key.name, shown, partial(self.run_action, key.action))

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield self._floor_line
        yield self._totals
        yield self._shares
        yield self._table
        yield self._detail
        yield self._search
        yield self._notice
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin to look."""
        self._search.value = self._view.search
        self._table.focus()
        self.poll()
        self.set_interval(1 / LOOKS_A_SECOND, self.poll)

    def poll(self) -> None:
        """Look whether there is something new, and draw it."""
        picture = self._picture
        if self._feed.over:
            self.exit("failed")
            return
        picture.tidy()
        seen = (picture.version, self._feed.connected, self._feed.words, picture.alerts_lately())
        if seen != self._seen and waiting_writes(self._driver) <= _MOST_WAITING:
            self._seen = seen
            before = self._marked()
            self.look()
            if before is not None and self._marked() != before:
                self._overtaken = self._clock.monotonic()

    def look(self, *, follow: bool = False) -> None:
        """Order the calls anew, and draw; ``follow`` goes to where the selected one is."""
        self._view.update(self._picture.calls.values())
        self._draw(follow=follow)

    def draw(self) -> None:
        """See ``AdjustableApp.draw``."""
        self._draw(follow=False)

    def _draw(self, *, follow: bool) -> None:
        if not self._table.is_attached:  # a last picture, while the screen is taken down
            return
        picture, view, display = self._picture, self._view, self.appearance
        lost = bool(self._feed.words)
        state = "connected" if self._feed.connected else "lost" if lost else "connecting"
        self._floor_line.show(picture.floor, display, state)
        self._totals.show(picture, display)
        self._shares.show(picture.floor, display)
        self._table.show(display, follow=follow)
        selected = view.selected
        self._detail.show(None if selected is None else view.rows[selected], display)
        warnings = self._warnings()
        self._notice.say([f"▲ {text}" for text in warnings], problem=lost or picture.dropping)

    def _marked(self) -> Key | None:
        """The call that Enter opens."""
        selected = self._view.selected
        return None if selected is None else self._view.rows[selected].key

    def _warnings(self) -> list[str]:
        """What the user has to know now."""
        picture = self._picture
        warnings = [self._feed.words, picture.left_out]
        if picture.dropping:
            warnings.append("the server is behind: audio is dropped and not analysed")
        return [text for text in warnings if text]

    def action_move(self, rows: int) -> None:
        """Select another call, so many rows further."""
        if abs(rows) == _PAGE:
            rows = (1 if rows > 0 else -1) * self._table.page
        self._select((self._view.selected or 0) + rows)

    def _select(self, row: int) -> None:
        self._view.select(row)
        self._overtaken = float("-inf")
        self.look(follow=True)

    def on_call_table_chosen(self, message: CallTable.Chosen) -> None:
        """A call was clicked at."""
        there = self._view.choose(message.key)
        self.look(follow=True)
        if message.twice and there:
            self.action_open()

    def action_open(self) -> None:
        """Leave, to show the selected call; one that has only just come up is chosen first."""
        selected = self._view.selected
        if selected is None:
            return
        surprising = self._clock.monotonic() - self._overtaken < _SETTLES
        self._select(selected)
        if not surprising:
            self.opened = self._view.rows[selected]
            self.exit("quit")

    def action_filter(self) -> None:
        """Show other calls."""
        self._view.next_filter()
        self.look(follow=True)

    def action_sort(self) -> None:
        """Order the calls in another way."""
        self._view.next_sort()
        self.look(follow=True)

    def action_hold(self) -> None:
        """Hold the order, or let it go."""
        self._view.freeze()
        self.look()

    def action_search(self) -> None:
        """Type what to search."""
        self._search.display = True
        self.screen.set_focus(self._search)  # at once: the next keys may have come already

    def on_input_changed(self, event: Input.Changed) -> None:
        """What fits so far is shown while it is typed."""
        self._view.search = event.value
        self.look(follow=True)

    def on_input_submitted(self) -> None:
        """The search stands; keys are for the table again."""
        self._close_search()

    def action_leave(self) -> None:
        """Escape: end the search; else back to the first call."""
        if self._view.search or self._search.display:
            self._search.value = ""
            self._view.search = ""
            self._close_search()
        else:
            self._view.release()
        self.look(follow=True)

    def _close_search(self) -> None:
        self._search.display = False
        self.screen.set_focus(self._table)

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(
            HelpScreen(KEYS, EMOTIONS, self.appearance, gestures=GESTURES, words=WORDS)
        )

    async def action_quit(self) -> None:
        """Leave."""
        self.exit("quit")

    def action_interrupt(self) -> None:
        """Ctrl-C: the same, with the exit status that shells expect."""
        self.exit("interrupted", return_code=INTERRUPTED_STATUS)
