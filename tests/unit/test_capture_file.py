from __future__ import annotations

import os
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from realtime_ser.capture.file import FileSource
from realtime_ser.errors import SourceError
from realtime_ser.testing import ManualClock
from tests.signals import rms_dbfs, speech_like, strongest_hertz, tone, white_noise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from realtime_ser.types import CapturedBlock

FORMATS = [
    ("wav", "PCM_16", "WAV"),
    ("wav", "PCM_U8", "WAV"),
    ("wav", "PCM_24", "WAV"),
    ("wav", "FLOAT", "WAV"),
    ("wav", "DOUBLE", "WAVEX"),
    ("wav", "ULAW", "WAV"),
    ("wav", "ALAW", "WAV"),
    ("wav", "IMA_ADPCM", "WAV"),
    ("rf64", "PCM_16", "RF64"),
    ("w64", "PCM_16", "W64"),
    ("aiff", "PCM_16", "AIFF"),
    ("au", "PCM_16", "AU"),
    ("caf", "PCM_16", "CAF"),
    ("flac", "PCM_16", "FLAC"),
    ("ogg", "VORBIS", "OGG"),
    ("opus", "OPUS", "OGG"),
    ("mp3", "MPEG_LAYER_III", "MP3"),
]
"""Extension, subtype, format."""
TELL_THEIR_LENGTH = [f for f in FORMATS if f[1] != "IMA_ADPCM"]


def source(
    path: Path, *, paced: bool = False, clock: ManualClock | None = None, start: float = 0.0
) -> FileSource:
    return FileSource(
        path, paced=paced, clock=clock or ManualClock(), block_seconds=0.1, start=start
    )


def read_all(file: FileSource) -> list[CapturedBlock]:
    return list(iter_blocks(file))


def iter_blocks(file: FileSource) -> Iterator[CapturedBlock]:
    while True:
        try:
            block = file.read(1.0)
        except EOFError:
            return
        assert block is not None
        yield block


def refusal(path: Path) -> str:
    """The one line with which a file is refused, by ``open``, before anything is read."""
    file = source(path)
    with pytest.raises(SourceError) as error:
        file.open()
    file.close()
    text = str(error.value)
    assert "\n" not in text
    assert str(path)[:200] in text
    assert ";" in text  # what to do
    return text


@pytest.mark.parametrize(("extension", "subtype", "kind"), FORMATS)
def test_formats(tmp_path: Path, extension: str, subtype: str, kind: str) -> None:
    path = tmp_path / f"a call.{extension}"
    samples = np.stack([tone(1.0, 440, sample_rate=48_000)] * 2, axis=1)
    soundfile.write(path, samples, 48_000, subtype=subtype, format=kind)

    file = source(path)
    info = file.open()
    out = np.concatenate([b.samples for b in read_all(file)])
    file.close()

    assert (info.name, info.sample_rate, info.channels, info.live) == ("a call", 48_000, 2, False)
    assert info.duration == pytest.approx(1.0, abs=0.03)
    assert out.dtype == np.float32
    assert out.shape[1] == 2
    assert len(out) == pytest.approx(48_000, abs=1500)
    assert strongest_hertz(out[4800:-4800, 0], 48_000) == pytest.approx(440, abs=2)
    assert rms_dbfs(out[4800:-4800]) == pytest.approx(-20, abs=0.5)


@pytest.mark.parametrize(("extension", "subtype", "kind"), FORMATS)
def test_reading_in_blocks_gives_what_reading_at_once_gives(
    tmp_path: Path, extension: str, subtype: str, kind: str
) -> None:
    path = tmp_path / f"a.{extension}"
    soundfile.write(path, speech_like(2.0, sample_rate=48_000), 48_000, subtype, format=kind)
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)

    file = source(path)
    file.open()
    out = np.concatenate([b.samples for b in read_all(file)])
    file.close()

    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("rate", [4_000, 8_000, 192_000, 384_000])
def test_rates(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", tone(0.2, sample_rate=rate), rate)
    file = source(tmp_path / "a.wav")
    assert file.open().sample_rate == rate
    assert sum(len(b.samples) for b in read_all(file)) == round(0.2 * rate)
    file.close()


def test_64_channels_are_read_and_65_refused(tmp_path: Path) -> None:
    for channels in (64, 65, 200):
        soundfile.write(tmp_path / f"{channels}.wav", np.zeros((100, channels)), 8_000)
    file = source(tmp_path / "64.wav")
    assert file.open().channels == 64
    file.close()
    assert "65 channels, at most 64" in refusal(tmp_path / "65.wav")
    assert "200 channels" in refusal(tmp_path / "200.wav")


def test_one_sample_is_a_recording(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.5], np.float32), 16_000)
    file = source(tmp_path / "a.wav")
    file.open()
    blocks = read_all(file)
    file.close()
    assert [b.samples.tolist() for b in blocks] == [[[0.5]]]


def test_unpaced_blocks_carry_no_stamp_and_take_no_time(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(1.05), 16_000)
    clock = ManualClock(automatic=True)
    file = source(tmp_path / "a.wav", clock=clock)
    file.open()
    blocks = read_all(file)
    file.close()
    assert [len(b.samples) for b in blocks] == [1600] * 10 + [800]
    assert {b.captured for b in blocks} == {None}
    assert clock.monotonic() == 0


def test_paced_blocks_come_when_they_would_have_been_captured(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(0.25), 16_000)
    clock = ManualClock(100.0, automatic=True)
    file = source(tmp_path / "a.wav", paced=True, clock=clock)
    file.open()
    clock.advance(7)  # loading a model, say: the recording starts at the first read

    came = [(clock.monotonic(), block.captured) for block in iter_blocks(file)]
    file.close()

    assert [at for at, _ in came] == pytest.approx([107.1, 107.2, 107.25])
    assert [captured for _, captured in came] == pytest.approx([107.1, 107.2, 107.25])


def test_paced_read_keeps_its_timeout(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(0.25), 16_000)
    clock = ManualClock(automatic=True)
    file = source(tmp_path / "a.wav", paced=True, clock=clock)
    file.open()
    assert file.read(0.04) is None
    assert clock.monotonic() == pytest.approx(0.04)
    assert file.read(0.0) is None
    assert file.read(1.0) is not None
    assert clock.monotonic() == pytest.approx(0.1)
    file.close()


def test_paced_small_lateness_is_caught_up_a_pause_is_not(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(3.0), 16_000)
    clock = ManualClock(automatic=True)
    file = source(tmp_path / "a.wav", paced=True, clock=clock)
    file.open()

    def next_block() -> tuple[float, float | None]:
        block = file.read(1.0)
        assert block is not None
        return clock.monotonic(), block.captured

    assert next_block() == (pytest.approx(0.1), pytest.approx(0.1))
    clock.advance(0.3)  # 0.4: two blocks are overdue
    assert next_block() == (pytest.approx(0.4), pytest.approx(0.2))
    assert next_block() == (pytest.approx(0.4), pytest.approx(0.3))
    assert next_block() == (pytest.approx(0.4), pytest.approx(0.4))
    assert next_block() == (pytest.approx(0.5), pytest.approx(0.5))
    clock.advance(60)  # paused by the user
    assert next_block() == (pytest.approx(60.5), pytest.approx(60.5))
    assert next_block() == (pytest.approx(60.6), pytest.approx(60.6))
    file.close()


@pytest.mark.parametrize(("extension", "subtype", "kind"), FORMATS)
@pytest.mark.parametrize("start", [0.00002, 0.7137, 3.3])
def test_a_start_is_exact_to_the_sample(
    tmp_path: Path, extension: str, subtype: str, kind: str, start: float
) -> None:
    path = tmp_path / f"a.{extension}"
    signal = np.stack([speech_like(4.0, sample_rate=48_000), white_noise(4.0, sample_rate=48_000)])
    soundfile.write(path, signal.T, 48_000, subtype, format=kind)
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)

    file = source(path, start=start)
    assert file.open().duration == pytest.approx(4.0, abs=0.05)
    assert file.position == pytest.approx(start, abs=1e-4)
    out = read_all(file)
    file.close()

    skipped = round(start * 48_000)
    assert [block.lost for block in out] == [skipped] + [0] * (len(out) - 1)
    np.testing.assert_array_equal(np.concatenate([b.samples for b in out]), expected[skipped:])
    assert file.position == len(expected) / 48_000


def test_a_start_is_exact_where_decoding_takes_several_steps(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    signal = np.stack([white_noise(2.0, sample_rate=48_000)] * 64, axis=1)
    soundfile.write(path, signal, 48_000)
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    file = source(path, start=1.8)
    file.open()
    out = np.concatenate([b.samples for b in read_all(file)])
    file.close()
    np.testing.assert_array_equal(out, expected[86_400:])


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
@pytest.mark.parametrize("start", [0.95, 1.0, 60.0, float("inf")])
def test_a_start_at_or_behind_the_end_plays_the_last_block(
    tmp_path: Path, kind: str, start: float
) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    soundfile.write(path, tone(1.0), 16_000, format=kind)
    file = source(path, start=start)
    frames = round(16_000 * (file.open().duration or 0.0))
    blocks = read_all(file)
    file.close()
    assert [(b.lost, len(b.samples)) for b in blocks] == [(frames - 1600, 1600)]


def test_a_start_in_a_recording_shorter_than_a_block_is_its_beginning(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(0.05), 16_000)
    file = source(tmp_path / "a.wav", start=0.04)
    file.open()
    assert [(b.lost, len(b.samples)) for b in read_all(file)] == [(0, 800)]
    file.close()


@pytest.mark.parametrize("start", [-0.1, float("nan")])
def test_a_start_before_the_beginning_is_a_mistake(tmp_path: Path, start: float) -> None:
    with pytest.raises(ValueError, match="cannot be played from"):
        source(tmp_path / "a.wav", start=start)


@pytest.mark.parametrize("paced", [False, True])
def test_each_opening_begins_at_the_start(tmp_path: Path, paced: bool) -> None:
    soundfile.write(tmp_path / "a.wav", tone(1.0), 16_000)
    clock = ManualClock(automatic=True)
    file = source(tmp_path / "a.wav", start=0.8, paced=paced, clock=clock)
    for opening in (1, 2):
        file.open()
        assert [(b.lost, len(b.samples)) for b in read_all(file)] == [(12_800, 1600), (0, 1600)]
        assert clock.monotonic() == pytest.approx(0.2 * opening * paced)
    file.close()


def test_damage_before_the_start_is_an_error_that_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "a.ogg", white_noise(1.0), 16_000)
    soundfile.write(tmp_path / "a.flac", white_noise(1.0), 16_000)

    def fail(*args: object, **more: object) -> np.ndarray:
        raise soundfile.LibsndfileError(48)

    ogg, flac = source(tmp_path / "a.ogg", start=0.5), source(tmp_path / "a.flac", start=0.5)
    with monkeypatch.context() as patch:
        patch.setattr(soundfile.SoundFile, "read", fail)
        with pytest.raises(SourceError, match=r"a\.ogg: broken at 0\.0 s .*; repair"):
            ogg.open()
    with monkeypatch.context() as patch:
        patch.setattr(soundfile.SoundFile, "seek", fail)
        patch.setattr("realtime_ser.capture.file.missing_end", lambda *_: None)
        with pytest.raises(SourceError, match=r"a\.flac: broken at 0\.0 s .*; repair"):
            flac.open()
    for file in (ogg, flac):
        with pytest.raises(EOFError):
            file.read(1.0)


def test_paced_playing_from_a_start_begins_at_once(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(60.0), 16_000)
    clock = ManualClock(100.0, automatic=True)
    file = source(tmp_path / "a.wav", paced=True, clock=clock, start=59.85)
    file.open()
    came = [(clock.monotonic(), block.captured) for block in iter_blocks(file)]
    file.close()
    assert came == [
        (pytest.approx(100.1), pytest.approx(100.1)),
        (pytest.approx(100.15), pytest.approx(100.15)),
    ]


@pytest.mark.parametrize("speed", [0.25, 2.0, 16.0])
def test_paced_blocks_come_at_the_speed(tmp_path: Path, speed: float) -> None:
    soundfile.write(tmp_path / "a.wav", tone(0.35), 16_000)
    clock = ManualClock(100.0, automatic=True)
    file = source(tmp_path / "a.wav", paced=True, clock=clock)
    assert file.speed == 1.0
    file.speed = speed
    file.open()
    came = [(clock.monotonic(), block.captured) for block in iter_blocks(file)]
    file.close()
    expected = [100 + at / speed for at in (0.1, 0.2, 0.3, 0.35)]
    assert [at for at, _ in came] == pytest.approx(expected)
    assert [captured for _, captured in came] == pytest.approx(expected)
    assert file.speed == speed


@pytest.mark.parametrize("speed", [0.0, 0.2, 16.1, -1.0, float("nan"), float("inf")])
def test_other_speeds_are_refused_and_change_nothing(tmp_path: Path, speed: float) -> None:
    file = source(tmp_path / "a.wav")
    with pytest.raises(ValueError, match=r"not within 0\.25 to 16"):
        file.speed = speed
    assert file.speed == 1.0


def test_unpaced_blocks_know_no_speed(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(1.0), 16_000)
    clock = ManualClock(automatic=True)
    file = source(tmp_path / "a.wav", clock=clock)
    file.speed = 0.25
    file.open()
    assert {b.captured for b in read_all(file)} == {None}
    assert clock.monotonic() == 0
    file.close()


def test_a_change_of_speed_goes_on_from_where_playing_is(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(3.0), 16_000)
    clock = ManualClock(automatic=True)
    file = source(tmp_path / "a.wav", paced=True, clock=clock)
    file.open()

    def next_at(timeout: float = 10.0) -> float:
        block = file.read(timeout)
        assert block is not None
        assert block.captured == pytest.approx(clock.monotonic())
        return clock.monotonic()

    assert next_at() == pytest.approx(0.1)
    assert file.read(0.04) is None  # 0.06 s of the next block are left
    file.speed = 0.5
    assert next_at() == pytest.approx(0.14 + 0.06 / 0.5)
    assert next_at() == pytest.approx(0.46)
    assert file.read(0.1) is None  # 0.05 s of the next block are left
    file.speed = 2.0
    assert next_at() == pytest.approx(0.56 + 0.05 / 2.0)
    assert next_at() == pytest.approx(0.635)
    file.speed = 16.0
    file.speed = 2.0
    assert next_at() == pytest.approx(0.685)
    assert file.position == pytest.approx(0.6)
    file.close()


@pytest.mark.parametrize(("before", "late", "after"), [(16.0, 0.1, 0.25), (1.0, 0.4, 2.0)])
def test_what_is_overdue_is_not_caught_up_at_another_speed(
    tmp_path: Path, before: float, late: float, after: float
) -> None:
    soundfile.write(tmp_path / "a.wav", tone(3.0), 16_000)
    clock = ManualClock(automatic=True)
    file = source(tmp_path / "a.wav", paced=True, clock=clock)
    file.speed = before
    file.open()
    assert file.read(1.0) is not None
    clock.advance(late)
    at = clock.monotonic()
    file.speed = after
    came = []
    for _ in range(3):
        assert file.read(1.0) is not None
        came.append(clock.monotonic() - at)
    assert came == pytest.approx([0.0, 0.1 / after, 0.2 / after])
    file.close()


def test_lateness_is_caught_up_at_any_speed(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(9.0), 16_000)
    clock = ManualClock(automatic=True)
    file = source(tmp_path / "a.wav", paced=True, clock=clock)
    file.speed = 4.0
    file.open()

    def next_at() -> float:
        assert file.read(1.0) is not None
        return clock.monotonic()

    assert next_at() == pytest.approx(0.025)
    clock.advance(0.06)  # two blocks are overdue
    assert [next_at() for _ in range(3)] == pytest.approx([0.085, 0.085, 0.1])
    clock.advance(60)  # paused by the user
    assert [next_at() for _ in range(2)] == pytest.approx([60.1, 60.125])
    file.close()


def test_missing_file(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "nowhere.wav")


def test_folder(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)


def test_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    assert "cannot be read" in refusal(tmp_path / "a" / "b.wav")


def test_name_too_long(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / ("x" * 5000))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(0.1), 16_000)
    path.chmod(0)
    assert "Permission denied" in refusal(path)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")
def test_what_is_no_regular_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        assert "not a regular file" in refusal(Path("s"))


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    assert "0 bytes" in refusal(tmp_path / "a.wav")


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "OGG"])
def test_no_samples(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    soundfile.write(path, np.zeros((0, 1)), 16_000, format=kind)
    text = refusal(path)
    assert "no audio" in text or "not audio" in text


@pytest.mark.parametrize("name", ["notes.txt", "a.wav", "a.mp3", "a.flac", "noname"])
@pytest.mark.parametrize("content", [b"Dear diary,\n" * 500, bytes(4000), b"RIFF"])
def test_not_audio(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert "not audio" in refusal(tmp_path / name)


def test_raw_audio_without_a_header(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(bytes(4000))
    assert "raw audio has no header" in refusal(tmp_path / "a.raw")


def test_wav_that_says_it_has_no_channels(tmp_path: Path) -> None:
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", 36 + 100, b"WAVE", b"fmt ", 16, 1, 0, 16_000, 0, 0, 16, b"data", 100,
    )  # fmt: skip
    (tmp_path / "a.wav").write_bytes(header + bytes(100))
    refusal(tmp_path / "a.wav")


@pytest.mark.parametrize("rate", [3_999, 400_000])
def test_sample_rate_out_of_range(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(100), rate)
    assert f"sample rate of {rate} Hz" in refusal(tmp_path / "a.wav")


@pytest.mark.parametrize(("extension", "subtype", "kind"), TELL_THEIR_LENGTH)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated(tmp_path: Path, extension: str, subtype: str, kind: str, share: float) -> None:
    path = tmp_path / f"a.{extension}"
    samples = white_noise(5.0, sample_rate=48_000)
    soundfile.write(path, samples, 48_000, subtype=subtype, format=kind)
    content = path.read_bytes()
    path.write_bytes(content[: round(share * len(content))])
    text = refusal(path)
    assert "cut off" in text or "not audio" in text


def test_mp3_with_a_large_tag_in_front_is_whole_and_is_seen_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    soundfile.write(path, white_noise(3.0), 16_000, format="MP3")
    picture = 150_000
    size = bytes(picture >> 7 * (3 - i) & 0x7F for i in range(4))
    content = b"ID3\x03\x00\x00" + size + bytes(picture) + path.read_bytes()
    path.write_bytes(content)
    file = source(path)
    assert file.open().duration == pytest.approx(3.0, abs=0.1)
    file.close()

    path.write_bytes(content[: picture + (len(content) - picture) * 9 // 10])
    assert "cut off" in refusal(path)


def test_wav_written_to_a_pipe_has_no_length_and_is_whole(tmp_path: Path) -> None:
    """What ffmpeg and SoX write when they cannot go back to fill in the length."""
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(0.5), 16_000)
    content = bytearray(path.read_bytes())
    for unknown in (0xFFFF_FFFF, 0x7FFF_FFFF, 0x7FFF_F024):
        content[4:8] = content[40:44] = struct.pack("<I", unknown)
        path.write_bytes(content)
        file = source(path)
        assert file.open().duration == pytest.approx(0.5)
        file.close()


def test_ogg_in_a_container_with_data_behind_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, tone(1.0), 16_000)
    path.write_bytes(path.read_bytes() + b"TAG" + bytes(125))
    file = source(path)
    assert file.open().duration == pytest.approx(1.0, abs=0.01)
    file.close()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e20])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_samples_that_are_not_finite_are_refused_before_anything_is_read(
    tmp_path: Path, value: float, subtype: str
) -> None:
    samples = np.zeros((32_000, 2))
    samples[24_000, 1] = value
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype=subtype)
    assert "the first at 1.500 s" in refusal(tmp_path / "a.wav")


def test_doubles_too_large_for_float32_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.0, 1e300]), 16_000, subtype="DOUBLE")
    assert "NaN, infinite or absurd" in refusal(tmp_path / "a.wav")


def test_damage_in_the_middle_is_an_error_that_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, white_noise(4.0), 16_000)
    file = source(path)
    file.open()
    read = soundfile.SoundFile.read

    def fail_late(sound: soundfile.SoundFile, *args: object, **more: object) -> np.ndarray:
        if sound.tell() >= 32_000:
            raise soundfile.LibsndfileError(48)
        samples: np.ndarray = read(sound, *args, **more)
        return samples

    monkeypatch.setattr(soundfile.SoundFile, "read", fail_late)
    with pytest.raises(SourceError, match=r"a\.flac: broken at 2\.0 s .*; repair"):
        read_all(file)
    file.close()


def test_close_before_open_twice_and_reading_after_it(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(0.5), 16_000)
    file = source(tmp_path / "a.wav")
    file.close()
    file.open()
    assert file.read(1) is not None
    file.close()
    file.close()
    with pytest.raises(EOFError):
        file.read(1)
    file.open()  # from the start again
    assert sum(len(b.samples) for b in read_all(file)) == 8000
    assert file.health().problem is None
    file.close()
