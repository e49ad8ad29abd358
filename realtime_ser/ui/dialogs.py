"""Questions over the live screen, which goes on underneath: pick one, or type something."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from realtime_ser.ui.monitor import Choice

_CLOSES: list[BindingType] = [Binding("escape", "cancel", "Cancel", show=False)]


class PickScreen(ModalScreen[str | None]):
    """A list to pick from; returns the value, None when it was left."""

    BINDINGS: ClassVar[list[BindingType]] = _CLOSES

    def __init__(self, title: str, choices: Sequence[Choice], present: str) -> None:
        """Prepare the list.

        Args:
            title: of the box.
            choices: what can be picked.
            present: the value that is in use.
        """
        super().__init__()
        self._title = title
        self._choices = choices
        self._present = present

    def compose(self) -> ComposeResult:
        """One box in the middle."""
        with Vertical(classes="dialog") as box:
            box.border_title = self._title
            box.border_subtitle = "enter picks · esc leaves it as it is"
            # As content: names of devices may look like markup.
            yield OptionList(*(Option(Content(self._line(choice))) for choice in self._choices))

    def on_mount(self) -> None:
        """Begin at what is in use."""
        values = [choice.value for choice in self._choices]
        if self._present in values:
            self.query_one(OptionList).highlighted = values.index(self._present)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Picked; a second Enter of the same moment finds the list closed."""
        if self.is_current:
            self.dismiss(self._choices[event.option_index].value)

    def action_cancel(self) -> None:
        """Leave it as it is."""
        self.dismiss(None)

    def _line(self, choice: Choice) -> str:
        return ("● " if choice.value == self._present else "  ") + choice.text


class AskScreen(ModalScreen[str | None]):
    """A line to type; returns it without blanks around, None when it was left."""

    BINDINGS: ClassVar[list[BindingType]] = _CLOSES

    def __init__(
        self, title: str, hint: str, value: str = "", *, may_be_empty: bool = False
    ) -> None:
        """Prepare the question.

        Args:
            title: of the box.
            hint: shown while nothing has been typed.
            value: to begin with.
            may_be_empty: nothing is an answer, too.
        """
        super().__init__()
        self._title = title
        self._hint = hint
        self._value = value
        self._may_be_empty = may_be_empty

    def compose(self) -> ComposeResult:
        """One box in the middle."""
        with Vertical(classes="dialog") as box:
            box.border_title = self._title
            box.border_subtitle = "enter · esc leaves it"
            yield Input(self._value, placeholder=self._hint, select_on_focus=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Typed."""
        answer = event.value.strip()
        if self.is_current and (answer or self._may_be_empty):
            self.dismiss(answer)

    def action_cancel(self) -> None:
        """Nothing is done."""
        self.dismiss(None)
