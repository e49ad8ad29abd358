"""A call as a line of the table, and the widths of its columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size

from realtime_ser.dashboard.ranking import ALERTED, STRONG, is_fresh
from realtime_ser.dashboard.strip import WIDEST
from realtime_ser.types import UNCERTAIN
from realtime_ser.ui.times import clock_text, percent_text

if TYPE_CHECKING:
    from realtime_ser.dashboard.calls import Call
    from realtime_ser.ui.display import Display
    from realtime_ser.ui.line_widget import Line

_GAP: Final = " "
_MARK: Final = 2
_ROLE: Final = 8
_TIME: Final = 7
_EMOTION: Final = 12
_SURE: Final = 6
_NEGATIVE: Final = 8
_NEGATIVE_NARROW: Final = 6


@dataclass(frozen=True, slots=True)
class Columns:
    """Cells for those that stretch; 0 leaves a column out."""

    name: int
    role: int
    strip: int
    negative: int
    alert: int


def columns_for(width: int) -> Columns:
    """What fits in so many cells; the narrower, the fewer columns."""
    left = width - (_MARK + 1 + _TIME + 2 + _EMOTION + _SURE)
    if left < 44:  # who, what, and how it went
        strip = max(0, min(10, left - 9))
        return Columns(max(1, left - strip - (1 if strip else 0)), 0, strip, 0, 0)
    negative = _NEGATIVE if width >= 90 else _NEGATIVE_NARROW
    left -= _ROLE + 1 + 1 + negative + 2
    spare = max(0, left - 29)
    name, alert = min(36, 12 + spare // 3), min(26, 9 + spare // 4)
    strip = min(WIDEST, left - name - alert)
    return Columns(name, _ROLE, strip, negative, left - name - strip)


def heading(columns: Columns, display: Display) -> Line:
    """Names of the columns."""
    words = [" " * _MARK, _fit("call", columns.name), _GAP]
    if columns.role:
        words += [_fit("role", columns.role), _GAP]
    words += [f"{'time':>{_TIME}}", "  ", f"{'now':<{_EMOTION}}", f"{'sure':>{_SURE - 1}} "]
    if columns.strip:
        words += [_GAP, _fit("last 5 min" if columns.strip >= 10 else "5 min", columns.strip)]
    if columns.negative:
        words.append(
            f"{'negative' if columns.negative >= _NEGATIVE else 'neg':>{columns.negative}}"
        )
    if columns.alert:
        words += [_GAP, _GAP, _fit("alert", columns.alert)]
    return [("".join(words), f"bold {display.palette.muted}")]


def call_line(
    call: Call, level: int, columns: Columns, display: Display, strip: Line, *, chosen: bool
) -> Line:
    """One call.

    Args:
        call: what is to be shown.
        level: of attention.
        columns: their widths.
        display: how to draw.
        strip: the last minutes, of the width that the columns say.
        chosen: the call is selected.
    """
    palette = display.palette
    ink = palette.ink if call.live else palette.muted
    muted = palette.ink if chosen else palette.muted
    strong = f"bold {ink}" if level >= STRONG else ink
    line = [_mark(level, display, chosen=chosen), (fit_middle(call.name, columns.name), strong)]
    line.append((_GAP, ""))
    if columns.role:
        line += [(_fit(call.role, columns.role), muted), (_GAP, "")]
    line.append((f"{_span(clock_text(call.duration), call.duration, _TIME)}  ", muted))
    line += _emotion(call, display, ink, muted)
    if columns.strip:
        line += [(_GAP, ""), *strip]
    if columns.negative:
        minutes, seconds = divmod(int(call.negative), 60)
        text = f"{minutes}:{seconds:02}" if call.negative >= 1.0 else "—"
        text = _span(text, call.negative, columns.negative)
        line.append((text, ink if call.negative >= 1.0 else muted))
    if columns.alert:
        line += [(_GAP * 2, ""), _alert(call, columns.alert, display, muted)]
    if chosen:
        line = [(text, f"{style} on {palette.track}") for text, style in line]
    return line


def _span(text: str, seconds: float, width: int) -> str:
    """A length of time in exactly so many cells; whole hours where it is too long."""
    short = text if len(text) <= width else f"{seconds / 3600:.0f}h"
    return f"{short:>{width}}"[:width]


def fit_middle(text: str, width: int) -> str:
    """Text in exactly so many cells; what is too long loses its middle, as names differ in their
    ends."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    if width < 6:
        return _fit(text, width)
    head = (width - 1) * 3 // 5
    tail = width - 1 - head
    end = text[-tail:]
    while cell_len(end) > tail:
        end = end[1:]
    return set_cell_size(set_cell_size(text, head) + "…" + end, width)


def _fit(text: str, width: int) -> str:
    """Text in exactly so many cells; what is too long loses its end."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""


def _mark(level: int, display: Display, *, chosen: bool) -> tuple[str, str]:
    palette = display.palette
    sign, color = {ALERTED: ("▲", palette.alarm), STRONG: ("●", palette.caution)}.get(
        level, (" ", palette.muted)
    )
    return ("▸" if chosen else " ") + sign, f"bold {color}"


def _emotion(call: Call, display: Display, ink: str, muted: str) -> Line:
    if not call.live:
        return [(f"{'■ ended':<{_EMOTION + _SURE}}", muted)]
    emotion = call.now
    if emotion is None:
        word = "speaking" if call.speaking else "silent"
        return [(f"{word:<{_EMOTION + _SURE}}", muted)]
    look = display.look(emotion)
    sure = emotion != UNCERTAIN
    mark = look.emoji if display.emoji else look.letter
    weight = "bold " if call.speaking and sure else ""
    word = set_cell_size(f"{mark} {emotion}", _EMOTION)
    share = "" if call.confidence is None else percent_text(call.confidence)
    return [
        (word, weight + (look.color if sure else muted)),
        (f"{share:>{_SURE - 1}} ", ink if sure else muted),
    ]


def _alert(call: Call, width: int, display: Display, muted: str) -> tuple[str, str]:
    """Name and age of the newest alert; how many there were, from the second on."""
    alert = call.alert
    if alert is None:
        return " " * width, muted
    fresh = call.live and is_fresh(call)
    age = f" {clock_text(call.duration - alert.end)} ago" if width >= 18 else ""
    count = f" x{call.alerts}" if call.alerts > 1 and width >= 12 else ""
    room = max(1, width - len(age) - len(count))
    text = _fit(alert.name, min(room, cell_len(alert.name))) + count + age
    return _fit(text, width), f"bold {display.palette.alarm}" if fresh else muted
