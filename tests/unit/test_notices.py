from __future__ import annotations

from dataclasses import replace

from realtime_ser.cli.notices import Notices
from realtime_ser.stats import Health, Latency, StreamStatus

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


def test_a_webhook_in_trouble_is_told_once_and_so_is_its_end() -> None:
    notices = Notices()
    trouble = "alerts.webhook: example.com does not answer in time; alerts are tried again"
    assert notices.update(WELL, trouble) == [trouble]
    assert notices.update(WELL, trouble) == []
    assert notices.update(WELL) == ["alerts.webhook: alerts are delivered again"]


def test_overflows_and_drops_are_counted() -> None:
    notices = Notices()
    assert "2 overflows" in notices.update(replace(WELL, overflows=2))[0]
    behind = replace(WELL, overflows=2, dropped=3.4)
    assert "3.4 s of audio dropped" in notices.update(behind)[0]
    assert notices.update(behind) == []


MUTED = "muted: the microphone delivers silence; unmute it"
CLIPS = "clips: turn the microphone down or move away from it"


def heard(elapsed: float, *troubles: str | None) -> Health:
    streams = tuple(
        StreamStatus("desk", channel, elapsed, -30.0, -20.0, False, 0.0, trouble)
        for channel, trouble in enumerate(troubles)
    )
    return replace(WELL, elapsed=elapsed, streams=streams)


def test_trouble_with_the_level_is_said_when_it_begins_and_when_it_is_over() -> None:
    notices = Notices()
    assert notices.update(heard(1.0, None)) == []
    assert notices.update(heard(2.0, MUTED)) == [f"desk: {MUTED}"]
    assert notices.update(heard(9.0, MUTED)) == []
    assert notices.update(heard(10.0, None)) == ["desk: the level is fine again"]
    assert notices.update(heard(20.0, None)) == []


def test_the_figure_of_a_level_that_moves_is_not_news() -> None:
    notices = Notices()
    begun = "too quiet: speech is at -60 dBFS; turn the microphone up or move closer"
    assert notices.update(heard(2.0, begun)) == [f"desk: {begun}"]
    assert notices.update(heard(20.0, begun.replace("-60", "-63"))) == []
    assert notices.update(heard(30.0, CLIPS)) == [f"desk: {CLIPS}"]


def test_of_a_level_that_comes_and_goes_there_is_a_line_every_five_seconds() -> None:
    notices = Notices()
    assert notices.update(heard(2.0, CLIPS)) == [f"desk: {CLIPS}"]
    assert notices.update(heard(4.0, None)) == []
    assert notices.update(heard(5.0, CLIPS)) == []
    assert notices.update(heard(6.9, None)) == []
    assert notices.update(heard(7.0, None)) == ["desk: the level is fine again"]


def test_each_of_several_streams_is_named_and_has_seconds_of_its_own() -> None:
    notices = Notices()
    assert notices.update(heard(2.0, MUTED, None)) == [f"desk, channel 0: {MUTED}"]
    assert notices.update(heard(3.0, MUTED, CLIPS)) == [f"desk, channel 1: {CLIPS}"]
