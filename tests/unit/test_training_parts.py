from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from realtime_ser.errors import ConfigError, DataError
from realtime_ser.training.calibrate import fit_fusion
from realtime_ser.training.degrade import add_noise, in_room, parse_degradation, telephone
from realtime_ser.training.evaluation import Decision, summarise
from realtime_ser.training.index import Clip, of_corpora, read_index
from realtime_ser.training.metrics import (
    confusion_matrix,
    expected_calibration_error,
    unweighted_average_recall,
)
from realtime_ser.training.protocols import NEUTRAL_SHARE, sessions
from realtime_ser.training.recipe import DataRecipe, read_recipe
from realtime_ser.training.splits import split_clips
from tests.corpus import write_corpus
from tests.signals import rms_dbfs, speech_like, tone

CLASSES = ("angry", "neutral", "sad")


def clip(emotion: str = "angry", speaker: str = "a", fold: str = "1", **more: object) -> Clip:
    return Clip(Path(f"{speaker}_{emotion}.wav"), "made", speaker, emotion, fold=fold, **more)  # type: ignore[arg-type]


# index


def test_an_index_is_read(tmp_path: Path) -> None:
    clips = read_index(write_corpus(tmp_path, speakers=2, takes=1))
    assert len(clips) == 6
    assert clips[0].person == ("made", "s0")
    assert clips[0].votes == {"angry": 3.0}
    assert clips[1].votes is None
    assert clips[0].path.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"path,corpus\nx,y\n", "column 'speaker' is missing"),
        (b"path,corpus,speaker,emotion\n", "has no rows"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_a_broken_index_is_said(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "index.csv"
    file.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_index(file)


def test_a_missing_index_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.csv: cannot be read"):
        read_index(tmp_path / "nothing.csv")


def test_an_unknown_corpus_lists_the_known_ones() -> None:
    with pytest.raises(DataError, match="'other' is not in the index; it has made"):
        of_corpora([clip()], ["other"])


# splits


def recipe(validation_speakers: int = 2) -> DataRecipe:
    return DataRecipe("index.csv", ("made", "extra"), "made", ("1", "2"), validation_speakers)


def people() -> list[Clip]:
    made = [clip(e, f"s{i}", str(1 + i % 2)) for i in range(10) for e in CLASSES]
    return [*made, Clip(Path("x.wav"), "extra", "s0", "angry")]


@pytest.mark.parametrize("fold", ["1", "2", None])
def test_speakers_never_straddle_a_split(fold: str | None) -> None:
    split = split_clips(people(), recipe(), fold, seed=0)
    parts = [{c.person for c in part} for part in (split.train, split.validation, split.test)]
    assert parts[0].isdisjoint(parts[1] | parts[2])
    assert parts[1].isdisjoint(parts[2])
    assert len(parts[1]) == 2
    assert len(split.train) + len(split.validation) + len(split.test) == len(people())
    assert ("extra", "s0") in parts[0]
    assert {c.fold for c in split.test} == ({fold} if fold else set())


def test_a_speaker_in_two_folds_is_refused() -> None:
    with pytest.raises(DataError, match="a speaker is in two folds"):
        split_clips([clip(speaker="a", fold="1"), clip(speaker="a", fold="2")], recipe(), "1", 0)


def test_too_few_speakers_are_refused() -> None:
    with pytest.raises(DataError, match="too few to keep 9"):
        split_clips(people(), recipe(9), "1", 0)


# metrics, by hand


def test_uar_is_the_mean_recall_whatever_the_support() -> None:
    truth, decided = np.array([0, 0, 0, 0, 1, 2]), np.array([0, 0, 0, 1, 1, -1])
    assert unweighted_average_recall(truth, decided, 3) == pytest.approx((0.75 + 1.0 + 0.0) / 3)
    assert confusion_matrix(truth, decided, 3).tolist() == [[3, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_ece_of_known_cases() -> None:
    always = np.ones(4)
    assert expected_calibration_error(always, always) == pytest.approx(0.0)
    assert expected_calibration_error(always, np.array([1.0, 1.0, 0.0, 0.0])) == pytest.approx(0.5)
    half = np.full(4, 0.5)
    assert expected_calibration_error(half, np.array([1.0, 0.0, 1.0, 0.0])) == pytest.approx(0.0)


def decision(emotion: str, scores: list[float] | None, elapsed: float = 0.0) -> Decision:
    said = None if scores is None else np.array(scores, np.float32)
    return Decision(clip(emotion), said, said is not None and said.max() >= 0.4, elapsed)


def test_a_summary_has_what_the_contract_names() -> None:
    decisions = [
        decision("angry", [0.8, 0.1, 0.1], 3.0),
        decision("angry", None, 20.0),
        decision("neutral", [0.35, 0.34, 0.31], 40.0),
        decision("sad", [0.1, 0.2, 0.7], 200.0),
    ]
    metrics = summarise(decisions, CLASSES)
    assert metrics["n"] == 4
    assert metrics["uar"] == pytest.approx((0.5 + 0.0 + 1.0) / 3)
    assert metrics["wa"] == pytest.approx(0.5)
    assert metrics["coverage"] == pytest.approx(0.5)
    assert metrics["confusion"] == [[1, 0, 0], [1, 0, 0], [0, 0, 1]]
    assert metrics["per_class"]["angry"] == {
        "precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2,
    }  # fmt: skip
    assert [(b["from"], b["to"], b["n"]) for b in metrics["by_elapsed_speech"]] == [
        (0.0, 15.0, 1), (15.0, 30.0, 1), (30.0, 60.0, 1), (120.0, None, 1),
    ]  # fmt: skip
    assert set(metrics) >= {"macro_f1", "ece", "classes", "per_corpus", "per_speaker", "by_sex"}


# protocols


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
    gaps = [b.start_sample - a.end_sample for a, b in zip(first.placed, first.placed[1:])]  # noqa: B905
    assert set(gaps) == {8000}
    again, other = (list(sessions(clips, "stream", seed=s))[0] for s in (0, 1))  # noqa: RUF015
    assert again.placed == first.placed
    assert np.array_equal(again.recording.samples, first.recording.samples)
    assert other.placed != first.placed


def test_call_is_mostly_neutral(clips: list[Clip]) -> None:
    for session in sessions(clips, "call", seed=0):
        emotions = [p.clip.emotion for p in session.placed]
        assert emotions.count("neutral") / len(emotions) == pytest.approx(NEUTRAL_SHARE, abs=0.05)
        assert emotions.count("angry") == emotions.count("sad") == 2


# conditions


def test_the_telephone_cuts_the_band_and_keeps_the_length() -> None:
    for hertz, kept in ((100.0, False), (1000.0, True), (5000.0, False)):
        through = telephone(tone(1.0, hertz))
        assert len(through) == 16_000
        assert (rms_dbfs(through[4000:]) > -23.0) is kept


@pytest.mark.parametrize("snr_db", [0.0, 10.0])
def test_noise_comes_at_its_ratio(snr_db: float) -> None:
    speech = speech_like(2.0)
    noisy = add_noise(speech, snr_db, [], np.random.default_rng(0))
    assert rms_dbfs(speech) - rms_dbfs(noisy - speech) == pytest.approx(snr_db, abs=0.1)


def test_a_room_keeps_arrival_and_level() -> None:
    response = np.zeros(4000, np.float32)
    response[200], response[2000] = 1.0, 0.5
    speech = speech_like(1.0)
    wet = in_room(speech, response)
    assert len(wet) == len(speech)
    assert rms_dbfs(wet) == pytest.approx(rms_dbfs(speech), abs=0.01)
    assert np.argmax(np.correlate(wet, speech, "same")) == len(speech) // 2


@pytest.mark.parametrize("spec", ["cave", "noise", "noise:loud", "telephone:2", "room"])
def test_an_unknown_condition_is_said(spec: str) -> None:
    with pytest.raises(ConfigError, match=f"--degrade {spec}: "):
        parse_degradation(spec)


# fusion


def test_fusion_prefers_the_scale_that_is_right_and_calibrates() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(3, (600,), generator=generator)
    good = 8.0 * torch.nn.functional.one_hot(labels, 3) + torch.randn(600, 3, generator=generator)
    wrong = torch.rand(600, generator=generator) < 0.3
    good[wrong] = good[wrong].roll(1, dims=1)
    noise = torch.randn(600, 3, generator=generator)
    fusion = fit_fusion(torch.stack([good, noise], dim=1), labels)
    assert fusion.weights[0] > 0.8
    assert sum(fusion.weights) == pytest.approx(1.0, abs=1e-3)
    assert fusion.temperature > 1.5


# recipe


def test_the_shipped_recipes_can_be_read() -> None:
    folder = Path(__file__).parents[2] / "configs" / "train"
    for file in folder.glob("*.toml"):
        assert read_recipe(file).classes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "not a readable TOML file"),
        ('colour = "red"', "unknown key 'colour'"),
        ("[data]\nindexes = 3", r"\[data\]: unknown key 'indexes'"),
        ('name = "x"', "missing"),
    ],
)
def test_a_broken_recipe_is_said(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_recipe(file)
