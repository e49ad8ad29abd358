from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_ser.clock import to_samples
from realtime_ser.config import SegmentConfig
from realtime_ser.segments import Segmenter
from realtime_ser.types import SpeechBoundary, SpeechDecision, SpeechEnded, SpeechStarted

BLOCK = 512
THRESHOLD = 0.5
RELEASE = 0.35
LOUD, DOUBT, QUIET = 0.9, 0.4, 0.1
CONFIG = SegmentConfig(
    min_speech=0.128, min_silence=0.4, prefix_padding=0.1, suffix_padding=0.2, max_segment=30.0
)
PREFIX = 1600
SUFFIX = 3200
SILENCE_BLOCKS = 13  # 12.5 blocks are 0.4 s


def segmenter(config: SegmentConfig = CONFIG) -> Segmenter:
    return Segmenter(config, THRESHOLD, RELEASE)


def feed(to: Segmenter, probabilities: list[float], first: int = 0) -> list[SpeechBoundary]:
    """Blocks of 512 samples, the first at block index ``first``."""
    found = []
    for index, probability in enumerate(probabilities, first):
        found += to.push(SpeechDecision(index * BLOCK, (index + 1) * BLOCK, probability))
    return found


def test_a_segment_is_padded_at_both_ends() -> None:
    found = feed(segmenter(), [QUIET] * 10 + [LOUD] * 20 + [QUIET] * 20)
    assert found == [
        SpeechStarted(10 * BLOCK - PREFIX),
        SpeechEnded(30 * BLOCK + SUFFIX),
    ]


def test_the_start_is_known_after_min_speech_and_the_end_after_min_silence() -> None:
    one = segmenter()
    assert feed(one, [LOUD] * 3) == []
    assert feed(one, [LOUD], first=3) == [SpeechStarted(0)]
    assert feed(one, [QUIET] * (SILENCE_BLOCKS - 1), first=4) == []
    assert feed(one, [QUIET], first=3 + SILENCE_BLOCKS) == [SpeechEnded(4 * BLOCK + SUFFIX)]


def test_short_sounds_open_nothing() -> None:
    assert feed(segmenter(), ([LOUD] * 3 + [QUIET]) * 20) == []


def test_one_block_of_doubt_is_forgiven_two_are_not() -> None:
    assert feed(segmenter(), [LOUD, LOUD, DOUBT, LOUD]) == [SpeechStarted(0)]
    assert feed(segmenter(), [LOUD, DOUBT, LOUD, DOUBT, LOUD]) == [SpeechStarted(0)]
    assert feed(segmenter(), [LOUD, LOUD, DOUBT, DOUBT, LOUD]) == []


def test_a_block_below_release_starts_the_count_anew() -> None:
    assert feed(segmenter(), [LOUD, LOUD, LOUD, QUIET, LOUD, LOUD, LOUD]) == []


def test_doubt_alone_opens_nothing_but_keeps_a_segment_open() -> None:
    assert feed(segmenter(), [DOUBT] * 100) == []
    assert feed(segmenter(), [LOUD] * 4 + [DOUBT] * 100) == [SpeechStarted(0)]


def test_short_pauses_do_not_split() -> None:
    found = feed(segmenter(), ([LOUD] * 8 + [QUIET] * (SILENCE_BLOCKS - 1)) * 5 + [QUIET])
    assert [type(boundary) for boundary in found] == [SpeechStarted, SpeechEnded]


def test_the_prefix_does_not_reach_into_the_previous_segment() -> None:
    config = SegmentConfig(
        min_speech=0.032, min_silence=0.1, prefix_padding=0.5, suffix_padding=0.1
    )
    found = feed(segmenter(config), [LOUD] * 10 + [QUIET] * 4 + [LOUD] * 10)
    end = 10 * BLOCK + 1600
    assert found == [SpeechStarted(0), SpeechEnded(end), SpeechStarted(end)]


def test_certain_until_follows_speech_by_at_most_the_suffix() -> None:
    one = segmenter()
    feed(one, [LOUD] * 3)
    assert one.certain_until is None
    seen = []
    for index in range(3, 4 + SILENCE_BLOCKS):
        feed(one, [LOUD if index == 3 else QUIET], first=index)
        seen.append(one.certain_until)
    assert seen[:8] == [
        4 * BLOCK, 5 * BLOCK, 6 * BLOCK, 7 * BLOCK, 8 * BLOCK, 9 * BLOCK, 10 * BLOCK,
        4 * BLOCK + SUFFIX,
    ]  # fmt: skip
    assert set(seen[8:-1]) == {4 * BLOCK + SUFFIX}
    assert seen[-1] is None


def test_long_speech_is_cut_without_a_gap() -> None:
    config = SegmentConfig(max_segment=2.0)
    one = segmenter(config)
    found = feed(one, [LOUD] * 150) + one.flush()
    assert found == [
        SpeechStarted(0),
        SpeechEnded(32_000),
        SpeechStarted(32_000),
        SpeechEnded(64_000),
        SpeechStarted(64_000),
        SpeechEnded(150 * BLOCK),
    ]


def test_both_boundaries_of_a_cut_come_in_the_same_list() -> None:
    one = segmenter(SegmentConfig(max_segment=2.0))
    lists = [feed(one, [LOUD], first=index) for index in range(70)]
    assert [SpeechEnded(32_000), SpeechStarted(32_000)] in lists


def test_a_rest_too_short_for_a_segment_is_not_cut_off_as_one() -> None:
    one = segmenter(SegmentConfig(max_segment=2.0))
    found = feed(one, [LOUD] * 64) + one.flush()
    assert found == [SpeechStarted(0), SpeechEnded(32_000)]


def test_a_gap_ends_the_open_segment_at_its_certain_end() -> None:
    one = segmenter()
    feed(one, [LOUD] * 10 + [QUIET] * 2)
    certain = one.certain_until
    found = feed(one, [QUIET], first=100)
    assert certain == 12 * BLOCK
    assert found == [SpeechEnded(certain)]
    assert one.certain_until is None


def test_no_segment_reaches_into_a_gap() -> None:
    one = segmenter()
    feed(one, [QUIET] * 10)
    assert feed(one, [LOUD] * 4, first=20) == [SpeechStarted(20 * BLOCK)]


def test_speech_before_and_after_a_gap_does_not_add_up() -> None:
    one = segmenter()
    assert feed(one, [LOUD] * 3) + feed(one, [LOUD] * 3, first=50) == []


def test_flush_ends_at_what_was_heard_and_forgets_what_was_pending() -> None:
    one = segmenter()
    feed(one, [LOUD] * 6 + [QUIET])
    assert one.flush() == [SpeechEnded(7 * BLOCK)]
    feed(one, [LOUD] * 3, first=7)
    assert one.flush() == []
    assert feed(one, [LOUD], first=10) == []


def test_decisions_that_go_back_are_refused() -> None:
    one = segmenter()
    feed(one, [QUIET] * 5)
    with pytest.raises(ValueError, match="comes after"):
        one.push(SpeechDecision(0, BLOCK, QUIET))


@dataclass(frozen=True)
class Case:
    config: SegmentConfig
    decisions: list[SpeechDecision]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    min_silence = draw(st.sampled_from([0.05, 0.1, 0.4]))
    config = SegmentConfig(
        min_speech=draw(st.sampled_from([0.0, 0.032, 0.1, 0.128, 0.25])),
        min_silence=min_silence,
        prefix_padding=draw(st.sampled_from([0.0, 0.1, 0.5])),
        suffix_padding=draw(st.sampled_from([0.0, 0.5, 1.0])) * min_silence,
        max_segment=draw(st.sampled_from([2.0, 2.05, 30.0])),
    )
    position = draw(st.integers(0, 5000))
    decisions = []
    levels = st.sampled_from([QUIET, DOUBT, LOUD, LOUD])
    runs = st.tuples(levels, st.integers(1, 80) | st.integers(1, 5))
    for probability, blocks in draw(st.lists(runs, max_size=20)):
        if draw(st.integers(0, 9)) == 0:
            position += draw(st.integers(1, 20_000))
        for _ in range(blocks):
            decisions.append(SpeechDecision(position, position + BLOCK, probability))
            position += BLOCK
    if decisions:
        last = decisions.pop()
        rest = draw(st.integers(1, BLOCK))
        decisions.append(
            SpeechDecision(last.start_sample, last.start_sample + rest, last.probability)
        )
    return Case(config, decisions)


def run(case: Case) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Segments, and (index of its segment, certain_until) after each push that has one."""
    one = segmenter(case.config)
    starts: list[int] = []
    ends: list[int] = []
    certain: list[tuple[int, int]] = []

    def note(boundaries: list[SpeechBoundary]) -> None:
        for boundary in boundaries:
            if isinstance(boundary, SpeechStarted):
                assert len(starts) == len(ends), "started twice"
                starts.append(boundary.start_sample)
            else:
                assert len(starts) == len(ends) + 1, "ended twice"
                ends.append(boundary.end_sample)

    for decision in case.decisions:
        note(one.push(decision))
        if one.certain_until is not None:
            assert one.certain_until <= decision.end_sample
            certain.append((len(starts) - 1, one.certain_until))
        assert (one.certain_until is None) == (len(starts) == len(ends))
    note(one.flush())
    assert len(starts) == len(ends)
    assert one.certain_until is None
    return list(zip(starts, ends, strict=True)), certain


@given(cases())
@settings(deadline=None)
def test_segments_are_ordered_apart_and_of_allowed_length(case: Case) -> None:
    segments, _ = run(case)
    for start, end in segments:
        assert start >= 0
        assert max(1, to_samples(case.config.min_speech)) <= end - start
        assert end - start <= to_samples(case.config.max_segment)
    for (_, end), (start, _) in pairwise(segments):
        assert end <= start


@given(cases())
@settings(deadline=None)
def test_what_is_certain_stays_certain(case: Case) -> None:
    segments, certain = run(case)
    for (segment, before), (same, after) in pairwise(certain):
        assert segment != same or before <= after
    for segment, sample in certain:
        start, end = segments[segment]
        assert start < sample <= end


@given(cases())
@settings(deadline=None)
def test_segments_hold_only_audio_that_was_decided_on(case: Case) -> None:
    stretches: list[list[int]] = []
    for decision in case.decisions:
        if stretches and stretches[-1][1] == decision.start_sample:
            stretches[-1][1] = decision.end_sample
        else:
            stretches.append([decision.start_sample, decision.end_sample])
    for start, end in run(case)[0]:
        assert any(first <= start and end <= last for first, last in stretches)


@given(cases())
@settings(deadline=None)
def test_no_long_speech_is_missed(case: Case) -> None:
    """Every unbroken stretch of loud blocks that is long enough lies inside segments."""
    stretches: list[list[int]] = []
    for decision in case.decisions:
        if decision.probability < THRESHOLD:
            continue
        if stretches and stretches[-1][1] == decision.start_sample:
            stretches[-1][1] = decision.end_sample
        else:
            stretches.append([decision.start_sample, decision.end_sample])
    segments, _ = run(case)
    min_speech = max(1, to_samples(case.config.min_speech))
    for first, last in stretches:
        if last - first >= min_speech:
            covered = sum(max(0, min(last, e) - max(first, s)) for s, e in segments)
            # Only what a cut at max_segment leaves over may be lost, and it is too short to keep.
            assert last - first - covered < min_speech
