"""Seats, the book of streams, the audio intake, and what is listened at."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.capture import g711
from realtime_ser.capture.resample import StreamResampler
from realtime_ser.engine.line import Account
from realtime_ser.errors import ConfigError
from realtime_ser.server.audio import AudioIntake
from realtime_ser.server.book import FRESH, KEPT, MOST_ROWS, RECENT, Book, Entry
from realtime_ser.server.listening import check_tls, listen
from realtime_ser.server.seats import Seats
from realtime_ser.server.wire import WireError, row_text
from realtime_ser.stats import StreamStatus
from tests.rows import make_row
from tests.signals import white_noise


def test_seats() -> None:
    seats = Seats(each=2, total=3)
    seats.take("a", 2)
    with pytest.raises(WireError, match="may have 2 streams") as caught:
        seats.take("a")
    assert caught.value.code == "too_many"
    seats.take("b")
    with pytest.raises(WireError) as caught:
        seats.take("b")
    assert caught.value.code == "full"
    seats.give_back("a", 2)
    seats.take("b")


class Line:
    """Implements what a book asks of a stream."""

    received = 0.0
    speech = False

    def account(self) -> Account:
        return Account(round(self.received * 16_000), 0, 1600)

    def status(self) -> StreamStatus:
        return StreamStatus("a", 0, self.received, -20.04, -10.0, self.speech, 0.9)


def entry() -> tuple[Entry, Line]:
    line = Line()
    started = datetime(2026, 11, 23, 10, tzinfo=UTC)
    return Entry(("a", 0), "customer", {"q": 1}, started, line), line  # type: ignore[arg-type]


def window(start: float, end: float, emotion: str = "angry", **changes: object) -> object:
    return make_row(start=start, end=end, emotion=emotion, **changes)


def add(to: Entry, *rows: object) -> None:
    for row in rows:
        to.add(row, row_text(row))  # type: ignore[arg-type]


def test_speech_is_counted_once_though_windows_overlap() -> None:
    stream, _ = entry()
    add(stream, *(window(1.0, end) for end in (1.5, 2.0, 2.5)))
    add(stream, window(1.0, 3.0, "happy"), window(1.0, 3.2, "angry", kind="utterance"))
    add(stream, window(5.0, 5.5, "uncertain"))
    picture = stream.picture()
    assert picture["speech"] == pytest.approx(2.7)
    assert picture["negative"] == pytest.approx(1.7), "the end that no window reached counts"
    assert (picture["emotion"], picture["confidence"]) == ("uncertain", 0.61)
    assert picture["recent"] == [(3.0, "happy", 0.61), (5.5, "uncertain", 0.61)]


def test_the_newest_minutes_are_kept() -> None:
    stream, _ = entry()
    for second in range(3 * int(KEPT)):
        add(stream, window(second, second + 0.5))
    assert stream.history().count('"type"') <= MOST_ROWS
    first = float(stream.history().partition('"end":')[2].partition(",")[0])
    assert first >= 2 * KEPT - 1
    recent = stream.picture()["recent"]
    assert len(recent) <= RECENT / 5 + 1
    assert recent[0][0] >= 3 * KEPT - RECENT - 1


def test_alerts_are_told_apart_from_marks() -> None:
    stream, _ = entry()
    assert stream.picture()["alert"] is None
    add(stream, window(1, 2, kind="alert", flags=("derived", "alert:long-anger")))
    assert stream.picture()["alert"] == {
        "name": "long-anger", "end": 2, "utc": "2025-03-01T10:00:04.500Z",
    }  # fmt: skip
    assert (stream.picture()["alerts"], stream.emotion) == (1, None)


def test_only_news_makes_a_new_version() -> None:
    stream, line = entry()
    stream.look(10.0)
    version, text = stream.version, stream.text()
    line.received = 1.0
    stream.look(10.0 + FRESH / 2)
    assert (stream.version, stream.text()) == (version, text)
    line.speech = True
    stream.look(10.0 + FRESH / 2)
    assert stream.version > version
    version = stream.version
    line.received = 2.0
    stream.look(10.0 + 2 * FRESH)
    assert stream.version > version
    assert stream.picture()["duration"] == 2.0
    assert stream.picture()["dropped"] == 0.1
    assert stream.picture()["level_dbfs"] == -20.0


def test_shares_are_of_live_streams_with_an_emotion() -> None:
    book = Book()
    assert book.shares() == {}
    for number, emotion in enumerate(("angry", "angry", "sad", "uncertain", None)):
        stream = Entry((str(number), 0), "", {}, datetime.now(UTC), Line())  # type: ignore[arg-type]
        stream.emotion = emotion
        book.add(stream)
    assert book.shares() == {"angry": 0.5, "sad": 0.25, "uncertain": 0.25}
    book.get(("0", 0)).end(Account(1, 1, 0), 5.0)  # type: ignore[union-attr]
    assert book.shares()["angry"] == 0.3333


@given(
    st.lists(st.binary(max_size=700), max_size=12),
    st.sampled_from(["s16le", "f32le", "mulaw", "alaw"]),
    st.integers(1, 3),
    st.sampled_from([4000, 8000, 16_000, 44_100, 192_000]),
)
def test_any_bytes_are_audio_or_raise_the_one_error(
    pieces: list[bytes], encoding: str, channels: int, rate: int
) -> None:
    intake = AudioIntake(encoding, rate, channels, [0])  # type: ignore[arg-type]
    given_out = 0
    try:
        for piece in pieces:
            samples = intake.take(piece)
            assert samples.shape[1] == 1
            assert np.isfinite(samples).all()
            given_out += len(samples)
    except WireError as error:
        code = error.code
        assert (code, encoding) == ("audio", "f32le")
        return
    given_out += len(intake.flush())
    width = {"s16le": 2, "f32le": 4}.get(encoding, 1) * channels
    frames = sum(map(len, pieces)) // width
    assert intake.received == frames / rate
    assert abs(given_out - frames * 16_000 / rate) <= 1


def test_how_audio_is_cut_makes_no_difference() -> None:
    signal = np.stack([white_noise(1.0, seed=s, sample_rate=8000) for s in range(3)], axis=1)
    data = g711.encode(signal, "alaw").tobytes()
    decoded = g711.decode(g711.encode(signal, "alaw"), "alaw")[:, [0, 2]]
    resampler = StreamResampler(8000, 2)
    whole = np.concatenate([resampler.process(decoded), resampler.flush()])
    for block in (1, 7, 480, len(data)):
        intake = AudioIntake("alaw", 8000, 3, [0, 2])
        parts = [intake.take(data[at : at + block]) for at in range(0, len(data), block)]
        np.testing.assert_array_equal(np.concatenate([*parts, intake.flush()]), whole)


def test_what_is_left_out_is_only_counted() -> None:
    intake = AudioIntake("f32le", 8000, 1, [])
    nonsense = np.full(4000, np.nan, "<f4").tobytes()
    assert intake.take(nonsense).size == intake.flush().size == 0
    assert intake.received == 0.5


def test_ports_and_hosts_that_cannot_be_had() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"--port {port}: .*name another"):
            listen("127.0.0.1", port)
    for host in ("192.0.2.1", "no such host", "x" * 300):
        with pytest.raises(ConfigError):
            listen(host, 0)


def test_tls_files(tmp_path: Path) -> None:
    assert not check_tls(None, None)
    file = tmp_path / "cert.pem"
    with pytest.raises(ConfigError, match="belong together"):
        check_tls(file, None)
    with pytest.raises(ConfigError, match="cannot be read"):
        check_tls(file, file)
    file.write_text("no certificate")
    with pytest.raises(ConfigError, match="not a certificate"):
        check_tls(file, file)
