from __future__ import annotations

from pathlib import Path

import pytest

from realtime_ser.errors import DataError
from realtime_ser.training.index import Clip
from realtime_ser.training.recipe import DataRecipe
from realtime_ser.training.seen import warning_of_seen
from realtime_ser.training.splits import folds_of, held_out_of, split_clips
from tests.corpus import clip

CLASSES = ("angry", "neutral", "sad")


def recipe(validation_speakers: int = 2) -> DataRecipe:
    return DataRecipe("index.csv", ("made", "extra"), "made", ("1", "2"), validation_speakers)


def people() -> list[Clip]:
    made = [clip(e, f"s{i}", str(1 + i % 3)) for i in range(12) for e in CLASSES]
    return [*made, Clip(Path("x.wav"), "extra", "s0", "angry")]


@pytest.mark.parametrize("run", ["1", "2", "1+3", "final"])
def test_speakers_never_straddle_a_split(run: str) -> None:
    split = split_clips(people(), recipe(), folds_of(run), seed=0)
    parts = [{c.person for c in part} for part in (split.train, split.validation, split.test)]
    assert parts[0].isdisjoint(parts[1] | parts[2])
    assert parts[1].isdisjoint(parts[2])
    assert len(parts[1]) == 2
    assert len(split.train) + len(split.validation) + len(split.test) == len(people())
    assert ("extra", "s0") in parts[0]
    assert {c.fold for c in split.test if c.corpus == "made"} == set(folds_of(run))


def test_folds_of_other_corpora_are_dealt_out_over_the_runs() -> None:
    extra = [Clip(Path("x.wav"), "extra", f"s{i}", "angry", fold=str(i)) for i in (1, 2, 9, 10)]
    clips = [*people(), *extra]
    assert held_out_of(clips, recipe(), ["1"]) == {"made": ["1"], "extra": ["1", "9"]}
    assert held_out_of(clips, recipe(), ["2"]) == {"made": ["2"], "extra": ["2", "10"]}
    assert held_out_of(clips, recipe(), []) == {}
    split = split_clips(clips, recipe(), ["1"], seed=0)
    assert {c.fold for c in split.test if c.corpus == "extra"} == {"1", "9"}
    assert {c.fold for c in split.train if c.corpus == "extra"} == {"", "2", "10"}
    assert {c.corpus for c in split.validation} == {"made"}


def test_a_speaker_in_two_folds_is_refused() -> None:
    with pytest.raises(DataError, match="a speaker is in two folds"):
        split_clips([clip(speaker="a", fold="1"), clip(speaker="a", fold="2")], recipe(), ["1"], 0)


def test_too_few_speakers_are_refused() -> None:
    with pytest.raises(DataError, match="too few to keep 9"):
        split_clips(people(), recipe(9), ["1"], 0)


def test_clips_that_a_model_was_trained_on_are_told() -> None:
    training = {
        "held_out": {"made": ["1"], "old": ["2"]},
        "corpora": [{"name": "made"}, {"name": "old"}],
    }
    held_out, trained = clip(fold="1"), clip(fold="2")
    extra = Clip(Path("x.wav"), "old", "s0", "angry", fold="1")
    strange = Clip(Path("x.wav"), "strange", "s0", "angry", fold="2")
    assert warning_of_seen([held_out, strange], training) is None
    assert warning_of_seen([held_out, trained, trained, extra, strange], training) == (
        "warning: 3 clips belong to corpora or folds the model was trained on (made fold 2, "
        "old fold 1)"
    )
    del training["held_out"]
    assert str(warning_of_seen([held_out], training)).startswith("warning: 1 clips")
    assert warning_of_seen([held_out], {"run": "none"}) is None
    for strange_told in ("x", {"made": "1"}, {"made": {}}):
        said = warning_of_seen([held_out], {**training, "held_out": strange_told})
        assert str(said).startswith("warning: 1 clips")
    for strange_table in ("x", {"corpora": ["made"]}, {"corpora": {"made": "CC0"}}, {}):
        assert warning_of_seen([trained], strange_table) is None
