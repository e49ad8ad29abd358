"""The engine with public fakes at both ends and the real detector in the middle."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from realtime_ser.assembly import pipeline_factory
from realtime_ser.capture.file import FileSource
from realtime_ser.capture.source import SourceHealth
from realtime_ser.clock import SystemClock
from realtime_ser.config import CaptureConfig, Config, RecognizerConfig
from realtime_ser.engine import Engine
from realtime_ser.errors import ConfigError, SinkError, SourceError
from realtime_ser.offline import Recording, run_offline
from realtime_ser.testing import (
    CollectSink,
    ConstantRecognizer,
    ManualClock,
    ScriptedSource,
    blocks,
)
from realtime_ser.types import CapturedBlock, Prediction, TimelineRow
from tests.signals import silence, speech_like, white_noise
from tests.waiting import wait_until

CLASSES = ("angry", "happy", "sad")
PATIENCE = 30.0
CALL = np.concatenate([silence(0.6), speech_like(2.5), silence(1.0), speech_like(1.2, seed=1)])


def recognizer() -> ConstantRecognizer:
    return ConstantRecognizer(CLASSES, probabilities=[0.7, 0.2, 0.1])


def engine_on(source: ScriptedSource, *sinks: CollectSink, config: Config | None = None) -> Engine:
    config = config or Config()
    fake = recognizer()
    return Engine(source, fake, pipeline_factory(config, fake), config, sinks)


def rows_of(source: ScriptedSource, config: Config | None = None) -> list[TimelineRow]:
    sink = CollectSink()
    engine = engine_on(source, sink, config=config)
    engine.start()
    assert engine.join(PATIENCE)
    assert sink.closed
    return sink.rows


def without_time(rows: list[TimelineRow]) -> list[tuple[object, ...]]:
    return [(r.channel, r.kind, r.start, r.end, r.emotion, r.probabilities) for r in rows]


def test_rows_equal_those_of_the_offline_driver() -> None:
    rows = rows_of(ScriptedSource(blocks(CALL)))
    config, fake = Config(), recognizer()
    make = pipeline_factory(config, fake)
    clock = ManualClock()
    ((_, offline),) = run_offline(
        [Recording("script", CALL)], fake, lambda name: make(name, 0, clock.utc())
    )
    assert without_time(rows) == without_time(offline)
    assert [row.kind for row in rows].count("utterance") == 2


def test_recordings_analysed_together_equal_each_alone() -> None:
    config, fake = Config(), recognizer()
    make = pipeline_factory(config, fake)
    utc = ManualClock().utc()
    recordings = [
        Recording(str(i), np.concatenate([silence(0.3 * i), speech_like(0.7 + 0.6 * i, seed=i)]))
        for i in range(4)
    ]
    together = list(run_offline(recordings, fake, lambda name: make(name, 0, utc)))
    for recording, rows in together:
        ((_, alone),) = run_offline([recording], fake, lambda name: make(name, 0, utc))
        assert rows == alone
        assert rows


def test_split_gives_a_stream_a_channel() -> None:
    stereo = np.stack([CALL, np.roll(CALL, 8000) * 0.5], axis=1)
    config = Config(capture=CaptureConfig(channels="split"))
    rows = rows_of(ScriptedSource(blocks(stereo), channels=2), config)
    assert {row.channel for row in rows} == {0, 1}
    mixed = rows_of(ScriptedSource(blocks(stereo), channels=2))
    assert {row.channel for row in mixed} == {0}


def test_a_channel_that_is_left_out_is_not_listened_to() -> None:
    stereo = np.stack([CALL, np.roll(CALL, 8000) * 0.5], axis=1)

    def rows(*channels: str | int) -> list[tuple[int, float]]:
        mode, *left_out = channels
        capture = CaptureConfig(channels=mode, left_out=tuple(left_out))  # type: ignore[arg-type]
        found = rows_of(ScriptedSource(blocks(stereo), channels=2), Config(capture=capture))
        return [(row.channel, row.end) for row in found]

    whole = rows("split")
    assert rows("split", 0) == [row for row in whole if row[0] == 1]
    assert rows("split", 1) == [row for row in whole if row[0] == 0]
    with pytest.raises(ConfigError, match=r"left_out leaves none of its 2 channels"):
        rows("split", 0, 1)


def test_who_is_left_out_is_not_heard_in_the_only_channel_either() -> None:
    config = Config(capture=CaptureConfig(channels="split", left_out=(1,)))
    with pytest.raises(ConfigError, match=r"its channels are 0 to 0, and .* leaves out 1"):
        rows_of(ScriptedSource(blocks(CALL)), config)


def test_other_rates_keep_their_time() -> None:
    slow = speech_like(2.0, sample_rate=48_000)
    script = blocks(np.concatenate([np.zeros(48_000, np.float32), slow]), sample_rate=48_000)
    rows = rows_of(ScriptedSource(script, sample_rate=48_000))
    assert rows[-1].kind == "utterance"
    assert rows[-1].start == pytest.approx(1.0, abs=0.3)
    assert rows[-1].end == pytest.approx(3.0, abs=0.2)


def test_lost_audio_moves_the_clock() -> None:
    first, second = (
        blocks(np.concatenate([silence(0.5), speech_like(1.5)])),
        blocks(speech_like(1.5, seed=2)),
    )
    second[0] = CapturedBlock(second[0].samples, None, lost=16_000 * 60)
    rows = rows_of(ScriptedSource([*first, *second]))
    utterances = [row for row in rows if row.kind == "utterance"]
    assert utterances[0].end <= 2.0
    assert utterances[1].start >= 62.0


@pytest.mark.parametrize("kind", ["wav", "ogg"])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_a_recording_from_a_start_gives_the_rows_of_the_whole(
    tmp_path: Path, rate: int, kind: str
) -> None:
    """Those of what is said after it, at the same times to a block or two of the detector."""
    call = [
        silence(1.0, sample_rate=rate),
        speech_like(2.5, sample_rate=rate),
        silence(1.0, sample_rate=rate),
        speech_like(1.5, seed=1, sample_rate=rate),  # 4.5 to 6 s: the start cuts it
        silence(1.0, sample_rate=rate),
        speech_like(2.2, seed=2, sample_rate=rate),  # 7 to 9.2 s
        silence(1.0, sample_rate=rate),
    ]
    path = tmp_path / f"call.{kind}"
    soundfile.write(path, np.concatenate(call), rate)

    def played(start: float) -> list[TimelineRow]:
        source = FileSource(
            path, paced=False, clock=ManualClock(), block_seconds=0.032, start=start
        )
        config, fake, sink = Config(), recognizer(), CollectSink()
        engine = Engine(source, fake, pipeline_factory(config, fake), config, [sink])
        engine.start()
        assert engine.join(PATIENCE)
        assert engine.health().streams[0].position == pytest.approx(10.2, abs=0.001)
        return sink.rows

    whole, rest = played(0.0), played(5.0)
    said = [[row for row in rows if row.kind == "utterance"] for rows in (whole, rest)]
    assert [len(utterances) for utterances in said] == [3, 2]
    assert 5.0 <= said[1][0].start < 5.2
    assert said[1][0].end == pytest.approx(said[0][1].end, abs=0.15)
    after = [[row for row in rows if row.start > 6.5] for rows in (whole, rest)]
    for row, same in zip(*after, strict=True):
        assert (same.kind, same.emotion) == (row.kind, row.emotion)
        assert (same.start, same.end) == pytest.approx((row.start, row.end), abs=0.07)
    assert played(100.0) == []


def test_stop_drains_what_was_captured() -> None:
    """The source never ends by itself; every row of what it gave reaches the sink."""
    given = threading.Event()

    def script() -> Iterator[CapturedBlock | float]:
        yield from blocks(np.concatenate([silence(0.5), speech_like(1.4)]))
        given.set()
        while True:
            yield 0.01

    sink = CollectSink()
    engine = engine_on(ScriptedSource(script()), sink)
    engine.start()
    assert given.wait(PATIENCE)
    engine.stop()
    assert engine.join(PATIENCE)
    assert sink.rows[-1].kind == "utterance"
    assert engine.health().state == "ended"


def test_a_source_that_breaks_is_raised_after_what_it_gave_is_logged() -> None:
    speech = blocks(np.concatenate([silence(0.5), speech_like(1.4)]))
    source = ScriptedSource([*speech, SourceError("call.wav: broke off")])
    sink = CollectSink()
    engine = engine_on(source, sink)
    engine.start()
    with pytest.raises(SourceError, match="broke off"):
        engine.join(PATIENCE)
    assert sink.rows[-1].kind == "utterance"
    assert source.closed
    assert sink.closed
    assert engine.health().state == "failed"


def test_a_full_disk_ends_the_run_and_keeps_what_was_written() -> None:
    sink = CollectSink(fail_after=2)
    engine = engine_on(ScriptedSource(blocks(CALL)), sink)
    engine.start()
    with pytest.raises(SinkError):
        engine.join(PATIENCE)
    assert len(sink.rows) == 2
    assert sink.closed


def test_one_sink_that_fails_ends_the_run_and_the_others_get_every_row() -> None:
    failing, whole = CollectSink(fail_after=1), CollectSink()
    speech = np.concatenate([silence(0.5), speech_like(2.0)])
    endless = (block for _ in range(1000) for block in blocks(speech))
    engine = engine_on(ScriptedSource(endless), failing, whole)
    engine.start()
    with pytest.raises(SinkError):
        engine.join(PATIENCE)
    assert len(failing.rows) == 1
    assert len(whole.rows) > 1
    assert whole.rows[-1].kind == "utterance"
    assert failing.closed == whole.closed == 1


def test_what_cannot_be_closed_holds_nothing_up() -> None:
    class Stuck(ScriptedSource):
        def close(self) -> None:
            raise OSError("device is busy")

    class Torn(CollectSink):
        def close(self) -> None:
            raise SinkError("drive is gone")

    sink = CollectSink()
    engine = engine_on(Stuck(blocks(CALL)), Torn(), sink)
    engine.start()
    with pytest.raises((OSError, SinkError)):
        engine.join(PATIENCE)
    assert wait_until(lambda: engine.health().state == "failed", PATIENCE) is None
    assert sink.closed
    assert [row.kind for row in sink.rows].count("utterance") == 2


def test_what_is_open_is_closed_when_the_audio_stops_coming() -> None:
    """The utterance is told then, not with the next audio, however late that is."""
    clock = ManualClock(automatic=True)
    stop = threading.Event()

    def script() -> Iterator[CapturedBlock | float]:
        yield from blocks(np.concatenate([silence(0.5), speech_like(1.4)]))
        while not stop.is_set():
            yield 10.0

    config, fake, sink = Config(), recognizer(), CollectSink()
    source = ScriptedSource(script(), live=True, clock=clock)
    engine = Engine(source, fake, pipeline_factory(config, fake), config, [sink], clock=clock)
    engine.start()
    wait_until(lambda: any(row.kind == "utterance" for row in sink.rows), PATIENCE)
    assert not engine.health().streams[0].speech
    stop.set()
    assert engine.join(PATIENCE)
    assert [row.kind for row in sink.rows].count("utterance") == 1


def test_a_sink_that_would_refuse_leaves_the_others_untouched() -> None:
    class Refusing(CollectSink):
        def check(self) -> None:
            raise SinkError("timeline.jsonl: exists")

    first = CollectSink()
    with pytest.raises(SinkError):
        engine_on(ScriptedSource(blocks(CALL)), first, Refusing()).start()
    assert not first.opened


def test_stages_of_the_latency_are_measured() -> None:
    engine = engine_on(ScriptedSource(blocks(CALL, captured_from=0.0)), CollectSink())
    engine.start()
    assert engine.join(PATIENCE)
    stages = dict(engine.health().stages)
    assert list(stages) == ["hangover", "detection", "wait", "inference", "output"]
    assert all(stage.p95 is not None for stage in stages.values())


def test_a_mistake_in_the_worker_is_raised_as_it_is() -> None:
    class Broken(ConstantRecognizer):
        def step(self, *what: Sequence[Any]) -> list[Prediction]:
            raise ZeroDivisionError

    config, fake = Config(), Broken(CLASSES)
    source = ScriptedSource(blocks(CALL))
    engine = Engine(source, fake, pipeline_factory(config, fake), config, [])
    engine.start()
    with pytest.raises(ZeroDivisionError):
        engine.join(PATIENCE)
    assert source.closed


def test_nothing_runs_when_the_source_or_a_sink_cannot_be_opened() -> None:
    class Refusing(CollectSink):
        def open(self) -> None:
            raise SinkError("timeline.csv: exists")

    threads = threading.active_count()
    source = ScriptedSource(blocks(CALL), open_error=SourceError("no such device"))
    sink = CollectSink()
    with pytest.raises(SourceError):
        engine_on(source, sink).start()
    assert not sink.opened
    source, sink = ScriptedSource(blocks(CALL)), CollectSink()
    with pytest.raises(SinkError):
        engine_on(source, sink, Refusing()).start()
    assert source.closed
    assert sink.closed
    assert threading.active_count() == threads


def test_abort_ends_a_source_that_never_delivers() -> None:
    def never() -> Iterator[float]:
        while True:
            yield 0.01

    engine = engine_on(ScriptedSource(never()), CollectSink())
    engine.start()
    engine.abort()
    assert engine.join(PATIENCE)


class SlowRecognizer(ConstantRecognizer):
    """Waits in its first step until the test lets it go on."""

    def __init__(self) -> None:
        super().__init__(CLASSES)
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def step(self, *what: Sequence[Any]) -> list[Prediction]:
        self.entered.set()
        assert self.go_on.wait(PATIENCE)
        return super().step(*what)


@pytest.mark.parametrize("live", [True, False])
def test_live_sources_drop_the_oldest_and_count_it_files_wait(live: bool) -> None:
    given = threading.Event()

    def script() -> Iterator[CapturedBlock]:
        yield from blocks(np.concatenate([silence(0.5), speech_like(2.0)]))
        assert slow.entered.wait(PATIENCE)
        yield from blocks(silence(5.0))
        given.set()

    slow = SlowRecognizer()
    config = Config(capture=CaptureConfig(ring=1.0))
    source = ScriptedSource(script(), live=live)
    sink = CollectSink()
    engine = Engine(source, slow, pipeline_factory(config, slow), config, [sink])  # type: ignore[arg-type]
    engine.start()
    assert slow.entered.wait(PATIENCE)
    if live:
        assert given.wait(PATIENCE)
        wait_until(lambda: engine.health().dropped > 0.0, PATIENCE)
    slow.go_on.set()
    assert engine.join(PATIENCE)
    assert (engine.health().dropped > 0.0) is live
    assert given.is_set()
    assert sink.rows


def test_pause_leaves_live_audio_out_and_resume_goes_on() -> None:
    paused, go_on = threading.Event(), threading.Event()

    def script() -> Iterator[CapturedBlock]:
        yield from blocks(np.concatenate([silence(0.5), speech_like(1.2), silence(1.0)]))
        paused.set()
        assert go_on.wait(PATIENCE)
        yield from blocks(speech_like(2.0, seed=1))
        engine.resume()
        yield from blocks(np.concatenate([silence(0.5), speech_like(1.2, seed=2)]))

    sink = CollectSink()
    engine = engine_on(ScriptedSource(script(), live=True), sink)
    engine.start()
    assert paused.wait(PATIENCE)
    engine.pause()
    go_on.set()
    assert engine.join(PATIENCE)
    first, last = [row for row in sink.rows if row.kind == "utterance"]
    assert first.end < 2.7
    assert last.start > 4.7


def test_health_carries_the_words_of_the_source() -> None:
    def script() -> Iterator[object]:
        yield SourceHealth(overflows=3, reopened=1, problem="device is gone")
        while not stop.is_set():
            yield 0.01

    stop = threading.Event()
    engine = engine_on(ScriptedSource(script(), live=True), CollectSink())  # type: ignore[arg-type]
    assert engine.health().state == "starting"
    engine.start()
    wait_until(lambda: engine.health().problem is not None, PATIENCE)
    health = engine.health()
    assert (health.overflows, health.reopened, health.problem) == (3, 1, "device is gone")
    assert health.state == "running"
    stop.set()
    engine.stop()
    engine.join(PATIENCE)


def test_streams_that_are_due_together_share_a_batch() -> None:
    speech = np.concatenate([silence(0.5), speech_like(2.0)])
    fourfold = np.stack([speech] * 4, axis=1)
    config = Config(capture=CaptureConfig(channels="split"), recognizer=RecognizerConfig())
    fake = recognizer()
    source = ScriptedSource(blocks(fourfold), channels=4)
    engine = Engine(source, fake, pipeline_factory(config, fake), config, [CollectSink()])
    engine.start()
    assert engine.join(PATIENCE)
    assert max(len(batch) for batch in fake.batches) == 4
    assert fake.open_slots == set()


def test_a_microphone_that_mutes_and_comes_back_is_told() -> None:
    back, done = threading.Event(), threading.Event()

    def script() -> Iterator[CapturedBlock | float]:
        yield from blocks(np.concatenate([speech_like(1.5), silence(1.4)]))
        while not back.is_set():
            yield 0.01
        yield from blocks(white_noise(0.3, dbfs=-60.0))
        while not done.is_set():
            yield 0.01

    source = ScriptedSource(script(), live=True, clock=SystemClock())
    engine = engine_on(source, CollectSink())
    engine.start()

    def trouble() -> str | None:
        return engine.health().streams[0].trouble

    try:
        wait_until(lambda: trouble() is not None, PATIENCE)
        assert trouble() == "muted: the microphone delivers silence; unmute it"
        back.set()
        wait_until(lambda: trouble() is None, PATIENCE)
    finally:
        back.set()
        done.set()
        engine.stop()
        assert engine.join(PATIENCE)


@pytest.mark.parametrize("live", [True, False])
def test_silence_is_a_trouble_of_microphones_alone(live: bool) -> None:
    muted = np.concatenate([speech_like(1.5), silence(1.4)])
    engine = engine_on(ScriptedSource(blocks(muted), live=live), CollectSink())
    engine.start()
    assert engine.join(PATIENCE)
    (stream,) = engine.health().streams
    assert (stream.trouble is not None) is live


def test_each_channel_has_a_trouble_of_its_own() -> None:
    faint = speech_like(3.0, dbfs=-65.0)
    config = Config(capture=CaptureConfig(channels="split"))
    stereo = np.stack([faint, speech_like(3.0, seed=1)], axis=1)
    engine = engine_on(ScriptedSource(blocks(stereo), channels=2), CollectSink(), config=config)
    engine.start()
    assert engine.join(PATIENCE)
    first, second = engine.health().streams
    assert first.trouble is not None
    assert first.trouble.startswith("too quiet: speech was recorded at -")
    assert second.trouble is None


def test_health_tells_the_model_and_what_the_process_costs() -> None:
    clock, used = ManualClock(), [5.0]
    config, fake = Config(), recognizer()
    engine = Engine(
        ScriptedSource(blocks(CALL)), fake, pipeline_factory(config, fake), config, [],
        clock=clock, model="default", model_version="0123abcd", cpu_time=lambda: used[0],
    )  # fmt: skip
    assert (engine.health().model, engine.health().model_version) == ("default", "0123abcd")
    assert engine.health().cpu is None
    clock.advance(2.0)
    used[0] += 0.5
    assert engine.health().cpu == pytest.approx(0.25)
    clock.advance(0.5)
    used[0] += 0.5
    assert engine.health().cpu == pytest.approx(0.25)
    clock.advance(0.5)
    assert engine.health().cpu == pytest.approx(1.0 / 3.0)
