from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch
from matplotlib.figure import Figure
from torch.optim.swa_utils import AveragedModel

from realtime_ser import offline
from realtime_ser.assembly import pipeline_factory
from realtime_ser.config import Config
from realtime_ser.errors import ConfigError, DataError
from realtime_ser.offline import Recording, run_offline
from realtime_ser.testing import ConstantRecognizer
from realtime_ser.training import checkpoint
from realtime_ser.training.calibrate import calibrate, fit_fusion, threshold
from realtime_ser.training.degrade import (
    add_coloured_noise,
    add_noise,
    in_room,
    load_folder,
    make_up_room,
    parse_degradation,
    telephone,
)
from realtime_ser.training.evaluation import Decision, summarise
from realtime_ser.training.figures import save_confusion
from realtime_ser.training.index import (
    Clip,
    check_recordings,
    load_audio,
    of_corpora,
    read_index,
)
from realtime_ser.training.listening import Answers, ExampleLogits
from realtime_ser.training.loop import running_mean
from realtime_ser.training.metrics import (
    confusion_matrix,
    expected_calibration_error,
    recalls,
    reliability,
    risk_coverage,
    unweighted_average_recall,
)
from realtime_ser.training.protocols import NEUTRAL_SHARE, sessions
from realtime_ser.training.recipe import DataRecipe, Recipe, read_recipe
from realtime_ser.training.seen import warning_of_seen
from realtime_ser.training.splits import folds_of, held_out_of, split_clips
from tests.corpus import write_corpus
from tests.signals import rms_dbfs, silence, speech_like, tone

CLASSES = ("angry", "neutral", "sad")
SIX = ("angry", "disgust", "fear", "happy", "neutral", "sad")


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
        (
            b"path,corpus,speaker,emotion\nx,y,z,sad\n,y,z,sad\n",
            r"index\.csv: line 3: path is empty",
        ),
        (b"path,corpus,speaker,emotion\nx,y, ,sad\n", "line 2: speaker is empty"),
        (b"path,corpus,speaker,emotion\nx,y,z\n", "line 2: emotion is empty"),
        (b"path,corpus,speaker,emotion,votes_sad\nx,y,z,sad,many\n", "line 2: votes_sad = 'many'"),
        (b"path,corpus,speaker,emotion,votes_sad\nx,y,z,sad,nan\n", "line 2: votes_sad = 'nan'"),
        (b"path,corpus,speaker,emotion,votes_sad\nx,y,z,sad,-1\n", "line 2: votes_sad = '-1'"),
        (b"path,corpus,speaker,emotion\nx\0,y,z,sad\n", "line 2: path has a NUL character"),
        (b"path,corpus,speaker,emotion,path\nx,y,z,sad,x\n", "column 'path' is there twice"),
        (
            b"path,corpus,speaker,emotion\nx,y,z,sad\nw,y,z,sad\n./x,y,other,sad\n",
            r"line 4: \./x is in line 2 already; remove one",
        ),
    ],
)
def test_a_broken_index_is_said(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "index.csv"
    file.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_index(file)


def test_an_index_saved_by_a_spreadsheet_program_is_read(tmp_path: Path) -> None:
    file = tmp_path / "index.csv"
    file.write_text("path,corpus,speaker,emotion,,\nx.wav,y,z,sad,,\n", encoding="utf-8-sig")
    assert read_index(file) == [Clip(tmp_path / "x.wav", "y", "z", "sad", name="x.wav")]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda file: None, "no such file; check the path"),
        (Path.mkdir, "is a folder, not a recording"),
        (Path.touch, r"is empty \(0 bytes\)"),
    ],
)
def test_a_recording_that_is_none_is_said_before_anything_is_read(
    tmp_path: Path, make: Callable[[Path], None], words: str
) -> None:
    file, index = tmp_path / "x.wav", tmp_path / "index.csv"
    make(file)
    with pytest.raises(DataError, match=rf"index\.csv: .*x\.wav: {words}"):
        check_recordings([Clip(file, "made", "s0", "sad")], index)


def test_raw_audio_in_an_index_is_said(tmp_path: Path) -> None:
    file = tmp_path / "x.RAW"
    file.write_bytes(bytes(3200))
    with pytest.raises(DataError, match=r"x\.RAW: raw audio has no header; convert it"):
        check_recordings([Clip(file, "made", "s0", "sad")], tmp_path / "index.csv")


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (np.zeros(0, np.float32), "holds no audio"),
        (np.array([0.1, np.nan] * 100, np.float32), "holds NaN"),
        (np.array([0.1, -np.inf] * 100, np.float32), "holds .* infinite"),
        (np.array([0.1, 1e25] * 100, np.float32), "holds .* absurd samples"),
    ],
)
def test_audio_that_cannot_be_learned_from_is_said(
    tmp_path: Path, samples: np.ndarray, words: str, rate: int
) -> None:
    file = tmp_path / "x.wav"
    sf.write(file, samples, rate, subtype="FLOAT")
    with pytest.raises(DataError, match=rf"x\.wav: {words}"):
        load_audio(file)


@pytest.mark.parametrize("rate", [1, 100, 500_000])
def test_an_absurd_sample_rate_is_said(tmp_path: Path, rate: int) -> None:
    file = tmp_path / "x.wav"
    sf.write(file, tone(0.1), rate)
    with pytest.raises(DataError, match=rf"x\.wav: has a sample rate of {rate} Hz, supported are"):
        load_audio(file)


def test_a_recording_that_was_cut_off_is_said(tmp_path: Path) -> None:
    file = tmp_path / "x.wav"
    sf.write(file, tone(1.0), 16_000)
    file.write_bytes(file.read_bytes()[:16_000])
    with pytest.raises(DataError, match=r"x\.wav: is cut off \(50% of the audio"):
        load_audio(file)


def test_a_long_recording_of_several_channels_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "x.wav"
    left, right = tone(25.0, 300.0), tone(25.0, 500.0)
    sf.write(file, np.stack([left, right], axis=1), 16_000, subtype="FLOAT")
    np.testing.assert_allclose(load_audio(file), 0.5 * (left + right), atol=1e-6)


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


def test_scales_are_scored_alone_and_together() -> None:
    said = {
        "angry": [[0.9, 0.05, 0.05], [0.2, 0.7, 0.1]],
        "neutral": [[0.1, 0.5, 0.4], [0.1, 0.2, 0.7]],
        "sad": [[0.1, 0.2, 0.7], [0.1, 0.2, 0.7]],
    }
    decisions = [
        dataclasses.replace(decision(name, [0.2, 0.3, 0.5]), scales=np.array(scales, np.float32))
        for name, scales in said.items()
    ]
    scales = summarise([*decisions, decision("sad", None)], CLASSES)["scales"]
    assert scales["single"] == pytest.approx([2.5 / 3, 0.5 / 3])
    assert scales["equal"] == pytest.approx((1.0 + 0.0 + 0.5) / 3)
    assert scales["learned"] == pytest.approx((0.0 + 0.0 + 0.5) / 3)


def test_the_diagonal_of_the_normalised_confusion_is_the_recall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, Figure] = {}
    monkeypatch.setattr(Figure, "savefig", lambda self, file, **_: drawn.update({file.name: self}))
    truth, decided = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 1, -1, 1, -1])
    counts, support = confusion_matrix(truth, decided, 3), np.array([4, 2, 0])
    save_confusion(counts, support, CLASSES, tmp_path)
    assert sorted(drawn) == ["confusion_counts.png", "confusion_normalised.png"]
    axes = drawn["confusion_normalised.png"].axes[0]
    shown = np.asarray(axes.images[0].get_array())
    assert np.diag(shown).tolist() == np.nan_to_num(recalls(truth, decided, 3)).tolist()
    assert axes.get_title() == "2 of 6 clips got no answer"


def test_risk_falls_as_less_is_shown() -> None:
    confidence = np.array([0.95, 0.85, 0.65, 0.45, 0.35])
    right = np.array([1.0, 1.0, 0.0, 1.0, 0.0])
    curve = {p["threshold"]: (p["coverage"], p["risk"]) for p in risk_coverage(confidence, right)}
    assert curve[0.0] == pytest.approx((1.0, 0.4))
    assert curve[0.4] == pytest.approx((0.8, 0.25))
    assert curve[0.7] == pytest.approx((0.4, 0.0))
    assert max(curve) == 0.9


def test_reliability_sets_confidence_beside_accuracy() -> None:
    found = reliability(np.array([0.92, 0.94, 0.5]), np.array([1.0, 0.0, 1.0]), bins=10)
    assert found == [
        {"confidence": 0.5, "accuracy": 1.0, "n": 1},
        {"confidence": pytest.approx(0.93), "accuracy": 0.5, "n": 2},
    ]


# what a model has seen


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


# offline


@pytest.mark.parametrize(
    ("seconds", "read_before"),
    [
        # The recording that no longer fits is read, and waits for the next group.
        ([2.0, 2.0, 2.0, 2.0], [3, 3, 4, 4]),
        ([9.0, 1.0, 1.0, 1.0], [2, 4, 4, 4]),
        ([1.0, 9.0, 1.0, 1.0], [2, 3, 4, 4]),
    ],
)
def test_few_recordings_are_in_memory_where_they_are_long(
    monkeypatch: pytest.MonkeyPatch, seconds: list[float], read_before: list[int]
) -> None:
    fake = ConstantRecognizer(CLASSES, probabilities=[0.7, 0.2, 0.1])
    make = pipeline_factory(Config(), fake)
    whole = [Recording(str(i), speech_like(s, seed=i)) for i, s in enumerate(seconds)]
    read: list[str] = []

    def recordings() -> Iterator[Recording]:
        for recording in whole:
            read.append(recording.name)
            yield recording

    def pipeline(name: str):  # type: ignore[no-untyped-def]
        return make(name, 0, datetime(2025, 1, 1, tzinfo=UTC))

    together = list(run_offline(whole, fake, pipeline))
    monkeypatch.setattr(offline, "SAMPLES_AT_ONCE", 5 * 16_000)
    counts, found = [], []
    for result in run_offline(recordings(), fake, pipeline):
        counts.append(len(read))
        found.append(result)
    assert counts == read_before
    assert [(r.name, rows) for r, rows in found] == [(r.name, rows) for r, rows in together]


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


def test_a_made_up_room_dies_away_and_differs_from_the_next() -> None:
    rng = np.random.default_rng(0)
    one, other = make_up_room(rng), make_up_room(rng)
    assert len(one) != len(other)
    assert one[0] == 1.0
    start, end = (float(np.mean(np.square(part))) for part in (one[1:400], one[-400:]))
    assert 10.0 * np.log10(start / end) > 40.0
    spectra = [np.abs(np.fft.rfft(part)) for part in (one[400:1600], one[-1600:-400])]
    treble = [np.mean(np.square(s[300:])) / np.mean(np.square(s[10:100])) for s in spectra]
    assert treble[1] < treble[0]  # high frequencies die away first
    speech = speech_like(1.0)
    wet = parse_degradation("room")(speech, np.random.default_rng(0))
    assert wet.shape == speech.shape
    assert not np.allclose(wet, speech, atol=0.01)


def test_a_made_up_microphone_colours_but_keeps_time_and_level() -> None:
    speech = speech_like(1.0)
    through = parse_degradation("microphone")
    one, other = (through(speech, np.random.default_rng(seed)) for seed in (0, 1))
    for heard in (one, other):
        assert heard.shape == speech.shape
        assert rms_dbfs(heard) == pytest.approx(rms_dbfs(speech), abs=0.01)
        assert np.argmax(np.correlate(heard, speech, "same")) == len(speech) // 2
    spectra = [np.abs(np.fft.rfft(x)) for x in (one, other)]
    bands = [np.array([np.mean(np.square(s[i : i + 500])) for i in (100, 2000)]) for s in spectra]
    ratios = [10.0 * np.log10(low / high) for low, high in bands]
    assert abs(ratios[0] - ratios[1]) > 1.0


@pytest.mark.parametrize(
    "spec",
    [
        "cave",
        "noise",
        "noise:loud",
        "noise:nan",
        "noise:-inf",
        "noise:1e9",
        "telephone:2",
        "microphone:1",
        "room:",
    ],
)
def test_an_unknown_condition_is_said(spec: str) -> None:
    with pytest.raises(ConfigError, match=f"--degrade {spec}: "):
        parse_degradation(spec)


@pytest.mark.parametrize("spec", ["noise:10:FOLDER", "room:FOLDER"])
def test_a_silent_recording_is_no_condition(tmp_path: Path, spec: str) -> None:
    sf.write(tmp_path / "loud.wav", tone(0.5), 16_000)
    assert parse_degradation(spec.replace("FOLDER", str(tmp_path)))
    sf.write(tmp_path / "quiet.wav", silence(0.5), 16_000)
    with pytest.raises(DataError, match=r"--degrade .*quiet\.wav: is silent; remove it"):
        parse_degradation(spec.replace("FOLDER", str(tmp_path)))


@pytest.mark.parametrize("spec", ["noise:10:FOLDER", "room:FOLDER"])
def test_a_folder_of_no_recordings_is_said(tmp_path: Path, spec: str) -> None:
    here, gone = (spec.replace("FOLDER", str(tmp_path / name)) for name in (".", "gone"))
    with pytest.raises(DataError, match=r"--degrade .*: no recordings there; name a folder"):
        parse_degradation(here)
    with pytest.raises(DataError, match=r"--degrade .*gone: no such folder; check the path"):
        parse_degradation(gone)


def test_a_pattern_names_some_of_the_recordings(tmp_path: Path) -> None:
    for kind in ("rain", "wind"):
        (tmp_path / kind).mkdir()
        for number, seconds in enumerate((0.1, 0.2, 0.3), start=1):
            sf.write(tmp_path / kind / f"{number}-x.wav", tone(seconds), 16_000)
    (tmp_path / "rain" / "1-notes.txt").write_text("no recording")
    found = load_folder(tmp_path / "*" / "1-*")
    assert [len(samples) for samples in found] == [1_600, 1_600]
    assert len(load_folder(tmp_path)) == 6
    assert len(load_folder(tmp_path / "**" / "*.wav")) == 6


@pytest.mark.parametrize("snr_db", [0.0, 10.0])
def test_made_up_noise_comes_at_its_ratio(snr_db: float) -> None:
    speech = speech_like(2.0)
    for seed in range(5):
        noisy = add_coloured_noise(speech, snr_db, np.random.default_rng(seed))
        assert noisy.shape == speech.shape
        assert rms_dbfs(speech) - rms_dbfs(noisy - speech) == pytest.approx(snr_db, abs=0.1)


def test_made_up_noise_is_between_white_and_brown() -> None:
    speech, slopes = tone(4.0, dbfs=-20.0), []
    frequency = np.fft.rfftfreq(len(speech), 1.0 / 16_000)
    band = (frequency > 100.0) & (frequency < 7000.0)
    for seed in range(20):
        noise = add_coloured_noise(speech, 0.0, np.random.default_rng(seed)) - speech
        power = np.square(np.abs(np.fft.rfft(noise)))[band]
        slopes.append(-np.polyfit(np.log(frequency[band]), np.log(power), 1)[0])
    # Power falls with the frequency to the power of 0 (white) to 2 (brown).
    assert min(slopes) > -0.05
    assert max(slopes) < 2.05
    assert max(slopes) - min(slopes) > 1.0


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


def test_known_speakers_are_calibrated_for_calls_as_well() -> None:
    """Neutral clips are told more surely; more of them make for more confidence."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(700) % 7 % 6  # two of seven are angry, class 0
    right = (labels == SIX.index("neutral")) | (torch.rand(700, generator=generator) < 0.5)
    said = torch.where(right, labels, (labels + 1) % 6)
    logits = 4.0 * torch.nn.functional.one_hot(said, 6)[:, None, None].float()
    strangers, speakers = ([ExampleLogits(x, x, units) for x in logits] for units in (0.0, 100.0))
    answers = [Answers(strangers, speakers, labels)]
    fusion = calibrate(answers, SIX)
    assert fusion.utterance_known.temperature < 0.9 * fusion.utterance.temperature
    assert fusion.window_known.temperature < 0.9 * fusion.window.temperature
    alike = torch.softmax(torch.tensor([4.0] + [0.0] * 5) / fusion.utterance.temperature, dim=0)
    assert threshold(answers, fusion) == pytest.approx(float(alike[0]), abs=1e-3)


def test_a_running_mean_of_weights_forgets_its_beginning() -> None:
    layer = torch.nn.Linear(1, 1)
    averaged = AveragedModel(layer, avg_fn=running_mean(0.99))
    for value in [100.0] * 3 + [1.0] * 600:
        torch.nn.init.constant_(layer.bias, value)
        averaged.update_parameters(layer)
    torch.nn.init.constant_(layer.bias, 2.0)
    averaged.update_parameters(layer)
    assert averaged.module.bias.item() == pytest.approx(1.01, abs=0.01)


# recipe


def test_the_shipped_recipes_can_be_read() -> None:
    folder = Path(__file__).parents[2] / "configs" / "train"
    for file in folder.glob("*.toml"):
        assert read_recipe(file).classes


def test_the_research_recipe_is_the_default_one_on_more_recordings() -> None:
    folder = Path(__file__).parents[2] / "configs" / "train"
    default, research = (
        read_recipe(folder / f"{name}.toml") for name in ("multiscale_lstm", "research")
    )
    data = dataclasses.replace(research.data, corpora=default.data.corpora)
    same = {"name": default.name, "classes": default.classes, "data": data}
    assert dataclasses.replace(research, **same) == default
    assert set(research.data.corpora) > set(default.data.corpora)
    assert set(research.classes) - set(default.classes) == {"surprise"}


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


WHOLE = """
name = "x"
network = "multiscale_lstm"
classes = ["angry", "sad"]
[data]
index = "index.csv"
corpora = ["made"]
fold_corpus = "made"
folds = ["1"]
"""


def changed_recipe(folder: Path, table: str, line: str) -> Path:
    """The whole recipe, with a line put in the place of its key, or into a table."""
    key = line.partition(" =")[0]
    lines = [old for old in WHOLE.splitlines() if not old.startswith(f"{key} =")]
    header = f"[{table}]"
    if header not in lines and table:
        lines.append(header)
    lines.insert(lines.index(header) + 1 if table else 0, line)
    file = folder / "recipe.toml"
    file.write_text("\n".join(lines))
    return file


@pytest.mark.parametrize(
    ("table", "line", "words"),
    [
        ("", 'name = ["x"]', "name = .* is not a text"),
        ("", "seed = -1", "seed = -1 is outside 0 to"),
        ("", 'classes = "angry"', "classes = 'angry' is not a list"),
        ("", 'classes = ["angry"]', "classes must be two or more"),
        ("", 'classes = ["angry", "angry"]', "classes must be two or more"),
        ("", 'classes = ["angry", "hungry"]', "classes must be two or more"),
        ("", 'name = "../x"', "name = '../x' must be letters"),
        ("", 'file = "x"', "unknown key 'file'"),
        ("", "hyper = 3", r"\[hyper\] must be a table"),
        ("", "vad = 3", r"\[vad\] must be a table"),
        ("hyper", "n_classes = 3", r"hyper\.n_classes must be 2"),
        ("data", "folds = [1]", r"\[data\]: folds = 1 is not a text"),
        ("data", 'folds = ["../../esc"]', r"data\.folds = '\.\./\.\./esc' must be letters"),
        ("data", 'folds = ["a/b"]', r"data\.folds = 'a/b' must be letters"),
        ("data", 'corpora = ["other"]', "data.fold_corpus = 'made' is not one of data.corpora"),
        ("data", "validation_speakers = 0", "validation_speakers = 0 is outside"),
        ("data", 'validation_speakers = "6"', "validation_speakers = '6' is not a whole number"),
        ("vad", 'backend = "ear"', r"\[vad\]: backend = 'ear' is not one of"),
        ("vad", "threshold = 2", r"vad\.threshold = 2\.0 is outside"),
        ("segments", "max_segment = 0", r"segments\.max_segment = 0\.0 is outside"),
        ("features", "n_mels = -1", r"features\.n_mels = -1 is outside"),
        ("features", "hop = 401", r"features\.hop = 401 is outside 1 to 400"),
        ("features", "f_max = 9000", r"features\.f_max = 9000\.0 is outside"),
        ("features", "sample_rate = 8000", r"features\.sample_rate = 8000 is outside"),
        ("optimizer", "epochs = 0", "epochs = 0 is outside"),
        ("optimizer", "epochs = 1.5", "epochs = 1.5 is not a whole number"),
        ("optimizer", "batch_size = 0", "batch_size = 0 is outside"),
        ("optimizer", "learning_rate = 0", "learning_rate = 0.0 is outside"),
        ("optimizer", "learning_rate = nan", "learning_rate = nan is outside"),
        ("optimizer", "warm_up = 1.5", "warm_up = 1.5 is outside"),
        ("optimizer", "votes = 1.5", "votes = 1.5 is outside"),
        ("augment", "speeds = 1.0", "speeds = 1.0 is not a list"),
        ("augment", "speeds = [0.9]", "speeds must contain 1.0"),
        ("augment", "speeds = [0, 1.0]", "speeds = 0.0 is outside"),
        ("augment", "noise_snr_db = [5]", "noise_snr_db must be two numbers"),
        ("augment", "noise_snr_db = [20, 5]", "noise_snr_db must be two numbers"),
        ("augment", "crop_units = 0", "crop_units = 0 is outside"),
        ("augment", "mel_masks = -1", "mel_masks = -1 is outside"),
        ("augment", "mel_mask_bands = 65", "mel_mask_bands = 65 is outside 1 to 64"),
        ("augment", "time_mask_frames = 0", "time_mask_frames = 0 is outside"),
    ],
)
def test_a_value_that_no_training_could_use_is_said(
    tmp_path: Path, table: str, line: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=rf"recipe\.toml: .*{words}"):
        read_recipe(changed_recipe(tmp_path, table, line))


def test_a_recipe_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"no\.toml: cannot be read \(No such file.*check the path"
    ):
        read_recipe(tmp_path / "no.toml")


def test_a_recipe_is_called_by_its_file_which_decides_nothing(tmp_path: Path) -> None:
    file = changed_recipe(tmp_path, "", "seed = 3")
    read = read_recipe(file)
    unnamed = dataclasses.replace(read, file="")
    assert (read.label, unnamed.label) == (str(file), "recipe x")
    assert read == unnamed
    assert read.sha256 == unnamed.sha256


def test_whole_numbers_are_fine_as_floats_and_sizes_follow_from_the_recipe(tmp_path: Path) -> None:
    read = read_recipe(changed_recipe(tmp_path, "augment", "speeds = [1]"))
    assert read.augment.speeds == (1.0,)
    assert isinstance(read.augment.speeds[0], float)
    assert read.parameters == {"n_classes": 2, "n_mels": 64}


# checkpoints


def made_recipe(seed: int = 0) -> Recipe:
    return Recipe("x", "multiscale_lstm", ("angry", "sad"), recipe(), seed)


def test_a_digest_tells_recipes_and_splits_apart_but_not_folders() -> None:
    one, other = clip("angry"), clip("sad")
    moved = Clip(Path("elsewhere") / one.path, "made", "a", "angry")
    digest = checkpoint.digest_of(made_recipe(), [one], [other])
    assert checkpoint.digest_of(made_recipe(), [moved], [other]) == digest
    others = {
        checkpoint.digest_of(made_recipe(seed=1), [one], [other]),
        checkpoint.digest_of(made_recipe(), [other], [one]),
        checkpoint.digest_of(made_recipe(), [one, other], []),
    }
    assert len(others | {digest}) == 4
    elsewhere = dataclasses.replace(recipe(), index="elsewhere/index.csv")
    other_index = dataclasses.replace(made_recipe(), data=elsewhere)
    assert checkpoint.digest_of(other_index, [one], [other]) == digest


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_a_damaged_checkpoint_is_said(tmp_path: Path, content: bytes | None) -> None:
    cpu = torch.device("cpu")
    assert checkpoint.read(tmp_path, "d", cpu) is None
    checkpoint.write(tmp_path, {"digest": "d", "weights": torch.zeros(1000)})
    stored = checkpoint.read(tmp_path, "d", cpu)
    assert stored is not None
    assert len(stored["weights"]) == 1000
    file = tmp_path / checkpoint.FILE
    file.write_bytes(file.read_bytes()[:2000] if content is None else content)
    with pytest.raises(ConfigError, match=r"holds a damaged checkpoint; remove .*\.pt") as error:
        checkpoint.read(tmp_path, "d", cpu)
    assert "\n" not in str(error.value)


def test_the_generator_of_a_gpu_goes_on_too(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu, rng = torch.device("cuda"), np.random.default_rng(0)
    state = {gpu: torch.arange(16, dtype=torch.uint8)}
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: state[device].clone())
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda s, device: state.update({device: s}))
    states = checkpoint.random_states(rng, gpu)
    drawn = rng.random(), torch.rand(1).item()
    state[gpu] = torch.zeros(16, dtype=torch.uint8)
    checkpoint.restore_random_states(states, rng, gpu)
    assert state[gpu].tolist() == list(range(16))
    assert (rng.random(), torch.rand(1).item()) == drawn
    assert "cuda" not in checkpoint.random_states(rng, torch.device("cpu"))
