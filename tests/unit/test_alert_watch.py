"""When rules fire, on timelines that are built; the only time is that of the rows."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from realtime_ser.alerts.flags import alerts_of
from realtime_ser.alerts.rules import parse_rules
from realtime_ser.alerts.watch import AlertWatch
from realtime_ser.circumplex import arousal_valence
from realtime_ser.types import UNCERTAIN, TimelineRow
from tests.rows import make_row

HOP = 0.5
CLASSES = ("angry", "disgust", "fear", "happy", "neutral", "sad")
ANGRY = {"angry": 0.8}
HALF = {"angry": 0.55, "neutral": 0.45}
CALM = {"neutral": 0.9, "angry": 0.1}
UNSURE = {"angry": 0.45, "neutral": 0.4}
Spell = tuple[float, float, dict[str, float]]
"""Start and end of speech, in seconds, and what it sounds like."""


def speech(*spells: Spell, hop: float = HOP) -> list[TimelineRow]:
    """Window rows as a stream makes them: spells that touch are one segment, gaps are silence."""
    rows: list[TimelineRow] = []
    begun = until = -1.0
    for start, end, sounds in spells:
        if start != until:
            begun = start
        until = end
        for number in range(1, round((end - start) / hop) + 1):
            at = start + number * hop
            rows.append(window(max(begun, at - 3.0), at, sounds))
    return rows


def window(start: float, end: float, sounds: dict[str, float]) -> TimelineRow:
    rest = (1.0 - sum(sounds.values())) / (len(CLASSES) - len(sounds))
    shares = {name: sounds.get(name, rest) for name in CLASSES}
    best = max(shares, key=shares.__getitem__)
    arousal, valence = arousal_valence(shares)
    return make_row(
        start=start,
        end=end,
        emotion=best if shares[best] >= 0.48 else UNCERTAIN,
        confidence=shares[best],
        probabilities=shares,
        arousal=arousal,
        valence=valence,
    )


def alerts(
    rows: Iterable[TimelineRow], *rules: str, cool_down: float = 0.0, pause: float = 10.0
) -> list[tuple[str, float, float]]:
    """Name, start and end of what fires."""
    watch = AlertWatch(parse_rules(rules), cool_down=cool_down, margin=0.1, pause=pause)
    found = [alert for row in rows for alert in watch.push(row)]
    return [(*alerts_of(alert), alert.start, alert.end) for alert in found]  # type: ignore[misc]


ANGER = "angry >= 0.6 for 5 s"
FALL = "valence falling by 0.5 within 60 s"


def test_it_fires_once_it_has_held_long_enough() -> None:
    assert alerts(speech((2.0, 6.5, ANGRY)), ANGER) == []
    assert alerts(speech((2.0, 30.0, ANGRY)), ANGER) == [("angry-for-5-s", 2.0, 7.0)]


@pytest.mark.parametrize("hop", [0.1, 0.5, 1.0, 2.5])
def test_the_hop_makes_no_difference(hop: float) -> None:
    rows = speech((0.0, 10.0, CALM), (10.0, 30.0, ANGRY), hop=hop)
    ((_, start, end),) = alerts(rows, ANGER)
    assert (start, end) == pytest.approx((10.0, 15.0))


def test_an_alert_is_the_row_that_completed_it() -> None:
    watch = AlertWatch(parse_rules(["loud: " + ANGER]))
    rows = speech((0.0, 5.0, ANGRY))
    (alert,) = [alert for row in rows for alert in watch.push(row)]
    last = rows[-1]
    assert (alert.kind, alert.start, alert.end, alert.utc) == ("alert", 0.0, 5.0, last.utc)
    assert alert.flags == ("derived", "alert:loud")
    assert alert.probabilities == last.probabilities


def test_several_rules_fire_on_one_row_in_their_order() -> None:
    rules = ("b: any negative for 5 s", "a: " + ANGER, "never: happy >= 0.5 for 1 s")
    assert [name for name, *_ in alerts(speech((0.0, 9.0, ANGRY)), *rules)] == ["b", "a"]


def test_utterances_and_alerts_are_not_watched() -> None:
    rows = [make_row(kind=kind, start=0.0, end=60.0) for kind in ("utterance", "alert")]
    assert alerts(rows, "angry >= 0.5 for 1 s") == []


def test_pauses_are_bridged_and_do_not_count() -> None:
    rows = speech((0.0, 3.0, ANGRY), (11.0, 14.0, ANGRY))
    assert alerts(rows, ANGER) == [("angry-for-5-s", 0.0, 13.0)]


def test_a_long_silence_begins_anew() -> None:
    rows = speech((0.0, 4.5, ANGRY), (15.0, 19.5, ANGRY))
    assert alerts(rows, ANGER) == []
    assert alerts(rows, ANGER, pause=11.0) == [("angry-for-5-s", 0.0, 15.5)]


def test_missing_audio_is_no_more_than_a_silence() -> None:
    rows = speech((0.0, 3.0, ANGRY), (3600.0, 3604.5, ANGRY))
    assert alerts(rows, ANGER) == []


def test_one_calm_row_does_not_destroy_half_a_minute() -> None:
    rows = speech((0.0, 20.0, ANGRY), (20.0, 20.5, CALM), (20.5, 40.0, ANGRY))
    ((_, start, end),) = alerts(rows, "angry >= 0.6 for 30 s")
    # The half second itself does not count, and takes back twice its length.
    assert (start, end) == (0.0, 31.5)


def test_calm_takes_back_twice_its_length() -> None:
    rows = speech((0.0, 4.5, ANGRY), (4.5, 7.0, CALM), (7.0, 11.5, ANGRY))
    assert alerts(rows, ANGER) == []
    flickering = [(s, s + 0.5, ANGRY if s % 1 else CALM) for s in (i / 2 for i in range(240))]
    assert alerts(speech(*flickering), ANGER) == []


def test_a_little_under_the_limit_neither_counts_nor_takes_back() -> None:
    rows = speech((0.0, 4.0, ANGRY), (4.0, 10.0, HALF), (10.0, 12.0, ANGRY))
    assert alerts(rows, ANGER) == [("angry-for-5-s", 0.0, 11.0)]
    longer = speech((0.0, 4.0, ANGRY), (4.0, 15.0, HALF), (15.0, 19.0, ANGRY))
    assert alerts(longer, ANGER) == []


def test_uncertain_rows_neither_count_nor_break() -> None:
    assert alerts(speech((0.0, 60.0, UNSURE)), "angry >= 0.4 for 5 s") == []
    rows = speech((0.0, 3.0, ANGRY), (3.0, 9.0, UNSURE), (9.0, 12.0, ANGRY))
    assert alerts(rows, ANGER) == [("angry-for-5-s", 0.0, 11.0)]
    longer = speech((0.0, 3.0, ANGRY), (3.0, 14.0, UNSURE), (14.0, 18.0, ANGRY))
    assert alerts(longer, ANGER) == []


def test_rules_on_confidence_see_uncertain_rows() -> None:
    rows = speech((0.0, 30.0, UNSURE))
    assert alerts(rows, "confidence <= 0.5 for 20 s") == [("low-confidence-for-20-s", 0.0, 20.0)]


def test_it_does_not_fire_again_while_it_holds() -> None:
    assert len(alerts(speech((0.0, 600.0, ANGRY)), ANGER)) == 1


def test_hysteresis() -> None:
    around = [(20.0 * i, 20.0 * i + 20.0, HALF if i % 2 else ANGRY) for i in range(20)]
    assert len(alerts(speech(*around), ANGER)) == 1
    dip = speech((0.0, 10.0, ANGRY), (10.0, 12.0, CALM), (12.0, 30.0, ANGRY))
    assert len(alerts(dip, ANGER)) == 1
    over = speech((0.0, 10.0, ANGRY), (10.0, 12.5, CALM), (12.5, 30.0, ANGRY))
    assert [end for *_, end in alerts(over, ANGER)] == [5.0, 17.5]


def test_a_long_silence_ends_what_has_fired() -> None:
    rows = speech((0.0, 10.0, ANGRY), (25.0, 35.0, ANGRY))
    assert [end for *_, end in alerts(rows, ANGER)] == [5.0, 30.0]


def test_the_cool_down_puts_off_what_still_holds() -> None:
    spells = ((0.0, 10.0, ANGRY), (10.0, 13.0, CALM), (13.0, 100.0, ANGRY))
    found = alerts(speech(*spells), ANGER, cool_down=60.0)
    assert found == [("angry-for-5-s", 0.0, 5.0), ("angry-for-5-s", 13.0, 65.0)]
    shorter = (*spells[:2], (13.0, 60.0, ANGRY), (60.0, 100.0, CALM))
    assert len(alerts(speech(*shorter), ANGER, cool_down=60.0)) == 1


def test_each_rule_cools_down_for_itself() -> None:
    rows = speech((0.0, 30.0, ANGRY))
    found = alerts(rows, ANGER, "any negative for 20 s", cool_down=60.0)
    assert [end for *_, end in found] == [5.0, 20.0]


def test_any_negative_may_change_from_one_to_another() -> None:
    rows = speech((0.0, 12.0, ANGRY), (12.0, 22.0, {"sad": 0.7}), (22.0, 40.0, {"fear": 0.6}))
    assert alerts(rows, "any negative for 30 s") == [("any-negative-for-30-s", 0.0, 30.0)]
    assert alerts(rows, "any negative >= 0.65 for 30 s") == []
    happy = speech((0.0, 40.0, {"happy": 0.7}))
    assert alerts(happy, "any negative for 30 s") == []


def test_negative_is_the_sum() -> None:
    rows = speech((0.0, 9.0, {"neutral": 0.49, "angry": 0.25, "sad": 0.25}))
    assert len(alerts(rows, "negative >= 0.5 for 5 s")) == 1
    assert alerts(rows, "any negative for 5 s") == []


def test_a_limit_at_the_end_of_its_scale_can_be_spoken_against() -> None:
    faint = {"angry": 0.06, "neutral": 0.9}
    rows = speech((0.0, 10.0, faint), (10.0, 20.0, {"angry": 0.0, "neutral": 0.9}))
    rows += speech((20.0, 30.0, faint))
    assert [end for *_, end in alerts(rows, "angry >= 0.05 for 5 s")] == [5.0, 25.0]


def test_low_valence() -> None:
    rows = speech((0.0, 20.0, CALM), (20.0, 50.0, {"sad": 0.9}))
    assert alerts(rows, "valence <= -0.4 for 20 s") == [("low-valence-for-20-s", 20.0, 40.0)]


HAPPY = {"happy": 0.9}


def test_falling_valence() -> None:
    rows = speech((0.0, 20.0, HAPPY), (20.0, 60.0, CALM))
    ((name, start, end),) = alerts(rows, FALL)
    assert name == "valence-falling-within-60-s"
    assert start == 20.0  # the last moment at which it was as high as that
    assert 20.0 < end <= 25.0
    assert alerts(rows, "valence rising by 0.5 within 60 s") == []
    back = speech((0.0, 20.0, CALM), (20.0, 60.0, HAPPY))
    assert alerts(back, FALL) == []
    assert len(alerts(back, "valence rising by 0.5 within 60 s")) == 1


def test_a_fall_across_a_silence_counts_within_its_time() -> None:
    assert len(alerts(speech((0.0, 10.0, HAPPY), (50.0, 58.0, CALM)), FALL)) == 1
    assert alerts(speech((0.0, 10.0, HAPPY), (70.0, 90.0, CALM)), FALL) == []


def test_a_slow_fall_does_not_count() -> None:
    steps = [
        (20.0 * i, 20.0 * i + 20.0, {"happy": 0.9 - 0.08 * i, "neutral": 0.08 + 0.08 * i})
        for i in range(11)
    ]
    assert alerts(speech(*steps), FALL) == []
    assert len(alerts(speech(*steps), "valence falling by 0.5 within 240 s")) == 1


def test_one_odd_row_is_no_fall() -> None:
    rows = speech((0.0, 20.0, CALM), (20.0, 20.5, HAPPY), (20.5, 60.0, CALM))
    assert alerts(rows, FALL) == []
    start = speech((0.0, 0.5, HAPPY), (0.5, 60.0, CALM))
    assert alerts(start, FALL) == []


def test_uncertain_rows_are_no_fall() -> None:
    assert alerts(speech((0.0, 20.0, HAPPY), (20.0, 60.0, UNSURE)), FALL) == []


def test_a_fall_begins_anew_from_where_it_has_got_to() -> None:
    rows = speech((0.0, 20.0, HAPPY), (20.0, 40.0, CALM), (40.0, 60.0, {"sad": 0.95}))
    found = alerts(rows, "valence falling by 0.6 within 60 s")
    assert [20.0 < end < 26.0 for *_, end in found] == [True, False]
    assert 40.0 < found[1][2] < 46.0
    assert len(alerts(rows, "valence falling by 0.6 within 60 s", cool_down=60.0)) == 1


def test_streams_have_memories_of_their_own() -> None:
    rules = parse_rules([ANGER])
    one, other = AlertWatch(rules), AlertWatch(rules)
    for row in speech((0.0, 4.5, ANGRY)):
        assert one.push(row) == other.push(row) == []
    (last,) = speech((4.5, 5.0, ANGRY))
    assert len(one.push(last)) == 1
