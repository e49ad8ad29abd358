"""Plain lines, for pipes, logs and screen readers: one a row, in columns."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TextIO

from rich.color import Color
from rich.console import COLOR_SYSTEMS, Console
from rich.style import Style

from realtime_ser.alerts.flags import alerts_of
from realtime_ser.errors import SinkError
from realtime_ser.types import UNCERTAIN
from realtime_ser.ui.palette import DARK
from realtime_ser.ui.shown import leading_class
from realtime_ser.ui.times import clock_tenths

if TYPE_CHECKING:
    from rich.color import ColorSystem

    from realtime_ser.types import TimelineRow

_MARKS: Final = {"window": " ", "utterance": "=", "alert": "!"}
_TIME_WIDTH: Final = 8
_EMOTION_WIDTH: Final = 25
_CELL_WIDTH: Final = 4


class PlainSink:
    """Writes what has been heard as text.

    ``=`` marks a line that sums up a whole utterance, and ends with its length; ``!`` an alert,
    which ends with the name of its rule.
    """

    def __init__(
        self, stream: TextIO, color: bool, *, channels: bool = False, beside: bool = False
    ) -> None:
        """Prepare; nothing is written before ``open``.

        Args:
            stream: where to; it stays open.
            color: colour the emotions. Never done where ``stream`` is no terminal, or where the
                environment has ``NO_COLOR``.
            channels: begin each line with its channel.
            beside: the rows themselves go to standard output; lines that cannot be written beside
                them are left out.
        """
        self._beside = beside
        self._unreadable = False
        self._stream = stream
        self._channels = channels
        self._colors: ColorSystem | None = None
        if color and stream.isatty() and not os.environ.get("NO_COLOR"):
            self._colors = COLOR_SYSTEMS.get(Console(file=stream).color_system or "")

    def check(self) -> None:
        """The stream is open already; only writing shows whether somebody reads."""

    def open(self) -> None:
        """Say what the columns are.

        Raises:
            BrokenPipeError: the reader has gone.
        """
        letters = " ".join(
            f"{look.letter}={name}" for name, look in DARK.looks.items() if name != UNCERTAIN
        )
        channel = "ch " if self._channels else ""
        head = f"# {channel}{'time':>{_TIME_WIDTH}}  {'emotion, confidence':<{_EMOTION_WIDTH}}"
        self._print(
            f"{head}  probabilities ({letters}), level, length of utterance (=), alert (!)",
            DARK.muted,
        )

    def write(self, row: TimelineRow) -> None:
        """Write one line.

        Raises:
            BrokenPipeError: the reader has gone.
            SinkError: the line cannot be written.
        """
        emotion = f"{row.emotion:<9} {row.confidence:.2f}"
        if row.emotion == UNCERTAIN and row.probabilities:
            emotion = f"{UNCERTAIN} ({leading_class(row)} {row.confidence:.2f})"
        scores = " ".join(
            f"{DARK.looks[name].letter}{_score(value)}" for name, value in row.probabilities.items()
        )
        parts = [f"{clock_tenths(row.end):>{_TIME_WIDTH}}", f"{emotion:<{_EMOTION_WIDTH}}", scores]
        parts.append(f"{row.level_dbfs:4.0f} dBFS")
        if row.kind == "utterance":
            parts.append(f"{row.end - row.start:.1f} s")
        parts += alerts_of(row)
        channel = f"{row.channel:<2} " if self._channels else ""
        line = f"{_MARKS[row.kind]} {channel}" + "  ".join(parts)
        self._print(line, DARK.looks[row.emotion].color)

    def close(self) -> None:
        """Every line has been written; the stream belongs to the caller."""

    def _print(self, line: str, color: str) -> None:
        if self._unreadable:
            return
        if self._colors is not None:
            line = Style(color=Color.parse(color)).render(line, color_system=self._colors)
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except OSError as error:
            if self._beside:
                self._unreadable = True
                return
            if isinstance(error, BrokenPipeError):
                raise  # not a fault: the command ends as quietly as other tools do
            raise SinkError(
                f"stdout: cannot be written ({error.strerror or error}); free some space or "
                "write elsewhere"
            ) from error


def _score(value: float) -> str:
    """``.71``; three characters for every probability."""
    return f"{value:.2f}"[1:] if value < 0.995 else "1.0"
