"""How loud it is, and whether the detector takes it for speech."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size

from realtime_ser.ui.bars import GROWING, horizontal, joined
from realtime_ser.ui.layout import TALL
from realtime_ser.ui.line_widget import LineWidget
from realtime_ser.ui.peak_hold import PeakHold

if TYPE_CHECKING:
    from textual.geometry import Size

    from realtime_ser.ui.display import Display
    from realtime_ser.ui.line_widget import Line
    from realtime_ser.ui.palette import Palette
    from realtime_ser.ui.session import Session, StreamKey

FLOOR: Final = -60.0
"""dBFS at the left end of the meter; the right end is 0."""
_LOUD: Final = -12.0
"""dBFS from which the colour warns."""
_TOO_LOUD: Final = -3.0
_MOST: Final = 4
_STATE_WIDTH: Final = 16
_VALUE_WIDTH: Final = 20
_NARROW: Final = 24


@dataclass(frozen=True, slots=True)
class Reading:
    """What one line shows, rounded to what can be seen."""

    label: str
    speech: bool = False
    percent: int | None = None
    """Of the detector; None while nobody listens."""
    level: int = -120
    """dBFS"""
    peak: int = -120


class LevelMeter(LineWidget):
    """A line a stream: speech or quiet, level with held peak, in dBFS."""

    def __init__(self) -> None:
        super().__init__()
        self.border_title = "level"
        self._peaks: dict[StreamKey, PeakHold] = {}
        self._readings: tuple[Reading, ...] = ()

    def show(self, session: Session, display: Display) -> None:
        """Draw again if anything has changed."""
        health = session.health
        if health is None:
            return
        readings = []
        for status in health.streams[:_MOST]:
            key = (status.stream, status.channel)
            held = self._peaks.setdefault(key, PeakHold()).update(health.elapsed, status.peak_dbfs)
            label = session.label(key)
            if not session.running or session.now().mood == "no sound":
                readings.append(Reading(label))
                continue
            readings.append(
                Reading(
                    label=label,
                    speech=status.speech,
                    percent=round(status.speech_probability * 100),
                    level=round(max(-120.0, status.level_dbfs)),
                    peak=round(max(-120.0, held)),
                )
            )
        if (tuple(readings), display) != (self._readings, self._display):
            self._display = display
            grown = len(readings) != len(self._readings)
            self._readings = tuple(readings)
            if grown:
                self.refresh(layout=True)
            self.redraw()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A line a stream, and a scale where the screen is high."""
        if viewport.height < TALL:
            return min(2, max(1, len(self._readings)))
        return 1 + min(_MOST, max(1, len(self._readings)))

    def lines(self) -> list[Line]:
        """Meters and, where there is a line left, their scale."""
        width, height = self.size
        palette = self._display.palette
        if not self._readings:
            return [[("waiting for audio", palette.muted)]]
        margin = max(cell_len(reading.label) for reading in self._readings)
        margin += 2 if margin else 0
        room = width - margin - _STATE_WIDTH - _VALUE_WIDTH
        lines = [_line(reading, margin, room, palette) for reading in self._readings[:height]]
        if len(lines) < height and room >= _NARROW:
            lines.append([(" " * (margin + _STATE_WIDTH), ""), _scale(room, palette)])
        return lines


def _line(reading: Reading, margin: int, room: int, palette: Palette) -> Line:
    label = (set_cell_size(reading.label, margin), palette.muted)
    meter = _meter(reading, room, palette)
    if reading.percent is None:
        return [label, (f"{'○ idle':<{_STATE_WIDTH}}", palette.muted), *meter]
    state, color = "○ quiet ", palette.muted
    if reading.speech:
        state, color = "● speech", f"bold {palette.ink}"
    loud = _color(reading.peak, palette)
    return [
        label,
        (f"{state} {reading.percent:3} %  ", color),
        *meter,
        (f" {reading.level:4} dBFS", palette.ink),
        (f"  peak {reading.peak:4}"[-10:], loud if loud != palette.level else palette.muted),
    ]


def _meter(reading: Reading, width: int, palette: Palette) -> Line:
    if width < 1:
        return []
    filled = horizontal(_share(reading.level), width).ljust(width)
    at = min(width - 1, int(_share(reading.peak) * width))
    cells = []
    for i, character in enumerate(filled):
        color = _color(FLOOR * (1 - (i + 0.5) / width), palette)
        if i == at and character == " " and reading.peak > FLOOR:
            character, color = GROWING[2], palette.ink
        cells.append((character, f"{color} on {palette.track}"))
    return joined(cells)


def _scale(width: int, palette: Palette) -> tuple[str, str]:
    line = [" "] * width
    for level in range(int(FLOOR), 0, 12):
        at = round(_share(level) * width)
        for i, character in enumerate(f"╵{level}"):
            line[min(width - 1, at + i)] = character
    return "".join(line), palette.muted


def _share(level: float) -> float:
    return min(1.0, max(0.0, 1.0 - level / FLOOR))


def _color(level: float, palette: Palette) -> str:
    if level <= _LOUD:
        return palette.level
    return palette.caution if level <= _TOO_LOUD else palette.alarm
