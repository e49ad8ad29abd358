from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from realtime_ser.errors import DataError
from realtime_ser.training.index import (
    Clip,
    check_recordings,
    load_audio,
    of_corpora,
    read_index,
)
from tests.corpus import clip, write_corpus
from tests.signals import tone


def test_an_index_is_read(tmp_path: Path) -> None:
    clips = read_index(write_corpus(tmp_path, speakers=2, takes=1))
    assert len(clips) == 6
    assert clips[0].person == ("made", "s0")
    assert clips[0].votes == {"angry": 3.0}
    assert clips[1].votes is None
    assert clips[0].path.exists()


def test_blanks_and_capitals_of_labels_do_not_count(tmp_path: Path) -> None:
    index = tmp_path / "index.csv"
    index.write_text(
        "path,corpus,speaker,emotion,votes_Angry \nx.wav,made, s1 ,Angry,2\ny.wav,made,s1, SAD,1\n"
    )
    first, second = read_index(index)
    assert (first.emotion, second.emotion) == ("angry", "sad")
    assert first.person == second.person
    assert first.votes == {"angry": 2.0}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"path,corpus\nx,y\n", "column 'speaker' is missing"),
        (b"path,corpus,speaker,emotion\n", "has no rows"),
        (b"path,corpus,speaker,emotion,votes_sad,votes_Sad\n", "'votes_sad' is there twice"),
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
