"""What is wrong with a level is told in time, and nothing where all is well."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from realtime_ser.capture.resample import StreamResampler
from realtime_ser.signal_watch import FRAME, LOUD_DBFS, QUIET_DBFS, SignalWatch, Trouble
from realtime_ser.types import SAMPLE_RATE, AudioArray
from tests.signals import pink_noise, silence, speech_like, tone, white_noise

BLOCK = 512
RATE = 48_000
LAST_BIT = 1.0 / 32768.0
ROOM_DBFS = -85.0
"""A microphone's own noise."""
SHARED = Path(__file__).resolve().parents[3] / "shared"
Told = list[tuple[float, Trouble | None]]
"""Seconds at which what was told changed, and to what."""


def told(samples: AudioArray, *, speech: bool = True, live: bool = True, size: int = BLOCK) -> Told:
    watch = SignalWatch(live=live)
    changes: Told = []
    before = None
    for start in range(0, len(samples), size):
        block = samples[start : start + size]
        watch.push(block, speech=speech)
        if watch.trouble != before:
            changes.append(((start + len(block)) / SAMPLE_RATE, watch.trouble))
        before = watch.trouble
    return changes


def resampled(samples: AudioArray, rate: int) -> AudioArray:
    resampler = StreamResampler(rate, 1)
    return np.concatenate([resampler.process(samples[:, None]), resampler.flush()])[:, 0]


def with_peak(samples: AudioArray, dbfs: float) -> AudioArray:
    return (samples * (10 ** (dbfs / 20) / np.abs(samples).max())).astype(np.float32)


def captured(samples: AudioArray) -> AudioArray:
    """Cut off at full scale and rounded to 16 bits."""
    steps = np.clip(np.round(samples * 32768.0), -32768, 32767)
    return (steps / 32768.0).astype(np.float32)


def clipped(samples: AudioArray, share: float) -> AudioArray:
    """Driven so far that this share of the samples is cut off."""
    limit = np.quantile(np.abs(samples), 1.0 - share)
    return captured(samples / limit)


# muted


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("offset", [0.0, 0.02])
def test_zeros_and_the_noise_of_the_last_bit_are_silence(rate: int, offset: float) -> None:
    rng = np.random.default_rng(0)
    dead = rng.integers(-1, 2, 3 * rate) * LAST_BIT + offset
    for silent in (np.full(3 * rate, offset), dead):
        heard = resampled(silent.astype(np.float32), rate)  # an offset begins and ends with a step
        heard = heard[SAMPLE_RATE // 2 : -SAMPLE_RATE // 2]
        ((at, trouble),) = told(heard, speech=False)
        assert trouble == "muted"
        assert 1.0 <= at < 1.2


@pytest.mark.parametrize("rate", [16_000, 48_000])
@pytest.mark.parametrize("dbfs", [-90.0, -85.0, -70.0])
def test_the_noise_of_a_quiet_room_is_not(rate: int, dbfs: float) -> None:
    noise = captured(white_noise(20.0, dbfs=dbfs, sample_rate=rate))
    assert told(resampled(noise, rate), speech=False) == []


@pytest.mark.parametrize("back", [speech_like(0.5), white_noise(0.5, dbfs=-80.0)])
def test_sound_that_comes_back_is_told_at_once(back: AudioArray) -> None:
    before = captured(white_noise(1.5, dbfs=-75.0))
    (muted, _), (fine, trouble) = told(np.concatenate([before, silence(4.0), back]), speech=False)
    assert 2.5 <= muted < 2.7
    assert trouble is None
    assert 5.5 <= fine < 5.75


def test_a_second_is_needed() -> None:
    pauses = [np.concatenate([tone(0.3), silence(0.9)]) for _ in range(5)]
    assert told(np.concatenate(pauses), speech=False) == []


def test_silence_in_a_recording_is_nothing_to_mend() -> None:
    assert told(silence(5.0), speech=False, live=False) == []


# clipping


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
def test_clipped_speech_is_told_within_two_seconds(rate: int, share: float) -> None:
    speech = clipped(speech_like(6.0, sample_rate=rate, seed=3), share)
    began = int(np.argmax(np.abs(speech) >= 0.999)) / rate
    changes = told(resampled(speech, rate))
    assert [trouble for _, trouble in changes] == ["clipping"]
    assert changes[0][0] - began < 2.0


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("seed", range(3))
def test_loud_speech_below_full_scale_is_not(rate: int, seed: int) -> None:
    speech = with_peak(speech_like(6.0, sample_rate=rate, seed=seed), -1.0)
    assert told(resampled(captured(speech), rate)) == []


def test_a_tone_and_noise_as_loud_as_can_be_without_clipping_are_not() -> None:
    for loud in (tone(4.0, 100.0), pink_noise(4.0)):
        assert told(captured(with_peak(loud, -1.0)), speech=False) == []


def test_it_is_over_after_two_seconds_without() -> None:
    loud = clipped(speech_like(3.0), 0.05)
    fine = with_peak(speech_like(5.0, seed=1), -6.0)
    (_, first), (at, second) = told(np.concatenate([loud, fine]))
    assert (first, second) == ("clipping", None)
    assert 4.7 < at <= 5.2


@pytest.mark.parametrize("at", [1.8, 1.85, 1.875, 1.93])
def test_one_bang_is_no_fault_of_the_setting(at: float) -> None:
    room = white_noise(4.0, dbfs=-60.0)
    room[round(at * SAMPLE_RATE) :][: SAMPLE_RATE // 10] = 1.0
    assert told(room, speech=False) == []


def test_g711_at_its_limit_is_full_scale() -> None:
    limited = np.clip(clipped(speech_like(3.0), 0.05), -0.98, 0.98)
    assert [trouble for _, trouble in told(limited)] == ["clipping"]


# too quiet


@pytest.mark.parametrize("dbfs", [-58.0, -65.0, -75.0])
def test_faint_speech_is_told_within_two_seconds(dbfs: float) -> None:
    ((at, trouble),) = told(captured(speech_like(5.0, dbfs=dbfs)))
    assert trouble == "too quiet"
    assert at < 1.5


@pytest.mark.parametrize("dbfs", [-52.0, -40.0, -20.0])
def test_speech_that_is_heard_well_is_not(dbfs: float) -> None:
    assert told(captured(speech_like(5.0, dbfs=dbfs))) == []


def test_a_faint_sound_that_is_no_speech_is_not() -> None:
    assert told(captured(pink_noise(10.0, dbfs=-75.0)), speech=False) == []


def test_a_voice_may_drop_for_a_moment() -> None:
    loud, faint = speech_like(3.0, dbfs=-30.0), speech_like(8.0, dbfs=-60.0)
    assert told(np.concatenate([loud, faint[: 3 * SAMPLE_RATE // 2], loud])) == []
    ((at, trouble),) = told(np.concatenate([loud, faint]))
    assert trouble == "too quiet"
    assert 4.9 < at < 5.5


def test_it_is_over_when_speech_is_three_db_above_the_limit() -> None:
    faint = speech_like(3.0, dbfs=-65.0)
    for dbfs, over in ((QUIET_DBFS + 1.5, False), (LOUD_DBFS + 2.0, True)):
        changes = told(np.concatenate([faint, speech_like(4.0, dbfs=dbfs, seed=1)]))
        assert [trouble for _, trouble in changes] == ["too quiet", None][: 1 + over]
    assert 3.5 < changes[-1][0] < 4.5


def test_after_a_pause_nothing_is_known_of_how_loud_somebody_speaks() -> None:
    watch = SignalWatch(live=True)
    watch.push(speech_like(3.0, dbfs=-30.0), speech=True)
    watch.push(white_noise(6.0, dbfs=ROOM_DBFS), speech=False)
    watch.push(speech_like(1.2, dbfs=-62.0), speech=True)
    assert watch.trouble == "too quiet"


# words, blocks, gaps


def test_words_say_what_it_is_and_what_to_do() -> None:
    watch = SignalWatch(live=True)
    assert (watch.trouble, watch.words) == (None, None)
    watch.push(captured(speech_like(2.0, dbfs=-62.0)), speech=True)
    found = re.fullmatch(
        r"too quiet: speech is at (-\d+) dBFS; turn the microphone up or move closer",
        watch.words or "",
    )
    assert found is not None
    assert float(found[1]) == pytest.approx(-62.0, abs=2.0)
    watch.push(silence(1.2), speech=False)
    assert watch.words == "muted: the microphone delivers silence; unmute it"
    watch.push(clipped(speech_like(2.0), 0.1), speech=True)
    assert watch.words == "clips: turn the microphone down or move away from it"


def test_of_a_recording_words_say_what_was_done() -> None:
    watch = SignalWatch(live=False)
    watch.push(clipped(speech_like(2.0), 0.1), speech=True)
    assert watch.words == "clips: was recorded too loud, and its peaks are cut off"
    watch = SignalWatch(live=False)
    watch.push(speech_like(2.0, dbfs=-70.0), speech=True)
    assert watch.words is not None
    assert watch.words.startswith("too quiet: speech was recorded at -")


@pytest.mark.parametrize("size", [100, 511, FRAME, 8000, 10**6])
def test_how_audio_is_cut_makes_no_difference(size: int) -> None:
    audio = np.concatenate(
        [clipped(speech_like(2.0), 0.05), silence(1.55), speech_like(3.0, dbfs=-62.0)]
    )
    watch, expected = SignalWatch(live=True), SignalWatch(live=True)
    for begin, end in pairwise(round(second * SAMPLE_RATE) for second in (0.0, 2.0, 3.5, 6.5)):
        for start in range(begin, end, size):
            watch.push(audio[start : min(end, start + size)], speech=True)
        expected.push(audio[begin:end], speech=True)
        assert watch.words == expected.words
        assert watch.words is not None


def test_a_gap_mends_nothing() -> None:
    watch = SignalWatch(live=True)
    watch.push(silence(1.0), speech=False)
    watch.interrupt()
    assert watch.trouble == "muted"
    watch.push(white_noise(0.1, dbfs=-60.0), speech=False)
    assert watch.trouble is None


def test_what_was_left_over_before_a_gap_does_not_reach_into_what_follows() -> None:
    watch = SignalWatch(live=True)
    watch.push(white_noise(0.09), speech=False)
    watch.interrupt()
    watch.push(silence(1.0), speech=False)
    assert watch.trouble == "muted"


# recordings


@pytest.mark.shared
@pytest.mark.parametrize("speaker", ["1001", "1002", "1003"])
def test_an_actor_is_heard_well_cut_off_and_too_faint(speaker: str) -> None:
    if not SHARED.is_dir():
        pytest.skip("needs the recordings in ../shared")
    soundfile = pytest.importorskip("soundfile")
    soxr = pytest.importorskip("soxr")
    clips = sorted((SHARED / "corpora" / "crema-d").glob(f"{speaker}_*_NEU_XX.opus"))[:4]
    audio = np.concatenate([soundfile.read(clip, dtype="float32")[0] for clip in clips])
    speech = soxr.resample(audio, SAMPLE_RATE, RATE)
    rng = np.random.default_rng(0)

    def heard(peak_dbfs: float) -> list[Trouble | None]:
        noise = rng.standard_normal(len(speech)) * 10 ** (ROOM_DBFS / 20)
        sound = captured(with_peak(speech, peak_dbfs) + noise)
        return [trouble for _, trouble in told(resampled(sound, RATE))]

    assert heard(-1.0) == []
    for over in (6.0, 12.0, 20.0):
        assert heard(over)[0] == "clipping"
    assert heard(-50.0)[0] == "too quiet"


@pytest.mark.shared
@pytest.mark.parametrize("kind", ["rain", "dog_bark", "clock_tick", "sea_waves"])
@pytest.mark.parametrize("peak_dbfs", [-1.0, -40.0])
def test_recorded_noise_is_no_trouble(kind: str, peak_dbfs: float) -> None:
    if not SHARED.is_dir():
        pytest.skip("needs the recordings in ../shared")
    soundfile = pytest.importorskip("soundfile")
    for number, file in enumerate(sorted((SHARED / "background" / "noise" / kind).iterdir())[:8]):
        audio = with_peak(soundfile.read(file, dtype="float32")[0], peak_dbfs)
        own = white_noise(len(audio) / SAMPLE_RATE, dbfs=ROOM_DBFS, seed=number)
        assert told(captured(audio + own), speech=False) == [], file.name
