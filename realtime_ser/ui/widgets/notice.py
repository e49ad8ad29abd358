"""What the user has to know now, in words: a problem of the source, or that it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Static

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.ui.session import Session


class Notice(Static):
    """Out of sight while all is well."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._text = ""

    def show(self, session: Session, written: Sequence[str], doing: str) -> None:
        """Draw again if anything has changed.

        Args:
            session: what is known.
            written: files that the rows went to.
            doing: what takes a moment just now; empty when nothing does.
        """
        health = session.health
        problem = None if health is None else health.problem
        lines = [] if problem is None else [f"▲ {problem}"]
        broken = () if health is None else health.broken
        lines += [f"▲ {failure}" for failure in broken]
        lines += [f"▲ {trouble}" for trouble in session.troubles()]
        if health is not None and health.state == "ended":
            where = f" · timeline in {' and '.join(written)}" if written else ""
            lines.append(f"■ ended{where} · press q to leave")
        if doing:
            lines.append(f"◌ {doing}")
        bad = problem is not None or broken or session.now().mood == "muted"
        self.say(lines, problem=bool(bad))

    def say(self, lines: Sequence[str], *, problem: bool) -> None:
        """Draw again if anything has changed; nothing to say takes it out of sight."""
        text = "\n".join(lines)
        if text != self._text:
            self._text = text
            self.set_class(bool(text), "-shown")
            self.set_class(problem, "-problem")
            self.update(text)
