"""What the user has to know now, in words: a problem of the source, or that it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Static

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.ui.session import Session


class Notice(Static):
    """Out of sight while all is well."""

    def __init__(self, written: Sequence[str]) -> None:
        super().__init__(markup=False)
        self._written = written
        self._text = ""

    def show(self, session: Session) -> None:
        """Draw again if anything has changed."""
        health = session.health
        problem = None if health is None else health.problem
        ended = health is not None and health.state == "ended"
        lines = [] if problem is None else [f"▲ {problem}"]
        if ended:
            where = f" · timeline in {' and '.join(self._written)}" if self._written else ""
            lines.append(f"■ ended{where} · press q to leave")
        text = "\n".join(lines)
        if text != self._text:
            self._text = text
            self.set_class(bool(text), "-shown")
            self.set_class(problem is not None, "-problem")
            self.update(text)
