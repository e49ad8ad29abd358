"""A monitor that a test drives, and scenes to show it on the screen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from realtime_ser.circumplex import arousal_valence
from realtime_ser.errors import RealtimeSerError
from realtime_ser.stats import Health, Latency, StreamStatus
from realtime_ser.types import EMOTIONS, UNCERTAIN, TimelineRow
from realtime_ser.ui.app import LiveApp
from realtime_ser.ui.preferences import Preferences
from realtime_ser.ui.sink import UiSink

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from realtime_ser.ui.shown import Excerpt

CLASSES: Final = EMOTIONS
HOP: Final = 0.5
THRESHOLD: Final = 0.4

Speech = tuple[int, float, str]
"""Channel, start in seconds, and a letter for each hop; a lower-case letter is less sure."""

CALL: Final[Sequence[Speech]] = (
    (0, 1.0, "nNNNN"),
    (1, 4.5, "nNnNNN?n"),
    (0, 10.0, "n?aAaAAAAA"),
    (1, 16.0, "nNN?sss"),
    (0, 20.5, "aAAAd?AAAA"),
    (1, 27.0, "NNNNn"),
    (0, 30.5, "fF?nn"),
    (1, 34.0, "nNNhH"),
    (0, 37.5, "?nhHHHHH"),
)
_BY_LETTER: Final = dict(zip("adfhnsp", EMOTIONS, strict=True))


class ScriptedMonitor:
    """Says of itself what the test has set, and notes what the screen asks for."""

    def __init__(self, health: Health) -> None:
        self.current = health
        self.calls: list[str] = []

    def health(self) -> Health:
        return self.current

    def pause(self) -> None:
        self.calls.append("pause")
        self.current = replace(self.current, state="paused")

    def resume(self) -> None:
        self.calls.append("resume")
        self.current = replace(self.current, state="running")

    def stop(self) -> None:
        self.calls.append("stop")


@dataclass(frozen=True)
class Picked:
    """Something a list offers."""

    value: str
    text: str


class ScriptedDesk(ScriptedMonitor):
    """Notes what the user does; ``refusal`` is raised by everything that is slow."""

    def __init__(self, health: Health, logs: Sequence[str] = ("timeline.csv",)) -> None:
        super().__init__(health)
        self.logs = tuple(logs)
        self.source = "mic"
        self.model = "default"
        self.speed = 1.0
        self.uncertain_below = THRESHOLD
        self.classes: Sequence[str] = CLASSES
        self.refusal: RealtimeSerError | None = None
        self.heard: Sequence[float] = ()

    def now(self) -> float:
        return max((status.position for status in self.current.streams), default=0.0)

    def mark(self, note: str, seconds: float) -> bool:
        self.calls.append(f"mark {seconds:g} {note}")
        return True

    def sources(self) -> Sequence[Picked]:
        self._slow("sources")
        return [Picked("mic", "the default microphone"), Picked("mic:3", "3: [red]USB[/red]")]

    def models(self) -> Sequence[Picked]:
        return [Picked("default", "default"), Picked("other", "other")]

    def listen_to(self, source: str) -> None:
        self._slow(f"listen_to {source}")
        self.source = source

    def use_model(self, name: str) -> None:
        self._slow(f"use_model {name}")
        self.model = name

    calibration = 15.0

    def calibrate(self, name: str, on_heard: Callable[[float], None]) -> None:
        for seconds in self.heard:
            on_heard(seconds)
        self._slow(f"calibrate {name}")

    def seek(self, seconds: float) -> None:
        self._slow(f"seek {seconds:g}")

    def start_log(self, name: str) -> None:
        self._slow(f"start_log {name}")
        self.logs = (*self.logs, name)

    def stop_log(self, name: str) -> None:
        self._slow(f"stop_log {name}")
        self.logs = tuple(log for log in self.logs if log != name)

    def _slow(self, call: str) -> None:
        self.calls.append(call)
        if self.refusal is not None:
            raise self.refusal


def make_health(**changes: object) -> Health:
    """A running engine with nothing wrong."""
    health = Health(
        state="running",
        source="demo",
        sample_rate=16_000,
        device="cpu",
        model="default",
        elapsed=0.0,
        duration=60.0,
        problem=None,
        overflows=0,
        reopened=0,
        dropped=0.0,
        queue=0.03,
        realtime_factor=0.04,
        latency=Latency(118.0, 212.0, 240.0),
        rows=0,
        streams=(make_status(),),
    )
    return replace(health, **changes)  # type: ignore[arg-type]


def make_status(channel: int = 0, position: float = 0.0, **changes: object) -> StreamStatus:
    """A quiet stream."""
    status = StreamStatus("demo", channel, position, -57.0, -49.0, False, 0.04)
    return replace(status, **changes)  # type: ignore[arg-type]


def make_row(
    emotion: str = "angry",
    confidence: float = 0.71,
    *,
    start: float = 0.0,
    end: float = 1.0,
    kind: str = "window",
    channel: int = 0,
    stream: str = "demo",
    classes: Sequence[str] = CLASSES,
) -> TimelineRow:
    """A row whose other classes share the rest unevenly."""
    others = [name for name in classes if name != emotion]
    weights = [2.0 ** -(i % 5) for i in range(len(others))]
    rest = (1.0 - confidence) / sum(weights)
    probabilities = {name: rest * w for name, w in zip(others, weights, strict=True)}
    return TimelineRow(
        stream=stream,
        channel=channel,
        kind=kind,  # type: ignore[arg-type]
        start=start,
        end=end,
        utc="2025-01-01T00:00:00.000Z",
        emotion=emotion if confidence >= THRESHOLD else UNCERTAIN,
        confidence=confidence,
        probabilities={
            name: confidence if name == emotion else probabilities[name] for name in classes
        },
        arousal=arousal_valence({emotion: 1.0})[0] * confidence,
        valence=arousal_valence({emotion: 1.0})[1] * confidence,
        level_dbfs=-23.0,
        adapted=0.0,
        latency_ms=150.0,
    )


def speech_rows(speech: Sequence[Speech], until: float, *, mono: bool = False) -> list[TimelineRow]:
    """The rows an engine would have written up to ``until`` seconds."""
    rows = []
    for channel, start, letters in speech:
        channel = 0 if mono else channel
        last = "neutral"
        shown = []
        for i, letter in enumerate(letters):
            end = start + 0.8 + HOP * i
            sure = 0.84 if letter.isupper() else 0.55
            sure = 0.33 if letter == "?" else sure + 0.03 * (i % 4)
            last = _BY_LETTER.get(letter.lower(), last)
            row = make_row(last, sure, start=max(start, end - 3.0), end=end, channel=channel)
            shown.append(last)
            if end <= until:
                rows.append(row)
        end = start + 0.8 + HOP * len(letters)
        main = max(shown, key=shown.count)
        share = shown.count(main) / len(shown)
        if end <= until:
            rows.append(
                make_row(
                    main, 0.2 + 0.6 * share, start=start, end=end, kind="utterance", channel=channel
                )
            )
    return sorted(rows, key=lambda row: (row.end, row.kind == "utterance"))


def make_app(
    monitor: ScriptedMonitor,
    rows: Sequence[TimelineRow] = (),
    *,
    exporter: Callable[[Excerpt], Sequence[str]] | None = None,
    preferences: Preferences | None = None,
) -> LiveApp:
    """The screen over a monitor or desk, with rows that already wait for it."""
    desk = monitor if isinstance(monitor, ScriptedDesk) else None
    sink = UiSink()
    for row in rows:
        sink.write(row)
    return LiveApp(
        monitor,
        classes=CLASSES,
        title="realtime-ser · demo call",
        uncertain_below=THRESHOLD,
        rows=sink,
        controls=desk,
        player=desk,
        exporter=exporter,
        preferences=preferences,
    )
