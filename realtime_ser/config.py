"""Configuration: defaults < file < environment < flags. An unknown key is an error.

``configs/default.toml`` lists every key with its unit; a test keeps it equal to the defaults here.
"""

from __future__ import annotations

import os
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from realtime_ser.errors import ConfigError

ENVIRONMENT_PREFIX = "REALTIME_SER_"


@dataclass(frozen=True, slots=True)
class CaptureConfig:
    """How audio comes in."""

    channels: Literal["mix", "split"] = "mix"
    block: float = 0.032
    """Seconds a block that a source delivers."""
    ring: float = 10.0
    """Seconds of audio that the ring buffer of a stream holds."""
    stall: float = 2.0
    """Seconds without audio after which a live device counts as lost."""
    retry: float = 0.5
    """Seconds before a lost device is opened again; doubled at each failure up to ``retry_max``."""
    retry_max: float = 10.0


@dataclass(frozen=True, slots=True)
class VadConfig:
    """What counts as speech."""

    backend: Literal["webrtc", "silero", "cascade"] = "cascade"
    threshold: float = 0.5
    """Probability from which a block opens a segment."""
    release: float = 0.35
    """Probability under which a block counts as silence inside a segment."""
    webrtc_mode: int = 1
    """0 (lets most through) to 3 (strictest)."""


@dataclass(frozen=True, slots=True)
class SegmentConfig:
    """How decisions become segments of speech; all in seconds."""

    min_speech: float = 0.128
    min_silence: float = 0.4
    prefix_padding: float = 0.1
    suffix_padding: float = 0.2
    max_segment: float = 30.0
    """A longer stretch of speech is cut here; the next segment follows without a gap."""


@dataclass(frozen=True, slots=True)
class RecognizerConfig:
    """Which model runs, where, and how often."""

    model: str = "default"
    """Name of a shipped model or path of a model folder."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    hop: float = 0.5
    """Seconds between window rows during speech; a multiple of 0.1."""
    window: float = 3.0
    """Seconds that a window row looks back."""
    max_batch_size: int = 256
    max_wait: float = 0.02
    """Seconds that the first due stream waits for others to join its batch."""


@dataclass(frozen=True, slots=True)
class TimelineConfig:
    """How predictions become rows."""

    uncertain_below: float = 0.4
    """Confidence under which a row says ``uncertain``."""
    smoothing: float = 0.5
    """Time constant, in seconds, of the smoothing of window rows; 0 switches it off."""


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be set."""

    capture: CaptureConfig = field(default_factory=CaptureConfig)
    vad: VadConfig = field(default_factory=VadConfig)
    segments: SegmentConfig = field(default_factory=SegmentConfig)
    recognizer: RecognizerConfig = field(default_factory=RecognizerConfig)
    timeline: TimelineConfig = field(default_factory=TimelineConfig)

    def __post_init__(self) -> None:
        _check_ranges(self)


def load_config(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """Build the configuration.

    Args:
        file: a TOML file with the tables of ``configs/default.toml``, or None.
        environment: variables; ``REALTIME_SER_VAD_BACKEND=silero`` sets ``vad.backend``.
            None reads the process's own.
        flags: dotted keys (``"recognizer.device"``); values that are None are passed over.

    Raises:
        ConfigError: an unreadable file, an unknown key, a wrong type or a value out of range.
    """
    layers: list[tuple[str, str, Any]] = []
    if file is not None:
        layers += _from_file(file)
    layers += _from_environment(os.environ if environment is None else environment)
    layers += [(k, f"option {k}", v) for k, v in (flags or {}).items() if v is not None]

    sections: dict[str, dict[str, Any]] = {}
    known = _known_keys()
    for key, origin, value in layers:
        if key not in known:
            raise ConfigError(f"{origin}: unknown key {key!r}; known keys: {', '.join(known)}")
        section, _, name = key.partition(".")
        sections.setdefault(section, {})[name] = _coerce(value, known[key], origin, key)
    base = Config()
    return replace(
        base, **{name: replace(getattr(base, name), **values) for name, values in sections.items()}
    )


def _known_keys() -> dict[str, Any]:
    """Dotted key -> type, in the order of the dataclasses."""
    found = {}
    for section, section_type in typing.get_type_hints(Config).items():
        hints = typing.get_type_hints(section_type)
        found |= {f"{section}.{f.name}": hints[f.name] for f in fields(section_type)}
    return found


def _from_file(file: Path) -> list[tuple[str, str, Any]]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror or error})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not a TOML file ({error})") from error
    layers = []
    for section, values in content.items():
        if not isinstance(values, dict):
            raise ConfigError(f"{file}: unknown key {section!r}; keys live in tables like [vad]")
        layers += [(f"{section}.{name}", str(file), value) for name, value in values.items()]
    return layers


def _from_environment(environment: Mapping[str, str]) -> list[tuple[str, str, Any]]:
    layers = []
    names = {key.replace(".", "_").upper(): key for key in _known_keys()}
    for variable, value in environment.items():
        if variable.startswith(ENVIRONMENT_PREFIX):
            suffix = variable.removeprefix(ENVIRONMENT_PREFIX)
            layers.append((names.get(suffix, suffix.lower()), variable, value))
    return layers


def _coerce(value: Any, kind: Any, origin: str, key: str) -> Any:
    """Turn a value of a file (typed) or of the environment (text) into the type of its key."""
    if typing.get_origin(kind) is Literal:
        allowed = typing.get_args(kind)
        if value not in allowed:
            raise ConfigError(f"{origin}: {key} = {value!r} is not one of {', '.join(allowed)}")
        return value
    if isinstance(kind, types.UnionType) or isinstance(value, bool):
        raise ConfigError(f"{origin}: {key} = {value!r} is not a {kind.__name__}")
    try:
        if kind is int and isinstance(value, float):
            raise ValueError
        return kind(value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{origin}: {key} = {value!r} is not a {kind.__name__}") from error


def _check_ranges(config: Config) -> None:
    """Refuse what no stage could work with."""
    seconds = {
        "capture.block": (config.capture.block, 0.005, 1.0),
        "capture.ring": (config.capture.ring, 1.0, 600.0),
        "capture.stall": (config.capture.stall, 0.1, 3600.0),
        "capture.retry": (config.capture.retry, 0.01, 3600.0),
        "capture.retry_max": (config.capture.retry_max, 0.01, 3600.0),
        "vad.threshold": (config.vad.threshold, 0.0, 1.0),
        "vad.release": (config.vad.release, 0.0, config.vad.threshold),
        "vad.webrtc_mode": (config.vad.webrtc_mode, 0, 3),
        "segments.min_speech": (config.segments.min_speech, 0.0, 5.0),
        "segments.min_silence": (config.segments.min_silence, 0.05, 10.0),
        "segments.prefix_padding": (config.segments.prefix_padding, 0.0, 1.0),
        "segments.suffix_padding": (
            config.segments.suffix_padding, 0.0, config.segments.min_silence,
        ),
        "segments.max_segment": (config.segments.max_segment, 2.0, 600.0),
        "recognizer.hop": (config.recognizer.hop, 0.1, 10.0),
        "recognizer.window": (config.recognizer.window, config.recognizer.hop, 60.0),
        "recognizer.max_batch_size": (config.recognizer.max_batch_size, 1, 65_536),
        "recognizer.max_wait": (config.recognizer.max_wait, 0.0, 1.0),
        "timeline.uncertain_below": (config.timeline.uncertain_below, 0.0, 1.0),
        "timeline.smoothing": (config.timeline.smoothing, 0.0, 10.0),
    }  # fmt: skip
    for key, (value, low, high) in seconds.items():
        if not low <= value <= high:
            raise ConfigError(f"{key} = {value} is outside {low} to {high}")
    hop_tenths = config.recognizer.hop * 10
    if abs(hop_tenths - round(hop_tenths)) > 1e-6:
        raise ConfigError(f"recognizer.hop = {config.recognizer.hop} is not a multiple of 0.1 s")
