"""Whose turn it is when the gate of a floor makes a pass. No threads, no queues.

Hearing a stream costs nearly the same whether much or little of it has arrived. So the gate leaves
a stream alone until something may become due: where the current hop ends, or where speech may have
begun for long enough or been silent for long enough. What comes in between is heard in one go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtime_ser.clock import to_samples
from realtime_ser.engine.analysis import listen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.engine.admission import Admission
    from realtime_ser.engine.line import Line

PASS: Final = (0.01, 0.06)
"""Seconds from the start of one pass to that of the next, without and at full load: fewer passes
cost less, more are sooner."""
AT_LEAST_EVERY: Final = (0.15, 0.3)
"""Seconds of audio that a pass leaves alone at most, though they bring no row."""
PIECES_WAITING: Final = 2
"""Of one stream, from which on it is not heard: inference is behind, and its ring fills."""
SILENT_AFTER: Final = 3.0
"""Seconds without audio, not even silence, after which what is being said is over: a call on hold
may send nothing at all."""


def hear_some(lines: Sequence[Line], admission: Admission, now: float) -> None:
    """Make one pass.

    Args:
        lines: all streams.
        admission: knows the load, and how far the hop is stretched.
        now: monotonic seconds.
    """
    patience = to_samples(by_load(AT_LEAST_EVERY, admission.load))
    heard, held = [], []
    for line in lines:
        line.pipeline.stretch = admission.stretch
        on_hold = line.on_hold(now - SILENT_AFTER)
        if on_hold:
            held.append(line)
        if line.pipeline.waiting < PIECES_WAITING and (on_hold or line.worth_hearing(patience)):
            heard.append(line)
    listen(heard)
    for line in held:
        if not line.ring.available:
            line.pipeline.flush()
    for line in heard:
        line.decisive_sample = line.pipeline.decisive_sample


def by_load(ends: tuple[float, float], load: float) -> float:
    """What lies between the value for no load and that for a load of 1, nearer to the former: what
    is saved is not needed while there is time."""
    idle, busy = ends
    return idle + load**2 * (busy - idle)
