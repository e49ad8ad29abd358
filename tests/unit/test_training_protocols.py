from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from realtime_ser.training.index import (
    Clip,
    read_index,
)
from realtime_ser.training.protocols import NEUTRAL_SHARE, sessions
from tests.corpus import write_corpus


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    return read_index(write_corpus(tmp_path_factory.mktemp("corpus"), speakers=2))


def test_clip_is_each_alone(clips: list[Clip]) -> None:
    found = list(sessions(clips, "clip", seed=0))
    assert [s.placed[0].clip for s in found] == clips
    assert all(s.placed[0].end_sample == len(s.recording.samples) for s in found)


def test_stream_is_one_a_speaker_with_all_his_clips_in_seeded_order(clips: list[Clip]) -> None:
    first, second = sessions(clips, "stream", seed=0)
    for session, speaker in ((first, "s0"), (second, "s1")):
        placed = sorted(p.clip.path for p in session.placed)
        assert placed == sorted(c.path for c in clips if c.speaker == speaker)
    gaps = [b.start_sample - a.end_sample for a, b in pairwise(first.placed)]
    assert set(gaps) == {8000}
    again, other = (next(iter(sessions(clips, "stream", seed=s))) for s in (0, 1))
    assert again.placed == first.placed
    assert np.array_equal(again.recording.samples, first.recording.samples)
    assert other.placed != first.placed


def test_a_call_leaves_neutral_clips_out_where_there_are_too_many(tmp_path: Path) -> None:
    clips = read_index(write_corpus(tmp_path, speakers=1, takes=5))
    calm = [clip for clip in clips if clip.emotion == "neutral"]
    loud = [clip for clip in clips if clip.emotion == "angry"][:2]
    (session,) = sessions([*calm, *loud], "call", seed=0)
    chosen = [placed.clip for placed in session.placed]
    assert len(calm) == 5
    assert sorted(clip.emotion for clip in chosen) == ["angry", "angry"] + 3 * ["neutral"]
    assert len({clip.path for clip in chosen}) == 5


def test_call_is_mostly_neutral(clips: list[Clip]) -> None:
    for session in sessions(clips, "call", seed=0):
        emotions = [p.clip.emotion for p in session.placed]
        assert emotions.count("neutral") / len(emotions) == pytest.approx(NEUTRAL_SHARE, abs=0.05)
        assert emotions.count("angry") == emotions.count("sad") == 2
