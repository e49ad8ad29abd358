"""The help screen: keys, the looks of the emotions, and what the words of the screen mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from realtime_ser.ui.display import Display
    from realtime_ser.ui.keys import Key

TIMELINE: Final = (
    ("← →  click", "cursor: reads out a moment; ctrl: ten columns"),
    ("shift ← →  wheel", "scroll; end or esc goes back to now"),
    ("shift ↑ ↓  click", "choose whose curves are shown, of several"),
    ("↑ ↓ PgUp PgDn", "scroll the utterances"),
    ("ctrl p", "all commands"),
)
WORDS: Final = (
    ("timeline", "height is confidence; grey uncertain; a line silence"),
    ("◆  ▲", "a mark; an alert"),
    ("arousal, valence", "from calm to excited, from bad to good; top is 1"),
    ("uncertain", "no class is probable enough; the tick in the bars"),
    ("cold, adapted", "how much of this voice the model has heard"),
    ("cpu", "share of one core that all of this takes"),
    ("RTF", "real-time factor: below 1 analysis keeps up"),
    ("p50/p95", "from sound to row: 50 or 95 of 100 rows are faster"),
    ("overflows", "times the driver lost sound"),
    ("dropped", "sound left out because analysis was behind"),
    ("queue", "sound that waits for analysis"),
)


class HelpScreen(ModalScreen[None]):
    """Opens over the live screen, which goes on underneath."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,space,enter", "dismiss", "Close", show=False),
    ]

    def __init__(
        self,
        keys: Sequence[Key],
        classes: Sequence[str],
        display: Display,
        *,
        gestures: Sequence[tuple[str, str]] = TIMELINE,
        words: Sequence[tuple[str, str]] = WORDS,
    ) -> None:
        """Prepare it.

        Args:
            keys: those that do something now.
            classes: emotions whose looks are shown.
            display: how to draw.
            gestures: keys and clicks that have no binding of their own, and what they do.
            words: of the screen, and what they mean.
        """
        super().__init__()
        self._gestures = gestures
        self._words = words
        self._keys = keys
        self._emotions = (*classes, "uncertain")
        self._display = display

    def compose(self) -> ComposeResult:
        """One box in the middle, which scrolls on a small screen."""
        with VerticalScroll(id="help") as box:
            box.border_title = "help"
            box.border_subtitle = "esc, ? or q closes"
            yield Static(self._text())

    def _text(self) -> Content:
        display = self._display
        looks = [
            Content.styled(f"{display.mark(name)} {name}", f"bold {display.look(name).color}")
            for name in self._emotions
        ]
        width = max(look.cell_length for look in looks) + 3
        cells = [look.pad_right(width - look.cell_length) for look in looks]
        rows = [Content("").join(cells[i : i + 4]) for i in range(0, len(cells), 4)]
        keys = [(key.shown, key.help) for key in self._keys]
        return Content("\n").join(
            [
                *self._table(keys), *self._table(self._gestures), Content(""), *rows, Content(""),
                *self._table(self._words),
            ]
        )  # fmt: skip

    def _table(self, entries: Sequence[tuple[str, str]]) -> list[Content]:
        palette = self._display.palette
        return [
            Content.assemble((f"{name:<18}", f"bold {palette.ink}"), (meaning, palette.muted))
            for name, meaning in entries
        ]
