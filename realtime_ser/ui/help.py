"""The help screen: keys, the looks of the emotions, and what the words of the screen mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from realtime_ser.ui.palette import INK, LOOKS, MUTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

KEYS: Final = (
    ("space", "pause or resume"),
    ("e", "emoji on or off"),
    ("↑ ↓ PgUp PgDn", "scroll the utterances"),
    ("?", "this help"),
    ("q", "end: what was heard is still written"),
)
WORDS: Final = (
    ("timeline", "height is confidence; grey uncertain; a line silence"),
    ("uncertain", "no class is probable enough; the tick in the bars"),
    ("real-time factor", "work a second of audio; below 1 keeps up"),
    ("p95", "from sound to row: 95 of 100 rows are faster"),
    ("overflows", "times the driver lost sound"),
    ("dropped", "sound left out because analysis was behind"),
    ("queue", "sound that waits for analysis"),
)


class HelpScreen(ModalScreen[None]):
    """Opens over the live screen, which goes on underneath."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,space,enter", "dismiss", "Close", show=False),
    ]

    def __init__(self, classes: Sequence[str], *, emoji: bool) -> None:
        super().__init__()
        self._emotions = (*classes, "uncertain")
        self._emoji = emoji

    def compose(self) -> ComposeResult:
        """One box in the middle, which scrolls on a small screen."""
        with VerticalScroll(id="help") as box:
            box.border_title = "help"
            box.border_subtitle = "esc, ? or q closes"
            yield Static(self._text())

    def _text(self) -> Content:
        looks = [
            Content.assemble(
                (f"{look.emoji} " if self._emoji else "", ""),
                (f"{look.letter} {name}", f"bold {look.color}"),
            )
            for name, look in ((name, LOOKS[name]) for name in self._emotions)
        ]
        width = max(look.cell_length for look in looks) + 3
        cells = [look.pad_right(width - look.cell_length) for look in looks]
        rows = [Content("").join(cells[i : i + 4]) for i in range(0, len(cells), 4)]
        return Content("\n").join([*_table(KEYS), Content(""), *rows, Content(""), *_table(WORDS)])


def _table(entries: tuple[tuple[str, str], ...]) -> list[Content]:
    return [
        Content.assemble((f"{name:<18}", f"bold {INK}"), (meaning, MUTED))
        for name, meaning in entries
    ]
