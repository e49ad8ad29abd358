"""Configuration: defaults < file < environment < flags. An unknown key is an error.

``configs/default.toml`` lists every key with its unit; a test keeps it equal to the defaults here.
"""

from __future__ import annotations

import contextlib
import difflib
import ipaddress
import os
import typing
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from realtime_ser.alerts.address import parse_address
from realtime_ser.alerts.rules import parse_rules
from realtime_ser.errors import ConfigError
from realtime_ser.toml import read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ENVIRONMENT_PREFIX = "REALTIME_SER_"
NO_SETTINGS = ("REALTIME_SER_TOKEN",)
"""Variables of that prefix that set no key: a secret stays out of files and error texts."""


@dataclass(frozen=True, slots=True)
class CaptureConfig:
    """How audio comes in."""

    channels: Literal["mix", "split"] = "mix"
    left_out: tuple[int, ...] = ()
    """Channels that are not listened to when each is a stream of its own; the first one is 0."""
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

    backend: Literal["webrtc", "silero", "cascade"] = "silero"
    threshold: float = 0.5
    """Probability from which a block opens a segment."""
    release: float = 0.35
    """Probability under which a block counts as silence inside a segment."""
    second_pitch: float = 0.75
    """silero, in cascade too, also hears the voice at so much of its pitch; 1: it does not."""
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
    precision: Literal["auto", "full", "bfloat16"] = "auto"
    """Of the network's trunk; auto: bfloat16 for many streams where the processor has it."""
    hop: float = 0.5
    """Seconds between window rows during speech; a multiple of 0.1."""
    window: float = 3.0
    """Seconds that a window row looks back."""
    max_batch_size: int = 256
    max_wait: float = 0.02
    """Seconds that the first due stream waits for others to join its batch."""


@dataclass(frozen=True, slots=True)
class FloorConfig:
    """How many streams a server takes on."""

    max_streams: int = 400
    max_hop: float = 2.0
    """Seconds to which the hop may be stretched, where there is too much to do, before new streams
    are refused."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """What ``serve`` listens to, writes, and allows."""

    host: str = "127.0.0.1"
    port: int = 8765
    streams_a_client: int = 200
    """Streams that may come from one address."""
    max_message: int = 262_144
    """Bytes of one message."""
    idle: float = 60.0
    """Seconds without a message, after which a call is over."""
    drain: float = 10.0
    """Seconds in which calls are brought to an end when the server is told to end."""
    analyse_agent: bool = False
    """Analyse people at work, too; see docs/responsible-use.md."""
    output: str = ""
    """Folder of the timelines; empty: none are written."""
    format: Literal["csv", "jsonl"] = "csv"
    keep_days: float = 0.0
    """Days after which timelines are removed; 0: never."""
    pseudonyms: bool = False
    """Write and show keyed hashes in the place of names."""
    origins: tuple[str, ...] = ()
    """Of pages from elsewhere that may connect."""
    proxies: tuple[str, ...] = ()
    """Addresses, or networks, of proxies that are believed when they name a client."""


@dataclass(frozen=True, slots=True)
class TimelineConfig:
    """How predictions become rows."""

    uncertain_below: float = 0.48
    """Confidence under which a row says ``uncertain``."""
    smoothing: float = 0.0
    """Time constant, in seconds, of the smoothing of window rows; 0 switches it off."""


@dataclass(frozen=True, slots=True)
class AlertConfig:
    """What raises an alert, and who is told; docs/alerts.md."""

    rules: tuple[str, ...] = ()
    """Such as ``angry >= 0.6 for 5 s``; see ``alerts.rules``."""
    cool_down: float = 60.0
    """Seconds after an alert in which its rule raises no other on that stream."""
    margin: float = 0.1
    """How far a value has to fall short of a rule's limit to speak against the rule."""
    pause: float = 10.0
    """Seconds without anything for a rule after which what it has held is forgotten."""
    webhook: str = ""
    """URL that live sessions post alerts to; empty: none."""
    secret_file: str = ""
    """File whose text signs what is posted; never the secret itself."""


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be set."""

    capture: CaptureConfig = field(default_factory=CaptureConfig)
    vad: VadConfig = field(default_factory=VadConfig)
    segments: SegmentConfig = field(default_factory=SegmentConfig)
    recognizer: RecognizerConfig = field(default_factory=RecognizerConfig)
    timeline: TimelineConfig = field(default_factory=TimelineConfig)
    floor: FloorConfig = field(default_factory=FloorConfig)
    server: ServerConfig = field(default_factory=ServerConfig)
    alerts: AlertConfig = field(default_factory=AlertConfig)

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
    origins: dict[str, str] = {}
    known = _known_keys()
    for key, origin, value in layers:
        if key not in known:
            raise ConfigError(f"{origin}: unknown key {key!r}; {_hint(key, known)}")
        section, _, name = key.partition(".")
        sections.setdefault(section, {})[name] = coerce(value, known[key], origin, key)
        origins[key] = origin
    base = Config()
    try:
        return replace(
            base,
            **{name: replace(getattr(base, name), **values) for name, values in sections.items()},
        )
    except _RangeError as error:
        # Two keys can be at odds, and only one of them need have been set.
        origin = next(origins[key] for key in error.keys if key in origins)
        raise ConfigError(f"{origin}: {error}") from None


class _RangeError(ConfigError):
    """A value out of range."""

    def __init__(self, text: str, keys: tuple[str, ...]) -> None:
        super().__init__(text)
        self.keys = keys


def _hint(key: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known keys: {', '.join(known)}"


def _known_keys() -> dict[str, Any]:
    """Dotted key -> type, in the order of the dataclasses."""
    found: dict[str, Any] = {}
    for section, section_type in typing.get_type_hints(Config).items():
        hints = typing.get_type_hints(section_type)
        found |= {f"{section}.{f.name}": hints[f.name] for f in fields(section_type)}
    return found


def _from_file(file: Path) -> list[tuple[str, str, Any]]:
    try:
        content = read_toml(file)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise ConfigError(f"{file}: not a TOML file ({error})") from error
    layers, sections = [], typing.get_type_hints(Config)
    for section, values in content.items():
        if not isinstance(values, dict):
            raise ConfigError(f"{file}: unknown key {section!r}; keys live in tables like [vad]")
        if section not in sections:
            raise ConfigError(f"{file}: unknown table [{section}]; {_hint(section, sections)}")
        layers += [(f"{section}.{name}", str(file), value) for name, value in values.items()]
    return layers


def _from_environment(environment: Mapping[str, str]) -> list[tuple[str, str, Any]]:
    layers: list[tuple[str, str, Any]] = []
    known = _known_keys()
    names = {key.replace(".", "_").upper(): key for key in known}
    for variable, text in environment.items():
        if variable.startswith(ENVIRONMENT_PREFIX) and variable not in NO_SETTINGS:
            suffix = variable.removeprefix(ENVIRONMENT_PREFIX)
            key = names.get(suffix, suffix.lower().replace("_", ".", 1))
            layers.append((key, variable, _from_text(text, known.get(key))))
    return layers


def _from_text(text: str, kind: Any) -> Any:
    """The value that a text stands for where no text is wanted; else the text itself."""
    if kind is bool:
        return {"true": True, "false": False}.get(text, text)
    if kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text


def coerce(value: Any, kind: Any, origin: str, key: str) -> Any:
    """The value as the type of its key; whole numbers are fine as floats, lists as tuples.

    Args:
        value: as a file or an option gives it.
        kind: a Literal, int, float, str, or a tuple of any number of one of them.
        origin: what the value comes from, for the error.
        key: its name, for the error.

    Raises:
        ConfigError: a value of another type.
    """
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{origin}: {key} = {value!r} is not a list")
        return tuple(coerce(item, typing.get_args(kind)[0], origin, key) for item in value)
    if typing.get_origin(kind) is Literal:
        allowed = typing.get_args(kind)
        if value not in allowed:
            raise ConfigError(f"{origin}: {key} = {value!r} is not one of {', '.join(allowed)}")
        return value
    if kind is float and type(value) is int:
        try:
            return float(value)
        except OverflowError as error:
            raise ConfigError(f"{origin}: {key} is too large a number") from error
    if type(value) is not kind:
        raise ConfigError(f"{origin}: {key} = {value!r} is not {_NAMES_OF_KINDS[kind]}")
    return value


_NAMES_OF_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
}


def _check_ranges(config: Config) -> None:
    """Refuse what no stage could work with."""
    capture, vad, segments = config.capture, config.vad, config.segments
    recognizer, timeline, alerts = config.recognizer, config.timeline, config.alerts
    ranges: list[tuple[str, float, float | str, float | str]] = [
        *(("capture.left_out", channel, 0, 1023) for channel in capture.left_out),
        ("capture.block", capture.block, 0.005, 1.0),
        ("capture.ring", capture.ring, 1.0, 600.0),
        ("capture.stall", capture.stall, 0.1, 3600.0),
        ("capture.retry", capture.retry, 0.01, "capture.retry_max"),
        ("capture.retry_max", capture.retry_max, 0.01, 3600.0),
        ("vad.threshold", vad.threshold, 0.0, 1.0),
        ("vad.release", vad.release, 0.0, "vad.threshold"),
        ("vad.second_pitch", vad.second_pitch, 0.5, 1.0),
        ("vad.webrtc_mode", vad.webrtc_mode, 0, 3),
        ("segments.min_speech", segments.min_speech, 0.0, 5.0),
        ("segments.min_silence", segments.min_silence, 0.05, 10.0),
        ("segments.prefix_padding", segments.prefix_padding, 0.0, 1.0),
        ("segments.suffix_padding", segments.suffix_padding, 0.0, "segments.min_silence"),
        ("segments.max_segment", segments.max_segment, 2.0, 600.0),
        ("recognizer.hop", recognizer.hop, 0.1, 10.0),
        ("recognizer.window", recognizer.window, "recognizer.hop", 60.0),
        ("recognizer.max_batch_size", recognizer.max_batch_size, 1, 65_536),
        ("recognizer.max_wait", recognizer.max_wait, 0.0, 1.0),
        ("timeline.uncertain_below", timeline.uncertain_below, 0.0, 1.0),
        ("timeline.smoothing", timeline.smoothing, 0.0, 10.0),
        ("floor.max_streams", config.floor.max_streams, 1, 65_536),
        ("floor.max_hop", config.floor.max_hop, 0.1, 60.0),
        ("server.port", config.server.port, 0, 65_535),
        ("server.streams_a_client", config.server.streams_a_client, 1, 65_536),
        ("server.max_message", config.server.max_message, 1024, 1 << 26),
        ("server.idle", config.server.idle, 0.1, 86_400.0),
        ("server.drain", config.server.drain, 0.0, 600.0),
        ("server.keep_days", config.server.keep_days, 0.0, 36_500.0),
        ("alerts.cool_down", alerts.cool_down, 0.0, 86_400.0),
        ("alerts.margin", alerts.margin, 0.0, 0.5),
        ("alerts.pause", alerts.pause, 0.0, 600.0),
    ]
    values = {key: value for key, value, _, _ in ranges}
    for key, value, *limits in ranges:
        low, high = (values[x] if isinstance(x, str) else x for x in limits)
        if not low <= value <= high:
            others = tuple(x for x in limits if isinstance(x, str))
            shown = [f"{x} = {values[x]}" if isinstance(x, str) else str(x) for x in limits]
            raise _RangeError(f"{key} = {value} is outside {' to '.join(shown)}", (key, *others))
    if capture.left_out and capture.channels == "mix":
        raise _RangeError(
            "capture.left_out leaves nothing out of mixed channels; set capture.channels = 'split'",
            ("capture.left_out", "capture.channels"),
        )
    tenths = recognizer.hop * 10
    if abs(tenths - round(tenths)) > 1e-6:
        raise _RangeError(
            f"recognizer.hop = {recognizer.hop} is not a multiple of 0.1 s", ("recognizer.hop",)
        )
    _check_alerts(alerts)
    _check_peers(config.server)


def _check_peers(server: ServerConfig) -> None:
    """A name with a slip of the pen in it would simply never match."""
    for origin in server.origins:
        try:
            page = urlsplit(origin)
            usable = page.scheme in ("http", "https") and origin == f"{page.scheme}://{page.netloc}"
        except ValueError:
            usable = False
        if not usable or not page.netloc:
            raise _RangeError(
                f"server.origins: {origin!r} is no origin; give scheme and host alone, such as "
                "https://calls.example.com",
                ("server.origins",),
            )
    for proxy in server.proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError:
            raise _RangeError(
                f"server.proxies: {proxy!r} is no address; such as 127.0.0.1 or 10.0.0.0/8",
                ("server.proxies",),
            ) from None


def _check_alerts(alerts: AlertConfig) -> None:
    try:
        parse_rules(alerts.rules)
    except ConfigError as error:
        raise _RangeError(f"alerts.rules: {error}", ("alerts.rules",)) from None
    if not alerts.webhook:
        return
    try:
        parse_address(alerts.webhook)
    except ConfigError as error:
        raise _RangeError(f"alerts.webhook: {error}", ("alerts.webhook",)) from None
    if not alerts.secret_file:
        raise _RangeError(
            "alerts.webhook needs alerts.secret_file, a file whose text signs what is posted "
            "(openssl rand -hex 32 > FILE)",
            ("alerts.secret_file", "alerts.webhook"),
        )
