from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from realtime_ser.errors import ConfigError, DataError
from realtime_ser.training.degrade import (
    add_coloured_noise,
    add_noise,
    in_made_up_room,
    in_room,
    make_up_room,
    parse_degradation,
    telephone,
)
from realtime_ser.training.sounds import load_folder, noise_of
from realtime_ser.types import AudioArray
from tests.signals import rms_dbfs, silence, speech_like, tone, white_noise


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


def test_a_pause_between_two_barks_is_no_noise() -> None:
    barks = np.zeros(160_000, np.float32)
    barks[:] = 1e-7  # what a codec leaves of silence
    for start in (0, 80_000):
        barks[start : start + 16_000] = white_noise(1.0)
    speech = speech_like(0.2)
    for seed in range(20):
        heard = add_noise(speech, 0.0, [barks], np.random.default_rng(seed)) - speech
        assert np.std(np.abs(heard)) > 0.1 * rms_amplitude(heard)


def rms_amplitude(samples: AudioArray) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


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
    assert rms_dbfs(wet) == pytest.approx(rms_dbfs(speech), abs=0.01)
    assert not np.allclose(wet, speech, atol=0.01)


def test_a_made_up_room_is_as_reverberant_as_it_says() -> None:
    for seed in range(50):
        room = make_up_room(np.random.default_rng(seed)).astype(float)
        assert np.argmax(np.abs(room)) == 0
        assert -6.1 < -10.0 * np.log10(np.sum(np.square(room[1:]))) < 6.1
        early = np.sort(np.abs(room[1:640]))[::-1]
        assert early[0] > 3.0 * np.median(early)  # single reflections


def test_a_made_up_room_is_heard_by_a_microphone() -> None:
    """The direct sound alone would be flat."""
    click = np.zeros(16_000, np.float32)
    click[8_000] = 1.0
    rng = np.random.default_rng(3)
    heard = in_made_up_room(click, rng)
    dry = in_room(click, make_up_room(np.random.default_rng(3)))
    ratio = [10.0 * np.log10(_power(heard, f) / _power(dry, f)) for f in (200, 1_000, 4_000)]
    assert max(ratio) - min(ratio) > 3.0


def _power(samples: AudioArray, hertz: int) -> float:
    """In an octave of one second."""
    spectrum = np.square(np.abs(np.fft.rfft(samples)))
    return float(spectrum[hertz : 2 * hertz].mean())


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


@pytest.mark.parametrize("place", ["", "indoors", "indoors/kitchen"])
def test_noise_of_a_fold_is_found_wherever_it_lies(tmp_path: Path, place: str) -> None:
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    for fold, seconds in (("1", 1.0), ("2", 2.0)):
        sf.write(tmp_path / place / f"{fold}-hum.wav", white_noise(seconds), 16_000)
    assert [len(x) for x in load_folder(noise_of(tmp_path, "2"))] == [32_000]
    with pytest.raises(DataError, match=r"has no recording named 3-\.\.\."):
        noise_of(tmp_path, "3")
    sf.write(tmp_path / "hum.WAV", white_noise(0.5), 16_000)
    assert noise_of(tmp_path, "3") == tmp_path  # names do not tell folds
