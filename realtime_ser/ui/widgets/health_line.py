"""Whether the machine keeps up, in numbers; what is wrong in red."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from realtime_ser.ui.widgets.item_line import Item, ItemLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.stats import Health, Latency
    from realtime_ser.ui.display import Display
    from realtime_ser.ui.session import Session
    from realtime_ser.ui.widgets.item_line import Items

_LATE: Final = 1000.0
"""Milliseconds of p95 latency from which it is shown as a problem."""
_LONG_QUEUE: Final = 1.0
"""Seconds of waiting audio from which it is shown as a problem."""


class HealthLine(ItemLine):
    """What the engine says of itself."""

    def show(self, session: Session, display: Display, written: Sequence[str]) -> None:
        """Draw again if anything has changed; ``written`` are the files that rows go to."""
        if session.health is not None:
            self.show_items(health_items(session.health, written), display)


def health_items(health: Health, written: Sequence[str]) -> Items:
    """What runs and where it goes; how well it runs.

    Of a replay, and of a call that a server listens to, only what is to be seen from here.
    """
    if health.device == "replay":
        return [Item(health.source, ""), Item("rows", f"{health.rows}")], []
    p95 = health.latency.p95
    late = Item("p50/p95", latency_text(health.latency), bad=p95 is not None and p95 >= _LATE)
    dropped = Item("dropped", f"{health.dropped:.1f} s", bad=health.dropped > 0)
    if health.device == "server":
        named = [
            Item(health.source, ""),
            Item("model", health.model),
            Item("rows", f"{health.rows}"),
        ]
        return [item for item in named if item.value or item.label], [late, dropped]
    rate = f"{health.sample_rate / 1000:g} kHz" if health.sample_rate else ""
    files = " + ".join(PurePath(file).name for file in written)
    rows = f"{health.rows} → {files}" if files else f"{health.rows}, not written"
    what = [
        Item(health.source, rate),
        *([Item("reopened", str(health.reopened), bad=True)] if health.reopened else []),
        Item("on", health.device),
        Item("model", f"{health.model} {health.model_version}".strip()),
        Item("rows", rows),
    ]
    factor = health.realtime_factor
    how = [
        *([] if health.cpu is None else [Item("cpu", f"{health.cpu:.0%}".replace("%", " %"))]),
        Item("RTF", f"{factor:.2f}", bad=factor >= 1.0),
        late,
        Item("overflows", str(health.overflows), bad=health.overflows > 0),
        dropped,
        Item("queue", f"{health.queue:.1f} s", bad=health.queue >= _LONG_QUEUE),
    ]
    return [item for item in what if item.value], how


def latency_text(latency: Latency) -> str:
    """The median and the 95th percentile."""
    p50, p95 = latency.p50, latency.p95
    return "—" if p50 is None or p95 is None else f"{p50:.0f}/{p95:.0f} ms"
