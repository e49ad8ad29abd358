"""Puts the stages together as the configuration says; commands call this, stages never do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from realtime_ser.alerts.rules import parse_rules
from realtime_ser.alerts.watch import AlertWatch
from realtime_ser.baseline import load_baseline, speakers_folder
from realtime_ser.clock import to_samples, to_seconds
from realtime_ser.errors import ConfigError
from realtime_ser.models import find_model, load_model
from realtime_ser.networks.inference import has_bfloat16
from realtime_ser.pipeline import StreamPipeline
from realtime_ser.recognizer import NetworkRecognizer, choose_device
from realtime_ser.segments import Segmenter
from realtime_ser.timeline import Timeline
from realtime_ser.vad import Vad, make_vad

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from realtime_ser.alerts.rules import Rule
    from realtime_ser.config import Config
    from realtime_ser.models import Model
    from realtime_ser.pipeline import PipelineFactory
    from realtime_ser.recognizer import Recognizer


def load_recognizer(
    config: Config, speaker: str | None = None, *, adapt: bool = True, many: bool = False
) -> NetworkRecognizer:
    """The configured model on the configured device.

    Args:
        config: names both.
        speaker: name of the baseline that every stream starts from.
        adapt: False hears every segment as the first of its stream.
        many: it is for many streams at once: precision "auto" may take bfloat16.

    Raises:
        ModelError: the model cannot be used.
        ConfigError: the device or the precision is not there, the hop does not suit the model, or
            the speaker is not known.
    """
    device = choose_device(config.recognizer.device)
    # A step of a few streams is too small to be shared between cores: waiting for each other
    # costs more than it saves, many times more where the cores have other work.
    torch.set_num_threads(1)
    bfloat16 = _takes_bfloat16(config.recognizer.precision, device, many=many)
    model = load_model(find_model(config.recognizer.model))
    _check_hop(config, model)
    known = None
    if speaker is not None:
        known = load_baseline(speaker, model.sha256, speakers_folder()).memory
    try:
        window = config.recognizer.window
        return NetworkRecognizer(model, device, window, known, adapt=adapt, bfloat16=bfloat16)
    except ConfigError as error:
        raise ConfigError(f"speaker {speaker!r}: {error}") from error


def pipeline_factory(
    config: Config, recognizer: Recognizer, vad: Vad | None = None
) -> PipelineFactory:
    """Makes the chain of one stream; they share the detector's weights.

    Raises:
        ConfigError: a rule asks for an emotion that the recogniser does not know.
    """
    alerts = config.alerts
    rules = _rules_for(alerts.rules, recognizer.classes)
    shared_vad = vad or make_vad(config.vad)

    def make(stream: str, channel: int, started: datetime, *, live: bool = False) -> StreamPipeline:
        return StreamPipeline(
            vad=shared_vad.stream(),
            segmenter=Segmenter(config.segments, config.vad.threshold, config.vad.release),
            timeline=Timeline(stream, channel, recognizer.classes, config.timeline, started),
            config=config,
            unit_samples=recognizer.unit_samples,
            live=live,
            alerts=AlertWatch(
                rules, cool_down=alerts.cool_down, margin=alerts.margin, pause=alerts.pause
            ),
        )

    return make


def _takes_bfloat16(precision: str, device: torch.device, *, many: bool) -> bool:
    if precision == "bfloat16" and not has_bfloat16(device):
        raise ConfigError(
            f"recognizer.precision = bfloat16: this machine's {device.type} has none; use auto"
        )
    return precision == "bfloat16" or (precision == "auto" and many and has_bfloat16(device))


def _rules_for(texts: Sequence[str], classes: Sequence[str]) -> tuple[Rule, ...]:
    """Rules that can fire; one that never could would be taken for good news."""
    rules = parse_rules(texts)
    for rule in rules:
        if rule.classes and not set(rule.classes) & set(classes):
            raise ConfigError(
                f"alerts.rules: rule '{rule.condition}': the model knows only "
                f"{', '.join(classes)}; change the rule, or use another model"
            )
    return rules


def _check_hop(config: Config, model: Model) -> None:
    """A hop is what a network is given, and it takes whole blocks."""
    network, hop = model.network, config.recognizer.hop
    block = network.frames_per_unit * network.units_together * model.features.hop
    if to_samples(hop) % block:
        suitable = to_seconds(math.lcm(block, to_samples(0.1)))
        raise ConfigError(
            f"recognizer.hop = {hop:g}: model {model.name} hears {to_seconds(block):g} s together; "
            f"use a multiple of {suitable:g} s or another model"
        )
