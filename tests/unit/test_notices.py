from __future__ import annotations

from dataclasses import replace

from realtime_ser.cli.notices import Notices
from realtime_ser.stats import Health, Latency

WELL = Health(
    state="running", source="mic", sample_rate=48_000, device="cpu", model="default", elapsed=1.0,
    duration=None, problem=None, overflows=0, reopened=0, dropped=0.0, queue=0.0,
    realtime_factor=0.1, latency=Latency(), rows=0, streams=(),
)  # fmt: skip


def test_nothing_is_said_while_all_is_well() -> None:
    notices = Notices()
    assert notices.update(WELL) == []
    assert notices.update(replace(WELL, rows=10, elapsed=20.0)) == []


def test_a_problem_is_said_once_and_so_is_its_end() -> None:
    notices = Notices()
    lost = replace(WELL, problem="mic: unplugged; plug it in again")
    assert notices.update(lost) == ["mic: unplugged; plug it in again"]
    assert notices.update(lost) == []
    assert notices.update(WELL) == ["mic: audio is back"]


def test_overflows_and_drops_are_counted() -> None:
    notices = Notices()
    assert "2 overflows" in notices.update(replace(WELL, overflows=2))[0]
    behind = replace(WELL, overflows=2, dropped=3.4)
    assert "3.4 s of audio dropped" in notices.update(behind)[0]
    assert notices.update(behind) == []
