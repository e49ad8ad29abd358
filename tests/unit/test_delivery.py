from __future__ import annotations

from contextlib import ExitStack

import pytest

from realtime_ser.delivery import Delivery
from realtime_ser.errors import SinkError
from realtime_ser.marks import Mark
from realtime_ser.stats import Stamps
from realtime_ser.testing import CollectSink
from realtime_ser.types import TimelineRow
from tests.rows import make_row

STAMPS = Stamps(0.9, 1.0, 1.0, 1.0)


class Breaking(CollectSink):
    """Fails at its first row."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, row: TimelineRow) -> None:
        raise self.error


def test_a_sink_that_fails_gets_no_more_and_the_others_get_all() -> None:
    good = CollectSink()
    errors: list[Exception] = []
    delivery = Delivery([Breaking(SinkError("full")), good])
    for _ in range(3):
        delivery.write(make_row(), STAMPS, 1.0, errors.append)
    assert [str(error) for error in errors] == ["full"]
    assert len(good.rows) == delivery.rows == 3


def test_the_first_failure_is_told_even_if_a_mistake_of_ours_follows() -> None:
    errors: list[Exception] = []
    delivery = Delivery([Breaking(SinkError("full")), Breaking(ZeroDivisionError())])
    with pytest.raises(ZeroDivisionError):
        delivery.write(make_row(), STAMPS, 1.0, errors.append)
    assert [str(error) for error in errors] == ["full"]


def test_the_latency_of_a_row_ends_when_it_is_handed_out() -> None:
    sink = CollectSink()
    Delivery([sink]).write(make_row(latency_ms=20.0), STAMPS, 1.005, lambda _: None)
    assert sink.rows[0].latency_ms == 25.0


def test_every_sink_is_closed_even_one_that_failed() -> None:
    sinks = [CollectSink(), Breaking(SinkError("full"))]
    delivery = Delivery(sinks)
    with ExitStack() as ending:
        delivery.open(ExitStack())
        delivery.close(ending)
        delivery.write(make_row(), STAMPS, 1.0, lambda _: None)
    assert [sink.closed for sink in sinks] == [1, 1]


def test_a_mark_repeats_what_was_heard_and_no_alert() -> None:
    sink = CollectSink()
    delivery = Delivery([sink])
    heard = make_row(end=9.0)
    alert = make_row(kind="alert", start=0.5, end=9.0, flags=("derived", "alert:loud"))
    for row in (heard, alert):
        delivery.write(row, STAMPS, 1.0, lambda _: None)
    delivery.mark(Mark(8.0, "mine"), lambda _: None)
    assert sink.rows[-1].start == heard.start
    assert sink.rows[-1].flags == ("derived", "mark:8.0:mine")
