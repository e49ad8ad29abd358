"""How fast a call is read, in virtual time."""

from __future__ import annotations

from realtime_ser.server.pace import CATCH_UP, LOOK, Pace

AHEAD = 5.0


def test_faster_than_time_is_paused_by_as_much() -> None:
    pace = Pace(AHEAD)
    assert pace.pause(100.0, 0.1, 0.1) == 0.0
    assert pace.pause(100.0, 5.0, 0.2) == 0.0
    assert pace.pause(100.0, 6.5, 0.2) == 1.5
    assert pace.pause(101.5, 6.5, 0.2) == 0.0


def test_in_real_time_nothing_is_held_back_however_much_waits() -> None:
    pace = Pace(AHEAD)
    assert {pace.pause(float(now), float(now), 9.9) for now in range(600)} == {0.0}


def test_a_backlog_waits_for_what_waits_until_time_is_made_up_for() -> None:
    pace = Pace(AHEAD)
    pace.pause(0.0, 0.0, 0.0)
    assert pace.pause(40.0, 0.5, 0.5) == 0.0
    assert pace.pause(40.0, 3.5, 3.0) == LOOK
    assert pace.pause(40.1, 3.5, 2.0) == 0.0
    for second in range(1, 13):  # heard at three times the speed
        assert pace.pause(40.1 + second, 3.5 + 4.0 * second, 3.0) == LOOK
    assert pace.pause(54.0, 54.0, 3.0) == 0.0, "it is up to date"
    assert pace.pause(54.0, 60.0, 9.0) == 1.0, "and nothing but ahead of time from here on"


def test_after_a_hold_the_call_is_in_real_time_again() -> None:
    pace = Pace(AHEAD)
    pace.pause(0.0, 0.0, 0.0)
    held = [pace.pause(60.0 + step / 10, step / 10, 9.0) for step in range(100)]
    assert held[0] == LOOK
    after = held[int(CATCH_UP * 10) :]
    assert set(after) == {0.0}
    assert pace.pause(70.0, 20.0, 1.0) > 4.0
