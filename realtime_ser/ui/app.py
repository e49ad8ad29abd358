"""The live screen.

``run()`` belongs to the main thread while the engine works in its own. The screen asks for health
ten times a second, takes the rows that wait in a ``UiSink``, and draws only what has changed. It
never waits for the engine, and the engine never waits for it.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.screen import Screen
from textual.widgets import Footer

from realtime_ser.alerts.flags import alerts_of
from realtime_ser.stats import Turn
from realtime_ser.ui.adjustable import AdjustableApp
from realtime_ser.ui.help import HelpScreen
from realtime_ser.ui.keys import KEYS
from realtime_ser.ui.layout import TALL
from realtime_ser.ui.messages import HealthChanged, RowArrived
from realtime_ser.ui.preferences import Preferences
from realtime_ser.ui.session import Session
from realtime_ser.ui.slow_terminal import waiting_writes
from realtime_ser.ui.times import clock_text
from realtime_ser.ui.widgets.class_bars import ClassBars
from realtime_ser.ui.widgets.health_line import HealthLine
from realtime_ser.ui.widgets.level_meter import LevelMeter
from realtime_ser.ui.widgets.notice import Notice
from realtime_ser.ui.widgets.now_panel import NowPanel
from realtime_ser.ui.widgets.timeline import Timeline
from realtime_ser.ui.widgets.title_line import TitleLine
from realtime_ser.ui.widgets.utterance_log import UtteranceLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual.app import ComposeResult

    from realtime_ser.stats import Health
    from realtime_ser.types import TimelineRow
    from realtime_ser.ui.keys import Key
    from realtime_ser.ui.monitor import Controls, Monitor, Player
    from realtime_ser.ui.shown import Excerpt

    Exporter = Callable[[Excerpt], Sequence[str]]
    """Writes what is in sight to files; returns their names. Raises RealtimeSerError."""

STYLES: Final = Path(__file__).parent / "live.tcss"
"""Of this screen, its dialogs and its help; others may use them, too."""
UPDATES_A_SECOND: Final = 10
INTERRUPTED_STATUS: Final = 130


_MOST_WAITING: Final = 1
"""Pictures on their way to a terminal that is slow to take them; more would only be late."""


class Rows(Protocol):
    """Where rows wait for the screen."""

    def take(self) -> Sequence[TimelineRow | Turn]:
        """Those that have come since the last call, oldest first."""


class LiveApp(AdjustableApp):
    """Shows one session; returns why it closed, None if it broke."""

    CSS_PATH = STYLES
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - as Textual declares it
        (0, "-tight"), (72, "-narrow"), (100, "-normal"), (160, "-wide"),
    ]  # fmt: skip
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012 - as Textual declares it
        (0, "-tiny"), (14, "-flat"), (20, "-short"), (TALL, "-tall"), (50, "-high"),
    ]  # fmt: skip
    keys: ClassVar[Sequence[Key]] = KEYS
    """In the order of the help."""
    BINDINGS: ClassVar[list[BindingType]] = [
        *(key.binding for key in KEYS),
        Binding("escape", "leave", show=False),
        Binding("end", "live", show=False),
        *(
            Binding(keys, f"utterances('{where}')", show=False)
            for keys, where in (
                ("up", "scroll_up"), ("down", "scroll_down"), ("home", "scroll_home"),
                ("pageup", "page_up"), ("pagedown", "page_down"),
            )
        ),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
    ]  # fmt: skip

    def __init__(
        self,
        monitor: Monitor,
        *,
        classes: Sequence[str],
        title: str,
        uncertain_below: float,
        rows: Rows | None = None,
        controls: Controls | None = None,
        player: Player | None = None,
        exporter: Exporter | None = None,
        preferences: Preferences | None = None,
        starts: Sequence[float] = (0.0,),
    ) -> None:
        """Prepare the screen; ``run()`` opens it.

        Args:
            monitor: what runs.
            classes: of the model, in its order.
            title: of the first line.
            uncertain_below: confidence under which rows say ``uncertain``, without controls.
            rows: where the rows wait; rows may also come as ``RowArrived``.
            controls: what the user may change; None: nothing.
            player: what can be moved in; None: nothing.
            exporter: writes what is in sight.
            preferences: how it shall look.
            starts: seconds at which the sessions of a replay begin.
        """
        super().__init__(controls, player, preferences or Preferences())
        self.title = title
        self._monitor = monitor
        self._session = Session(classes, starts)
        self._clock_alone = False
        """Of the last picture only the clock was drawn."""
        self._rows = rows
        self._exporter = exporter
        self._uncertain_below = uncertain_below
        self._title_line = TitleLine(title)
        self._now_panel = NowPanel()
        self._class_bars = ClassBars(classes)
        self._timeline = Timeline(self._session, self.viewpoint)
        self._level_meter = LevelMeter()
        self._utterances = UtteranceLog(self._session)
        self._notice = Notice()
        self._health_line = HealthLine()

    def get_default_screen(self) -> Screen[None]:
        """The screen that the style sheet calls ``live``."""
        return Screen(id="live")

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The command palette has what the keys have."""
        for key in self.possible_keys():
            shown = f"{key.help} ({key.shown})"
            yield SystemCommand(key.name, shown, partial(self.run_action, key.action))

    def possible_keys(self) -> list[Key]:
        """Those that do something here."""
        return [key for key in self.keys if self.check_action(key.action.partition("(")[0], ())]

    def compose(self) -> ComposeResult:
        """From top to bottom; on a wide screen the utterances stand at the right."""
        yield self._title_line
        with Container(id="body"):
            with Container(id="left"):
                with Horizontal(id="top"):
                    yield self._now_panel
                    yield self._class_bars
                yield self._timeline
                yield self._level_meter
            yield self._utterances
        yield self._notice
        yield self._health_line
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin to look."""
        self._timeline.focus()
        self.poll()
        self.set_interval(1 / UPDATES_A_SECOND, self.poll)

    def poll(self) -> None:
        """Look at the engine once."""
        # Health first: once it says ``ended``, every row is already waiting.
        self.post_message(HealthChanged(self._monitor.health()))

    def on_health_changed(self, message: HealthChanged) -> None:
        """Take the newer picture and the rows that have come, and draw them."""
        before, troubled = self._session.health, self._session.troubles()
        if before is None:
            self._session.update(message.health)
        rows = self._rows.take() if self._rows is not None else ()
        alert: TimelineRow | None = None
        for row in rows:
            if isinstance(row, Turn):
                self._session.turn(row)
            else:
                self._session.take(row)
                alert = row if alerts_of(row) else alert
        if alert is not None:
            self._tell_alert(alert)
        self._session.update(message.health)
        self._tell_what_is_over(before, troubled)
        # A last picture may come while the screen is being taken down.
        if self._utterances.is_attached and waiting_writes(self._driver) <= _MOST_WAITING:
            self._draw_next(quiet=not rows)
        if before is None or before.seekable != message.health.seekable:
            self.refresh_bindings()
        if message.health.state == "failed":
            self.exit("failed")

    def _tell_alert(self, row: TimelineRow) -> None:
        """The newest alert of a rule; those that came with it stand among the utterances."""
        session = self._session
        at = clock_text(session.own_time(session.offset + row.end))
        label = session.label((row.stream, row.channel))
        words = ["▲", at, *([label] if label else []), ", ".join(alerts_of(row))]
        self.tell("  ".join(words), "warning", stays=True)

    def _tell_what_is_over(self, before: Health | None, troubled: Sequence[str]) -> None:
        """Troubles are shown as long as they last; that they are over is told once."""
        health = self._session.health
        if before is None or health is None or not self._session.running:
            return
        if before.problem is not None and health.problem is None:
            self.tell(f"{health.source}: audio is back")
        if troubled and not self._session.troubles():
            self.tell("the level is fine again")

    def _draw_next(self, *, quiet: bool) -> None:
        """Where nothing was said the clock is drawn alone, and the rest with the next picture.

        Textual looks at all that lies between two places that change at once, and between the
        first line and the level lies nearly everything.
        """
        was, self._clock_alone = self._clock_alone, False
        if quiet and not was and self._title_line.show(self._session, self.appearance):
            self._clock_alone = True
        else:
            self.draw()

    def on_row_arrived(self, message: RowArrived) -> None:
        """Take a row that came as a message; it is drawn with the next picture."""
        self._session.take(message.row)

    def on_timeline_moved(self) -> None:
        """Another moment is read out."""
        self.draw()

    def action_pause(self) -> None:
        """Pause, or resume."""
        state = self._monitor.health().state
        if state == "paused":
            self._monitor.resume()
        elif state in ("starting", "running"):
            self._monitor.pause()
        self.poll()

    def action_utterances(self, action: str) -> None:
        """Scroll the utterances, whatever has the focus."""
        getattr(self._utterances, f"action_{action}")()

    def action_live(self) -> None:
        """Back to now, everywhere."""
        self._utterances.scroll_end(animate=False)
        self.action_leave()

    def action_leave(self) -> None:
        """Escape: away from the past, and from what takes long."""
        self.give_up()
        self.viewpoint.follow()
        self.draw()

    def action_jump(self) -> None:
        """Play from the cursor."""
        if self.viewpoint.cursor is None:
            self.tell("set the cursor first: ← → or a click", "warning")
            return
        cursor = self.viewpoint.cursor - self._session.offset
        if cursor < 0.0:
            self.tell("this was another source", "warning")
            return
        self.viewpoint.follow()
        self._seek_to(cursor)

    def action_export(self) -> None:
        """Write what is in sight to files."""
        if self._exporter is None:
            self.tell("nothing can be written here", "warning")
            return
        view = self.viewpoint.view
        excerpt = self._session.excerpt(view.start, view.end, self.title or "")
        self.slow(
            "drawing",
            partial(self._exporter, excerpt),
            lambda names: self.tell(f"written: {', '.join(names)}"),
        )

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(HelpScreen(self.possible_keys(), self._session.classes, self.appearance))

    def source_changed(self, name: str) -> None:
        """See ``OperableApp.source_changed``."""
        super().source_changed(name)
        self.title = name
        self._title_line.rename(name)

    def model_changed(self, name: str) -> None:
        """See ``OperableApp.model_changed``; another model may know other emotions."""
        super().model_changed(name)
        if self.controls is not None:
            self._session.classes = tuple(self.controls.classes)

    def on_exit_app(self) -> None:
        """However it ends: nothing that takes long may hold it."""
        self.give_up()
        self._monitor.stop()

    async def action_quit(self) -> None:
        """End the engine in order, and the screen."""
        self.give_up()
        self._monitor.stop()
        self.exit("quit")

    def action_interrupt(self) -> None:
        """Ctrl-C: the same, with the exit status that shells expect."""
        self.give_up()
        self._monitor.stop()
        self.exit("interrupted", return_code=INTERRUPTED_STATUS)

    def draw(self) -> None:
        """See ``AdjustableApp.draw``."""
        session, display, controls = self._session, self.appearance, self.controls
        threshold = self._uncertain_below if controls is None else controls.uncertain_below
        written = () if controls is None else controls.logs
        session.learning = self.learning
        self._title_line.show(session, display)
        self._now_panel.show(session, display)
        self._class_bars.show(session, display, threshold, self.viewpoint)
        self._timeline.show(display)
        self._level_meter.show(session, display)
        self._utterances.show(display)
        self._notice.show(session, written, self.doing)
        self._health_line.show(session, display, written)
