"""What the user of the live screen can do to the session. Implements the screen's ``Controls``.

What is *slow* takes up to seconds and belongs into a thread; everything else returns at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from realtime_ser.assembly import load_recognizer
from realtime_ser.baseline import (
    Baseline,
    check_name,
    prepare_folder,
    save_baseline,
    speakers_folder,
)
from realtime_ser.capture.devices import list_devices
from realtime_ser.capture.file import FileSource
from realtime_ser.capture.open import is_microphone
from realtime_ser.enrolment import listen
from realtime_ser.errors import ConfigError, SinkError, SourceError
from realtime_ser.marks import Mark
from realtime_ser.models import list_models
from realtime_ser.sinks.csv import CsvSink
from realtime_ser.sinks.jsonl import JsonlSink
from realtime_ser.sinks.lasting import LastingSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtime_ser.stats import Health
    from realtime_ser.succession import Succession

CALIBRATION: Final = 15.0
"""Seconds of calm speech that a speaker is known by."""
ENOUGH: Final = 5.0
"""Seconds of speech under which nobody is known."""
SLOWEST, FASTEST = 0.25, 16.0
"""Times the speed at which a recording was made."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that can be picked."""

    value: str
    """As typed on the command line."""
    text: str
    """For a list."""


class Desk:
    """Sources, models, files and speakers come and go; the session stays."""

    def __init__(self, engines: Succession) -> None:
        self._engines = engines

    def health(self) -> Health:
        """See ``Succession.health``."""
        return self._engines.health()

    def pause(self) -> None:
        """See ``Engine.pause``."""
        self._engines.pause(True)

    def resume(self) -> None:
        """See ``Engine.resume``."""
        self._engines.pause(False)

    def stop(self) -> None:
        """See ``Succession.stop``."""
        self._engines.stop()

    @property
    def source(self) -> str:
        """What is listened to, as typed."""
        return self._engines.uri

    @property
    def model(self) -> str:
        """What recognises, as typed."""
        return self._engines.config.recognizer.model

    @property
    def classes(self) -> tuple[str, ...]:
        """Of the model, in its order."""
        return tuple(self._engines.recognizer.classes)

    @property
    def logs(self) -> tuple[str, ...]:
        """The files that are written."""
        return tuple(self._engines.logs)

    @property
    def uncertain_below(self) -> float:
        """Confidence under which rows say ``uncertain``."""
        return self._engines.config.timeline.uncertain_below

    @uncertain_below.setter
    def uncertain_below(self, confidence: float) -> None:
        self._engines.uncertain_below(min(1.0, max(0.0, round(confidence, 2))))

    def now(self) -> float:
        """Seconds of audio that have been heard."""
        return self._engines.position

    def mark(self, note: str, seconds: float) -> bool:
        """Mark a moment; False when it could not be taken.

        Raises:
            SinkError: a file cannot be written.
        """
        return self._engines.mark(Mark(seconds, note))

    @property
    def speed(self) -> float:
        """Of playing a recording, times that at which it was made."""
        return self._engines.speed

    @speed.setter
    def speed(self, factor: float) -> None:
        self._engines.play_at(min(FASTEST, max(SLOWEST, factor)))

    def start_log(self, name: str) -> None:
        """Write the rows from now on to one more file; JSON Lines where it ends so. Slow.

        Raises:
            SinkError: it exists, or cannot be written.
        """
        path = _path(name)
        engines = self._engines
        if str(path) in engines.logs:
            raise SinkError(f"{path}: is being written already")
        if str(path) in ("", ".", "-"):
            raise SinkError("a timeline needs the name of a file")
        _refuse_existing(path)
        jsonl = path.suffix.lower() in (".jsonl", ".ndjson")
        log = LastingSink(JsonlSink(path) if jsonl else CsvSink(path), dispensable=True)
        with engines.files_at_rest():
            log.check()
            log.open()
            engines.logs[str(path)] = log
            engines.engine.add_sink(log)

    def stop_log(self, name: str) -> None:
        """Write a file no more. Slow.

        Raises:
            SinkError: its last rows may be missing.
        """
        engines = self._engines
        with engines.files_at_rest():
            log = engines.logs.pop(name, None)
            if log is not None:
                engines.engine.remove_sink(log)
                log.finish()

    def sources(self) -> list[Choice]:
        """Microphones that can be picked. Slow.

        Raises:
            SourceError: there is no usable audio system.
        """
        choices = [Choice("mic", "the default microphone")]
        for device in list_devices():
            mark = "  (default)" if device.is_default else ""
            # By name: the number of a device changes when others come and go.
            choices.append(Choice(f"mic:{device.name}", f"{device.name}  {device.host_api}{mark}"))
        return choices

    def models(self) -> list[Choice]:
        """Models that come with the package, and the present one."""
        shipped = [folder.name for folder in list_models()]
        return [Choice(name, name) for name in dict.fromkeys([*shipped, self.model])]

    def listen_to(self, source: str) -> None:
        """Switch to another source; its rows go on in the same files. Slow.

        Raises:
            RealtimeSerError: it cannot be opened; the one before goes on.
        """
        if source == "-":
            raise SourceError("-: standard input cannot be picked; name a microphone or a file")
        if not is_microphone(source):
            source = str(_path(source))
        self._engines.change(source, "new")

    def use_model(self, name: str) -> None:
        """Recognise with another model, from here on; speakers it knows are known no more. Slow.

        Raises:
            RealtimeSerError: it cannot be used; the one before goes on.
        """
        engines = self._engines
        recognizer = replace(engines.config.recognizer, model=name)
        config = replace(engines.config, recognizer=recognizer)
        engines.change(engines.uri, "same", recognizer=load_recognizer(config), model=name)

    def seek(self, seconds: float) -> None:
        """Go on at another moment of a recording. Slow.

        Raises:
            ConfigError: a file is being written, whose rows would not be in order.
        """
        engines = self._engines
        if engines.logs:
            raise ConfigError(
                f"{next(iter(engines.logs))} is being written and would have gaps or doubled "
                "rows; stop writing it first (l)"
            )
        if not isinstance(engines.source, FileSource):
            raise ConfigError(f"{engines.uri}: only recordings can be moved in")
        duration = engines.health().duration or 0.0
        to = min(max(0.0, seconds), max(0.0, duration - 0.5))
        engines.change(engines.uri, "moved", start=to)

    @property
    def calibration(self) -> float:
        """Seconds of speech that a voice is learned from."""
        return CALIBRATION

    def calibrate(self, name: str, on_heard: Callable[[float], None]) -> None:
        """Learn how the present speaker usually sounds, and go on knowing it. Slow.

        Args:
            name: of the speaker.
            on_heard: told the seconds of speech so far; what it raises ends the calibration.

        Raises:
            RealtimeSerError: it cannot be done; listening goes on.
        """
        self._check_calibration(name)
        engines = self._engines
        recognizer = engines.recognizer

        def heard(seconds: float) -> None:
            if engines.leaving.is_set():
                raise SourceError(f"{name} is not known: the session ended")
            on_heard(seconds)

        with engines.between():
            memory, speech = listen(
                engines.open_source(engines.uri, 0.0), recognizer, engines.make_pipeline(),
                CALIBRATION, engines.clock, heard,
            )  # fmt: skip
            if speech < ENOUGH:
                raise SourceError(f"only {speech:.1f} s of speech were heard; {ENOUGH:g} s needed")
            save_baseline(Baseline(name, recognizer.sha256, speech, memory), speakers_folder())
            engines.recognizer = load_recognizer(engines.config, name)

    def _check_calibration(self, name: str) -> None:
        engines = self._engines
        check_name(name)
        prepare_folder(speakers_folder())
        if not is_microphone(engines.uri):
            raise ConfigError("a speaker is learned from a microphone, and this is none")
        if engines.config.capture.channels == "split":
            raise ConfigError("a speaker is one person; start with --channels mix to learn one")
        if not engines.recognizer.adapts:
            raise ConfigError(f"model {engines.recognizer.name} does not adapt to speakers")


def _path(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{name}: nobody of this name has a home folder") from error


def _refuse_existing(path: Path) -> None:
    """Also what is no file: opening a named pipe would wait for its reader."""
    try:
        path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise SinkError(f"{path}: cannot be written ({error.strerror or error})") from error
    raise SinkError(f"{path}: already exists; use another name")
