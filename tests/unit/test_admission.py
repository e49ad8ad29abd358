"""When rows become rarer and streams are refused: decided on built measurements."""

from __future__ import annotations

import contextlib

import pytest

from realtime_ser.config import FloorConfig
from realtime_ser.engine.admission import JOINS, LOOK_BACK, Admission
from realtime_ser.errors import RefusedError

PASS = 0.1


def admission(*, max_streams: int = 10, max_hop: float = 2.0) -> Admission:
    return Admission(FloorConfig(max_streams=max_streams, max_hop=max_hop), hop=0.5)


def spend(
    one: Admission, seconds: float, *, load: float, waiting: float = 0.0, since: float = 0.0,
    streams: int = 5,
) -> float:  # fmt: skip
    """Passes of PASS seconds of which ``load`` is work; the time at the end."""
    passes = round(seconds / PASS)
    for i in range(passes):
        one.measure(since + i * PASS, load * PASS, waiting, streams)
    return since + passes * PASS


def test_a_floor_without_load_takes_streams_until_it_is_full() -> None:
    one = admission(max_streams=3)
    for streams in range(3):
        one.admit("call", streams)
    with pytest.raises(RefusedError, match="call: 3 streams are heard") as refused:
        one.admit("call", 3)
    assert refused.value.reason == "full"
    assert one.refused == 1


def test_the_first_pass_is_no_load() -> None:
    one = admission(max_hop=0.5)
    one.measure(0.0, 0.08, 0.0, 0)
    one.admit("call", 0)
    assert one.load < 0.1


def test_load_is_the_share_of_time_that_is_work() -> None:
    one = admission()
    spend(one, 20.0, load=0.4)
    assert one.load == pytest.approx(0.4, abs=0.02)


def test_the_hop_stretches_step_by_step_under_load_and_shrinks_again() -> None:
    one = admission()
    now, seen = 0.0, [one.hop]
    for _ in range(20):
        now = spend(one, 2.0, load=0.95, since=now)
        if one.hop != seen[-1]:
            seen.append(one.hop)
    assert seen == [0.5, 1.0, 1.5, 2.0]
    with pytest.raises(RefusedError) as refused:
        one.admit("call", 5)
    assert refused.value.reason == "busy"
    for _ in range(20):
        now = spend(one, 2.0, load=0.3, since=now)
    assert one.hop == 0.5
    one.admit("call", 5)


def test_between_busy_and_calm_nothing_changes() -> None:
    one = admission()
    now = spend(one, 6.0, load=0.95)
    stretched = one.stretch
    assert stretched > 1
    spend(one, 60.0, load=0.85, since=now)
    assert one.stretch == stretched


def test_audio_that_waits_stretches_the_hop_whatever_the_load() -> None:
    one = admission()
    spend(one, 4.0, load=0.2, waiting=1.0)
    assert one.stretch > 1


def test_a_hop_that_has_just_changed_is_no_calm() -> None:
    """What was measured counts until there is more, or streams would be let in meanwhile."""
    one = admission(max_hop=1.0)
    now = 0.0
    while one.stretch == 1:
        now = spend(one, PASS, load=0.99, since=now)
    spend(one, PASS, load=0.99, since=now)
    assert one.load > 0.9
    with pytest.raises(RefusedError, match="take all of the machine's time"):
        one.admit("call", 1)


def test_a_hop_that_may_not_grow_stays() -> None:
    one = admission(max_hop=0.5)
    spend(one, 20.0, load=1.0)
    assert one.hop == 0.5


def room(one: Admission, streams: int) -> int:
    """Streams that there are when one more is refused."""
    with contextlib.suppress(RefusedError):
        while True:
            one.admit("call", streams)
            streams += 1
    return streams


def test_calls_that_all_come_back_at_once_are_let_in_by_and_by() -> None:
    one = admission(max_streams=100_000)
    assert room(one, 0) == JOINS[0]
    now = spend(one, LOOK_BACK + 1.0, load=0.1, streams=100)
    assert room(one, 100) == pytest.approx(950, abs=20)
    # Those that have joined since are not known yet.
    now = spend(one, 1.0, load=0.1, streams=900, since=now)
    assert room(one, 900) < 1000
    now = spend(one, LOOK_BACK + 1.0, load=0.4, streams=900, since=now)
    assert room(one, 900) == pytest.approx(2137, abs=50)


def test_hardly_anybody_joins_while_the_hop_is_being_stretched() -> None:
    one = admission(max_streams=100_000)
    spend(one, LOOK_BACK / 2 + 1.0, load=0.99, streams=200)
    assert one.stretch > 1
    assert room(one, 200) == 200 + JOINS[1]
