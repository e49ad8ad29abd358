"""What a user of the live screen does to a session while it runs: real engines, real files."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf

from realtime_ser.alerts.post import Answer
from realtime_ser.alerts.webhook import WebhookSink
from realtime_ser.assembly import load_recognizer
from realtime_ser.baseline import list_baselines
from realtime_ser.capture.file import FileSource
from realtime_ser.clock import SystemClock
from realtime_ser.config import AlertConfig, Config, RecognizerConfig, TimelineConfig
from realtime_ser.desk import Desk
from realtime_ser.errors import ConfigError, ModelError, RealtimeSerError, SinkError, SourceError
from realtime_ser.marks import marks_of
from realtime_ser.sinks.csv import CsvSink
from realtime_ser.sinks.reader import read_timeline
from realtime_ser.stats import Turn
from realtime_ser.succession import Succession
from realtime_ser.testing import CollectSink, ManualClock, ScriptedSource, blocks
from realtime_ser.ui.session import Session
from realtime_ser.ui.sink import UiSink
from tests.models import save_untrained
from tests.signals import silence, speech_like
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from realtime_ser.capture.source import Source
    from realtime_ser.types import CapturedBlock

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    model = save_untrained(tmp_path_factory.mktemp("model"), voice=8)
    return Config(
        recognizer=RecognizerConfig(model=str(model)), timeline=TimelineConfig(uncertain_below=0.0)
    )


@pytest.fixture(autouse=True)
def speakers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "speakers"
    monkeypatch.setattr("realtime_ser.desk.speakers_folder", lambda: folder)
    monkeypatch.setattr("realtime_ser.assembly.speakers_folder", lambda: folder)
    return folder


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    pieces = [x for i in range(40) for x in (speech_like(1.5, seed=i), silence(0.6))]
    sf.write(tmp_path / "call.wav", np.concatenate(pieces), 16_000)
    return tmp_path / "call.wav"


def talk() -> Iterator[CapturedBlock]:
    """Somebody who never ends."""
    for number in count():
        yield from blocks(np.concatenate([speech_like(1.5, seed=number % 7), silence(0.6)]))


def open_source(uri: str, start: float) -> Source:
    """``mic:NAME`` talks for ever; anything else is a recording, in no hurry at all."""
    if uri == "mic:gone":
        return ScriptedSource([], open_error=SourceError("mic:gone: no such device"))
    if uri == "mic:silent":
        return ScriptedSource((blocks(silence(1.0))[i % 31] for i in count()), name="silent")
    if uri.startswith("mic"):
        return ScriptedSource(talk(), name=uri.removeprefix("mic:"))
    if not Path(uri).exists():
        raise SourceError(f"{uri}: no such file; check the path")
    return FileSource(uri, paced=True, clock=SystemClock(), block_seconds=0.032, start=start)


class View(CollectSink):
    """Rows, and where they do not follow on one another."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: list[tuple[int, Turn]] = []

    def turn(self, turn: Turn) -> None:
        self.turns.append((len(self.rows), turn))


class Run:
    """A desk that is always taken down."""

    def __init__(
        self, config: Config, source: str, *logs: CsvSink, webhook: WebhookSink | None = None
    ) -> None:
        self.rows = View()
        self.engines = Succession(
            source, open_source, load_recognizer(config), config, self.rows, list(logs),
            webhook=webhook,
        )  # fmt: skip
        self.desk = Desk(self.engines)

    def __enter__(self) -> Run:
        self.engines.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.engines.abort()
        self.engines.join()

    def wait_for_rows(self, more: int = 3) -> None:
        wanted = len(self.rows.rows) + more
        wait_until(lambda: len(self.rows.rows) >= wanted, 20, "more rows")


def test_a_file_can_be_written_for_a_while(config: Config, tmp_path: Path) -> None:
    log = tmp_path / "a.csv"
    with Run(config, "mic:one") as run:
        run.wait_for_rows()
        run.desk.start_log(str(log))
        assert run.desk.logs == (str(log),)
        run.wait_for_rows()
        run.desk.stop_log(str(log))
        assert run.desk.logs == ()
        written = read_timeline(log)
        run.wait_for_rows()
        assert read_timeline(log) == written
    ends = [row.end for row in written]
    seen = [round(row.end, 3) for row in run.rows.rows]
    first = seen.index(ends[0])
    assert first >= 3
    assert seen[first : first + len(ends)] == ends


def test_a_file_is_not_written_over(config: Config, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("mine")
    with Run(config, "mic:one") as run:
        with pytest.raises(SinkError, match="already exists"):
            run.desk.start_log(str(tmp_path / "a.csv"))
        run.desk.start_log(str(tmp_path / "b.jsonl"))
        with pytest.raises(SinkError, match="is being written already"):
            run.desk.start_log(str(tmp_path / "b.jsonl"))
        run.wait_for_rows()
    assert (tmp_path / "a.csv").read_text() == "mine"
    assert read_timeline(tmp_path / "b.jsonl")


def test_a_mark_is_on_disk_at_once(config: Config, tmp_path: Path) -> None:
    log = CsvSink(tmp_path / "a.csv")
    with Run(config, "mic:one", log) as run:
        run.wait_for_rows()
        assert run.desk.mark("he shouts; loudly", 12.34)
        wait_until(lambda: any(row.kind == "alert" for row in run.rows.rows), 10, "the mark")
        (alert,) = [row for row in read_timeline(log.path) if row.kind == "alert"]
    assert [(mark.seconds, mark.note) for mark in marks_of(alert)] == [(12.3, "he shouts, loudly")]
    rows = read_timeline(log.path)
    before = rows[rows.index(alert) - 1]
    assert (alert.start, alert.end, alert.probabilities) == (
        before.start, before.end, before.probabilities,
    )  # fmt: skip


def test_a_mark_before_the_first_row_stands_alone(config: Config, tmp_path: Path) -> None:
    log = CsvSink(tmp_path / "a.csv")
    with Run(config, "mic:silent", log) as run:
        wait_until(lambda: run.desk.now() > 1.0, 10, "silence")
        assert run.desk.mark("nobody there", 1.0)
        wait_until(lambda: run.rows.rows, 10, "the mark")
        run.desk.stop()
        assert not run.desk.mark("too late", 2.0)
    (row,) = read_timeline(log.path)
    assert (row.kind, row.stream, row.end, row.probabilities) == ("alert", "silent", 0.0, {})
    assert [mark.note for mark in marks_of(row)] == ["nobody there"]


def test_a_mark_can_follow_when_the_recording_has_ended(config: Config, tmp_path: Path) -> None:
    """The moment is that of the key, and the note took longer than the rest of the recording."""
    sf.write(tmp_path / "short.wav", speech_like(3.0, seed=1), 16_000)
    log = CsvSink(tmp_path / "a.csv")
    with Run(config, str(tmp_path / "short.wav"), log) as run:
        run.desk.speed = 16.0
        wait_until(lambda: run.desk.health().state == "ended", 20, "the end")
        assert run.desk.mark("important", 2.5)
        alert = read_timeline(log.path)[-1]
        assert run.rows.rows[-1].kind == "alert"
        run.desk.stop()
        assert not run.desk.mark("too late", 2.6)
    assert alert.kind == "alert"
    assert [(mark.seconds, mark.note) for mark in marks_of(alert)] == [(2.5, "important")]
    assert read_timeline(log.path)[-1] == alert


def test_a_file_that_breaks_does_not_end_the_session(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was opened on the way: the disk is full, and it is said until it is closed."""
    log = tmp_path / "a.csv"
    with Run(config, "mic:one") as run:
        run.desk.start_log(str(log))
        run.wait_for_rows()
        with monkeypatch.context() as broken:
            broken.setattr(CsvSink, "write", full)
            run.wait_for_rows()
        wait_until(lambda: run.desk.health().broken, 10, "the problem")
        assert "disk full" in run.desk.health().broken[0]
        run.wait_for_rows()
        assert run.desk.health().state == "running"
        with pytest.raises(SinkError, match="disk full"):
            run.desk.stop_log(str(log))
        assert run.desk.health().broken == ()
        run.wait_for_rows()
    assert read_timeline(log)


def full(self: CsvSink, row: object) -> None:
    raise SinkError(f"{self.path}: disk full; make room")


def test_another_source_goes_on_in_the_same_file(config: Config, tmp_path: Path) -> None:
    log = CsvSink(tmp_path / "a.csv")
    with Run(config, "mic:one", log) as run:
        run.wait_for_rows()
        run.desk.listen_to("mic:two")
        health = run.desk.health()
        assert (health.run, health.source, health.state) == (1, "two", "running")
        assert run.desk.source == "mic:two"
        run.wait_for_rows()
        (turn,) = run.rows.turns
        assert turn[1] == Turn(run=1, jumps=0)
        assert {row.stream for row in run.rows.rows[: turn[0]]} == {"one"}
        assert {row.stream for row in run.rows.rows[turn[0] :]} == {"two"}
        run.desk.pause()
        run.desk.stop()
        run.engines.engine.join()
        assert run.desk.health().rows == len(run.rows.rows)
    streams = [row.stream for row in read_timeline(log.path)]
    assert streams == sorted(streams)
    assert set(streams) == {"one", "two"}
    assert len(streams) == len(run.rows.rows)


def test_a_pause_outlives_a_change(config: Config) -> None:
    with Run(config, "mic:one") as run:
        run.wait_for_rows()
        run.desk.pause()
        run.desk.listen_to("mic:two")
        assert run.desk.health().state == "paused"
        run.desk.resume()
        run.wait_for_rows()
        assert run.rows.rows[-1].stream == "two"


@pytest.mark.parametrize("name", ["~nobody-of-this-name/a.csv", "pipe", "x" * 300, "-"])
def test_what_cannot_be_written_is_said(
    config: Config, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with Run(config, "mic:one") as run:
        with pytest.raises(RealtimeSerError):
            run.desk.start_log(name)
        run.wait_for_rows()
        assert run.desk.logs == ()


def test_the_screen_has_every_row_in_its_place(config: Config, recording: Path) -> None:
    """Seek back and on, switch, and look ten times a second as the screen does."""
    sink, session = UiSink(), Session(("angry",))
    engines = Succession(str(recording), open_source, load_recognizer(config), config, sink, [])
    desk = Desk(engines)

    def look() -> float:
        health = desk.health()
        for item in sink.take():
            session.turn(item) if isinstance(item, Turn) else session.take(item)
        session.update(health)
        return session.position

    engines.start()
    try:
        desk.speed = 16.0
        wait_until(lambda: look() > 20.0, 20, "twenty seconds")
        painted = len(session.lanes[("call", 0)])
        desk.seek(10.0)
        look()
        (lane,) = session.lanes.values()
        assert 0 < len(lane) < painted
        assert lane.end <= 10.0
        wait_until(lambda: look() > 25.0, 20, "moved back and on again")
        assert lane.has_any(12.0, 20.0)
        desk.listen_to("mic:two")
        wait_until(lambda: look() and ("two", 0) in session.lanes, 20, "the other source")
        wait_until(lambda: look() and len(session.lanes[("two", 0)]) > 3, 20, "its rows")
        first = session.lanes[("two", 0)].painted(0.0, 1e9)[0]
        assert first.start >= lane.end
        assert first.row.start < 5.0
    finally:
        engines.abort()
        engines.join()


@pytest.mark.parametrize("wanted", ["mic:gone", "nowhere.wav", "-"])
def test_a_source_that_cannot_be_had_leaves_the_one_before(config: Config, wanted: str) -> None:
    with Run(config, "mic:one") as run:
        run.wait_for_rows()
        with pytest.raises(SourceError):
            run.desk.listen_to(wanted)
        assert run.desk.source == "mic:one"
        run.wait_for_rows()
        assert run.desk.health().state == "running"
    assert {row.stream for row in run.rows.rows} == {"one"}


def test_a_recording_that_cannot_be_read_changes_nothing(
    config: Config, recording: Path, tmp_path: Path
) -> None:
    (tmp_path / "rubbish.csv").write_text("no audio, this")
    with Run(config, str(recording)) as run:
        run.wait_for_rows()
        engine = run.engines.engine
        with pytest.raises(SourceError):
            run.desk.listen_to(str(tmp_path / "rubbish.csv"))
        assert run.engines.engine is engine
        with pytest.raises(SourceError):
            run.desk.listen_to("mic:gone")  # can only be told by opening it
        assert run.engines.engine is not engine
        run.wait_for_rows()
        assert (run.desk.health().run, run.rows.turns) == (0, [])


def test_the_threshold_counts_from_the_next_row(config: Config) -> None:
    with Run(config, "mic:one") as run:
        run.wait_for_rows()
        assert "uncertain" not in {row.emotion for row in run.rows.rows}
        run.desk.uncertain_below = 7.0
        assert run.desk.uncertain_below == 1.0
        run.wait_for_rows(8)
        assert {row.emotion for row in run.rows.rows[-3:]} == {"uncertain"}
        run.desk.listen_to("mic:two")
        run.wait_for_rows()
        assert run.rows.rows[-1].emotion == "uncertain"


def test_another_model_goes_on_where_the_recording_is(
    config: Config, recording: Path, tmp_path: Path
) -> None:
    other = save_untrained(tmp_path / "other", voice=8, seed=5)
    with Run(config, str(recording)) as run:
        run.desk.speed = 16.0
        run.wait_for_rows()
        run.desk.use_model(str(other))
        assert run.desk.model == str(other)
        health = run.desk.health()
        assert (health.run, health.jumps, health.model) == (0, 0, "untrained")
        run.wait_for_rows()
        with pytest.raises(ModelError):
            run.desk.use_model("nobody's")
        run.wait_for_rows()
    ends = [row.end for row in run.rows.rows]
    assert ends == sorted(ends)
    windows = [row.end for row in run.rows.rows if row.kind == "window"]
    assert len(windows) == len(set(windows))


def test_a_recording_can_be_moved_in(config: Config, recording: Path, tmp_path: Path) -> None:
    with Run(config, str(recording)) as run:
        assert run.desk.health().seekable
        run.desk.speed = 100.0
        assert run.desk.health().speed == 16.0
        run.desk.seek(60.0)
        assert run.desk.health().jumps == 1
        run.wait_for_rows()
        assert run.rows.rows[-1].end > 60.0
        run.desk.seek(-5.0)
        run.rows.rows.clear()
        run.wait_for_rows()
        assert run.rows.rows[0].end < 10.0
        run.desk.start_log(str(tmp_path / "a.csv"))
        with pytest.raises(ConfigError, match="is being written"):
            run.desk.seek(30.0)


def test_only_recordings_can_be_moved_in(config: Config) -> None:
    with Run(config, "mic:one") as run:
        assert not run.desk.health().seekable
        with pytest.raises(ConfigError, match="only recordings"):
            run.desk.seek(3.0)


def test_a_voice_is_learned_while_it_runs(config: Config, speakers: Path) -> None:
    heard: list[float] = []
    with Run(config, "mic:one") as run:
        run.wait_for_rows()
        cold = run.rows.rows[0]
        run.desk.calibrate("anna", heard.append)
        assert list_baselines(speakers) == ["anna"]
        run.rows.rows.clear()
        run.wait_for_rows()
        assert run.rows.rows[0].adapted > 10.0 > cold.adapted
        assert run.desk.health().run == 1
    assert heard == sorted(heard)
    assert heard[-1] >= 15.0


def test_learning_a_voice_can_be_given_up(config: Config, speakers: Path) -> None:
    def enough(seconds: float) -> None:
        if seconds > 2.0:
            raise RealtimeSerError("given up")

    with Run(config, "mic:one") as run:
        with pytest.raises(RealtimeSerError, match="given up"):
            run.desk.calibrate("anna", enough)
        run.wait_for_rows()
        assert run.desk.health().state == "running"
    assert list_baselines(speakers) == []


@pytest.mark.parametrize(("source", "name"), [("call.wav", "anna"), ("mic:one", "../anna")])
def test_what_cannot_be_learned_is_said(
    config: Config, recording: Path, source: str, name: str
) -> None:
    uri = str(recording) if source == "call.wav" else source
    with Run(config, uri) as run:
        with pytest.raises(RealtimeSerError):
            run.desk.calibrate(name, lambda seconds: None)
        assert run.desk.health().state == "running"


def test_what_is_written_is_whole_when_the_user_leaves(config: Config, tmp_path: Path) -> None:
    log = CsvSink(tmp_path / "a.csv")
    run = Run(config, "mic:one", log)
    run.engines.start()
    run.wait_for_rows()
    run.desk.listen_to("mic:two")
    run.wait_for_rows()
    run.desk.stop()
    run.engines.join()
    assert run.desk.health().state == "ended"
    assert len(read_timeline(log.path)) == len(run.rows.rows)
    assert run.rows.rows[-1].kind == "utterance"


class Receiver:
    """Takes alerts, or does not."""

    def __init__(self) -> None:
        self.answer = Answer(500, "Oops")
        self.came = 0

    def send(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.came += 1
        return self.answer

    def cancel(self) -> None:
        pass


def test_a_webhook_outlives_the_sources_and_its_trouble_is_shown(
    config: Config, tmp_path: Path
) -> None:
    receiver = Receiver()
    webhook = WebhookSink("example.com", receiver, b"secret", {}, ManualClock(automatic=True))
    alerts = AlertConfig(rules=("heard: confidence >= 0 for 2 s",))
    log = CsvSink(tmp_path / "a.csv")
    with Run(replace(config, alerts=alerts), "mic:one", log, webhook=webhook) as run:
        wait_until(lambda: webhook.lost == 1, 20, "the first alert")
        (trouble,) = run.desk.health().broken
        assert trouble == "alerts.webhook: example.com says 500 Oops; alerts are tried again"
        receiver.answer = Answer(200)
        run.desk.listen_to("mic:two")
        wait_until(lambda: webhook.delivered == 1, 20, "that of the second source")
        assert run.desk.health().broken == ()
        assert run.desk.logs == (str(log.path),)
        run.desk.stop()
    found = [row for row in read_timeline(log.path) if row.kind == "alert"]
    assert [(row.stream, row.flags) for row in found] == [
        ("one", ("derived", "alert:heard")),
        ("two", ("derived", "alert:heard")),
    ]
    assert webhook._thread is not None
    assert not webhook._thread.is_alive()


def test_a_model_that_does_not_know_the_emotions_of_a_rule_is_not_taken(config: Config) -> None:
    rules = AlertConfig(rules=("surprise >= 0.5 for 5 s",))
    with pytest.raises(ConfigError, match="the model knows only angry, disgust"):
        Run(replace(config, alerts=rules), "mic:one")
