"""The live screen.

``run()`` belongs to the main thread while the engine works in its own. The screen asks the engine
for its health ten times a second, takes the rows that wait in a ``UiSink``, and draws only what
has changed. It never waits for the engine, and the engine never waits for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Literal

from textual.app import App
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.screen import Screen
from textual.theme import Theme
from textual.widgets import Footer

from realtime_ser.ui import palette
from realtime_ser.ui.help import HelpScreen
from realtime_ser.ui.layout import TALL
from realtime_ser.ui.messages import HealthChanged, RowArrived
from realtime_ser.ui.session import Session
from realtime_ser.ui.widgets.class_bars import ClassBars
from realtime_ser.ui.widgets.health_line import HealthLine
from realtime_ser.ui.widgets.level_meter import LevelMeter
from realtime_ser.ui.widgets.notice import Notice
from realtime_ser.ui.widgets.now_panel import NowPanel
from realtime_ser.ui.widgets.timeline import Timeline
from realtime_ser.ui.widgets.title_line import TitleLine
from realtime_ser.ui.widgets.utterance_log import UtteranceLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from realtime_ser.ui.monitor import Monitor
    from realtime_ser.ui.sink import UiSink

Outcome = Literal["quit", "interrupted", "failed"]
"""Why the screen closed: ``q``, Ctrl-C, or the engine failed (its ``join`` raises the error)."""

UPDATES_A_SECOND: Final = 10
INTERRUPTED_STATUS: Final = 130

_THEME: Final = Theme(
    name="realtime-ser",
    primary=palette.LEVEL,
    foreground=palette.INK,
    background=palette.BACKGROUND,
    surface=palette.RAISED,
    panel=palette.RAISED,
    error=palette.ALARM,
    warning=palette.CAUTION,
    dark=True,
    variables={
        "border": palette.RULE,
        "text-muted": palette.MUTED,
        "alarm-background": palette.ALARM_BACKGROUND,
        "footer-background": palette.RAISED,
        "footer-key-foreground": palette.INK,
        "footer-description-foreground": palette.MUTED,
    },
)


class LiveApp(App[Outcome]):
    """Shows one run of the engine; returns why it closed, None if it broke."""

    CSS_PATH = "live.tcss"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - as Textual declares it
        (0, "-tight"), (72, "-narrow"), (100, "-normal"), (160, "-wide"),
    ]  # fmt: skip
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012 - as Textual declares it
        (0, "-tiny"), (14, "-flat"), (20, "-short"), (TALL, "-tall"), (50, "-high"),
    ]  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pause", "Pause / resume", key_display="space"),
        Binding("e", "emoji", "Emoji"),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "quit", "Quit"),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
    ]

    def __init__(
        self,
        monitor: Monitor,
        *,
        classes: Sequence[str],
        title: str,
        uncertain_below: float,
        written: Sequence[str],
        rows: UiSink | None = None,
    ) -> None:
        """Prepare the screen; ``run()`` opens it.

        Args:
            monitor: the engine.
            classes: of the model, in its order.
            title: of the first line.
            uncertain_below: confidence under which rows say ``uncertain``.
            written: files that the timeline goes to, for the user to read.
            rows: where the engine's rows wait; rows may also come as ``RowArrived``.
        """
        super().__init__()
        self.register_theme(_THEME)
        self.theme = _THEME.name
        self.title = title
        self._monitor = monitor
        self._session = Session(classes)
        self._rows = rows
        self._emoji = True
        self._title_line = TitleLine(title)
        self._now_panel = NowPanel()
        self._class_bars = ClassBars(classes, uncertain_below)
        self._timeline = Timeline(self._session)
        self._level_meter = LevelMeter()
        self._utterances = UtteranceLog(self._session)
        self._notice = Notice(written)
        self._health_line = HealthLine(written)

    def get_default_screen(self) -> Screen[None]:
        """The screen that the style sheet calls ``live``."""
        return Screen(id="live")

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
        """Begin to look at the engine."""
        self.poll()
        self.set_interval(1 / UPDATES_A_SECOND, self.poll)

    def poll(self) -> None:
        """Look at the engine once."""
        # Health first: once it says ``ended``, every row is already waiting.
        self.post_message(HealthChanged(self._monitor.health()))

    def on_health_changed(self, message: HealthChanged) -> None:
        """Draw the newer picture, with the rows that have come."""
        self._session.update(message.health)
        for row in self._rows.take() if self._rows is not None else ():
            self._session.take(row)
        self._draw()
        if message.health.state == "failed":
            self.exit("failed")

    def on_row_arrived(self, message: RowArrived) -> None:
        """Take a row that came as a message; it is drawn with the next picture."""
        self._session.take(message.row)

    def action_pause(self) -> None:
        """Pause, or resume."""
        state = self._monitor.health().state
        if state == "paused":
            self._monitor.resume()
        elif state in ("starting", "running"):
            self._monitor.pause()
        self.poll()

    def action_emoji(self) -> None:
        """Emoji on or off, for terminals that cannot draw them."""
        self._emoji = not self._emoji
        self._draw()

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(HelpScreen(self._session.classes, emoji=self._emoji))

    async def action_quit(self) -> None:
        """End the engine in order, and the screen."""
        self._monitor.stop()
        self.exit("quit")

    def action_interrupt(self) -> None:
        """Ctrl-C: the same, with the exit status that shells expect."""
        self._monitor.stop()
        self.exit("interrupted", return_code=INTERRUPTED_STATUS)

    def _draw(self) -> None:
        if not self._utterances.is_attached:
            return  # the screen is being taken down, and a last picture of the engine came
        session = self._session
        self._title_line.show(session)
        self._now_panel.show(session, emoji=self._emoji)
        self._class_bars.show(session, emoji=self._emoji)
        self._timeline.show(emoji=self._emoji)
        self._level_meter.show(session)
        self._utterances.show(emoji=self._emoji)
        self._notice.show(session)
        self._health_line.show(session)
