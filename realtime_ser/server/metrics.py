"""What Prometheus is told. No label names a stream, so there are few series however many calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from realtime_ser.clock import to_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client.core import Metric

    from realtime_ser.engine.line import Account
    from realtime_ser.stats import FloorHealth
    from realtime_ser.types import TimelineRow

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
LATENCIES: Final = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """Counts what happens, and asks for the rest when somebody looks. Implements ``Collector``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.feeds = 0
        """Dashboards that look now."""
        self.refusals = 0
        """Calls that were not taken in."""
        self.health: Callable[[], FloorHealth]
        """Of the floor; to be set before anybody looks."""
        self.accounts: Callable[[], Iterable[Account]]
        """Of the streams that are live; to be set, too."""
        self.unwritten: Callable[[], int] = lambda: 0
        """Rows and ends of files that the disk did not take."""
        self._rows = self._counter("rows", "Rows of timelines.", "kind")
        self._refused = self._counter("refused", "Connections refused or ended early.", "reason")
        self._slow = self._counter("slow_clients_cut", "Clients cut off: they read too slowly.")
        self._latency = Histogram(
            "realtime_ser_latency_seconds",
            "Last sample arrived to row emitted.",
            buckets=LATENCIES,
            registry=self.registry,
        )
        self._received = self._analysed = self._dropped = 0
        self.registry.register(self)

    def row(self, row: TimelineRow) -> None:
        """A row was made."""
        self._rows.labels(row.kind).inc()
        if row.latency_ms is not None and row.kind == "window":
            self._latency.observe(row.latency_ms / 1000.0)

    def ended(self, account: Account) -> None:
        """A stream has ended."""
        self._received += account.received
        self._analysed += account.analysed
        self._dropped += account.dropped

    def refused(self, code: str) -> None:
        """A connection was refused, or ended by the server before its time."""
        self._refused.labels(code).inc()
        if code == "slow":
            self._slow.inc()

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """See ``prometheus_client.registry.Collector``."""
        health = self.health()
        for name, what, value in (
            ("streams", "Streams that are heard now.", health.streams),
            ("capacity", "Streams that may be heard at once.", health.capacity),
            ("speaking", "Streams in which somebody speaks now.", health.speaking),
            ("load", "Share of its time that analysis works; near 1 it is full.", health.load),
            ("hop_seconds", "Between window rows now.", health.hop),
            ("queue_seconds", "Audio that waits, of the stream that has most.", health.queue),
            ("feed_clients", "Dashboards that look now.", self.feeds),
        ):
            yield GaugeMetricFamily(f"realtime_ser_{name}", what, value)
        audio = CounterMetricFamily(
            "realtime_ser_audio_seconds", "Audio, by where it went.", labels=["fate"]
        )
        live = list(self.accounts())
        for fate, ended in (
            ("received", self._received),
            ("analysed", self._analysed),
            ("dropped", self._dropped),
        ):
            samples = ended + sum(getattr(account, fate) for account in live)
            audio.add_metric([fate], to_seconds(samples))
        yield audio
        yield CounterMetricFamily(
            "realtime_ser_rows_unwritten", "Rows that the disk did not take.", self.unwritten()
        )

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"realtime_ser_{name}", what, labels, registry=self.registry)
