"""What a model description must say; a folder may come from anywhere."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

import torch

from realtime_ser.config import coerce
from realtime_ser.errors import ConfigError, ModelError
from realtime_ser.features import FeatureConfig, FrontEnd
from realtime_ser.fusion import Fusion, FusionConfig
from realtime_ser.networks import network_config
from realtime_ser.types import EMOTIONS, SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from realtime_ser.networks.protocol import StreamingNetwork

Settings = TypeVar("Settings")
Range = tuple[str, float, float, float]
"""Key, value, least and greatest value."""

LONGEST_UNIT = 10 * SAMPLE_RATE
"""Samples; no hop is longer."""
SUM_TOLERANCE = 0.01
"""Of fusion weights, which files may have rounded."""
NO_NUMBERS = "the weights give no numbers"
AGAIN = "train or install the model again"


def read_table(description: Mapping[str, Any], key: str, file: Path) -> Mapping[str, Any]:
    """A table of ``model.toml``.

    Raises:
        ModelError: it is missing.
    """
    table = description.get(key)
    if not isinstance(table, dict):
        raise ModelError(f"{file}: table [{key}] is missing")
    return table


def read_classes(description: Mapping[str, Any], file: Path) -> tuple[str, ...]:
    """The classes of a model.

    Raises:
        ModelError: not two or more emotions that this package knows.
    """
    found = description.get("classes")
    names = found if isinstance(found, list) else []
    known = all(name in EMOTIONS for name in names)
    if not known or len(names) < 2 or len(set(names)) != len(names):
        raise ModelError(
            f"{file}: classes must be some of {', '.join(EMOTIONS)}, two or more, each once"
        )
    return tuple(names)


def read_hyper(description: Mapping[str, Any], file: Path) -> Any:
    """``[hyper]`` as the configuration of the model's network.

    Raises:
        ModelError: an unknown network, or a value that is missing or of another type.
    """
    table = read_table(description, "hyper", file)
    try:
        config = network_config(str(description.get("network")), table)
    except ModelError as error:
        raise ModelError(f"{file}: {error}") from error
    _check_complete(table, config, "hyper", file)
    return config


def read_features(description: Mapping[str, Any], file: Path) -> FeatureConfig:
    """``[features]``.

    Raises:
        ModelError: a value that is missing, of another type, or one that no front end could work
            with.
    """
    c = _read(FeatureConfig, description, "features", file)
    _check_ranges([(f"features.{key}", v, low, high) for key, v, low, high in c.ranges()], file)
    return c


def read_fusion(description: Mapping[str, Any], file: Path) -> FusionConfig:
    """``[fusion]``.

    Raises:
        ModelError: a value that is missing or of another type, or what does not make a
            distribution.
    """
    table = read_table(description, "fusion", file)
    half = table.get("half")
    if not isinstance(half, int | float) or isinstance(half, bool):
        raise ModelError(f"{file}: fusion.half = {half!r} is not a number")
    _check_ranges([("fusion.half", half, 1e-3, 1e6)], file)
    known = {field.name for field in fields(FusionConfig)}
    unknown = sorted(set(table) - known)
    if unknown:
        raise ModelError(f"{file}: [fusion]: unknown key {unknown[0]!r}")
    return FusionConfig(
        **{name: _read_one_fusion(table, name, file) for name in sorted(known - {"half"})},
        half=float(half),
    )


def _read_one_fusion(table: Mapping[str, Any], name: str, file: Path) -> Fusion:
    where = f"fusion.{name}"
    fusion = _read(Fusion, {where: table.get(name)}, where, file)
    _check_ranges(
        [
            *((f"{where}.weights", weight, 0.0, 1.0 + SUM_TOLERANCE) for weight in fusion.weights),
            (f"{where}.temperature", fusion.temperature, 1e-3, 1e3),
        ],
        file,
    )
    if abs(sum(fusion.weights) - 1.0) > SUM_TOLERANCE:
        raise ModelError(f"{file}: {where}.weights sum to {sum(fusion.weights):g} instead of 1")
    return fusion


def check_fit(
    network: StreamingNetwork,
    config: Any,
    classes: tuple[str, ...],
    features: FeatureConfig,
    fusion: FusionConfig,
    file: Path,
) -> None:
    """Refuse parts that do not fit one another; silence has to pass through them.

    Args:
        network: with its weights, in evaluation mode, on the CPU.
        config: what it was built from.
        classes: of the model.
        features: of the model.
        fusion: of the model.
        file: named in the error.

    Raises:
        ModelError: they do not fit.
    """
    counts = {len(part.weights) for part in fusion}
    if network.n_classes != len(classes) or counts != {network.n_scales}:
        raise ModelError(f"{file}: classes or fusion weights do not fit the network")
    bands = getattr(config, "n_mels", features.n_mels)
    if bands != features.n_mels:
        raise ModelError(
            f"{file}: features.n_mels = {features.n_mels}, but the network takes {bands} "
            "(hyper.n_mels)"
        )
    together = network.units_together * network.frames_per_unit
    if together > network.frames_per_unit and features.level_block != together:
        raise ModelError(
            f"{file}: features.level_block = {features.level_block}, but the network hears "
            f"{together} frames together (hyper.trunk_block)"
        )
    unit = network.frames_per_unit * features.hop
    if not 0 < unit <= LONGEST_UNIT:
        raise ModelError(
            f"{file}: hyper.frames_per_unit = {network.frames_per_unit} makes a unit of {unit} "
            f"samples; 1 to {LONGEST_UNIT} are possible"
        )
    try:
        network.check_weights()
    except ValueError as error:
        raise ModelError(f"{file}: {NO_NUMBERS} ({error}); {AGAIN}") from error
    try:
        evidence = _evidence_of_silence(network, features, 2 * unit)
    except (RuntimeError, ValueError, IndexError, TypeError, ArithmeticError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ModelError(f"{file}: [hyper] and [features] do not fit ({reason})") from error
    if evidence.shape != (2, 2, network.n_scales, len(classes) + 1):
        raise ModelError(f"{file}: [hyper] and [features] do not fit (another number of units)")
    if not bool(evidence.isfinite().all()):
        raise ModelError(f"{file}: {NO_NUMBERS}; {AGAIN}")


@torch.inference_mode()
def _evidence_of_silence(
    network: StreamingNetwork, features: FeatureConfig, samples: int
) -> torch.Tensor:
    """Of a stranger's and, once they are known, of the same speaker's next segment.

    Returns:
        (2, n, n_scales, n_classes + 1)
    """
    front_end = FrontEnd(features)
    heard, _ = front_end.step(torch.zeros(1, samples), front_end.initial_state(1))
    stranger = network.initial_state(1, front_end.device)
    first, after = network.step(heard, stranger)
    second, _ = network.step(heard, network.next_segment(stranger | after))
    return torch.cat([first, second])


def _read(kind: type[Settings], description: Mapping[str, Any], name: str, file: Path) -> Settings:
    """A table as a dataclass, every value of its type."""
    table = read_table(description, name, file)
    hints = get_type_hints(kind)
    unknown = sorted(set(table) - set(hints))
    if unknown:
        raise ModelError(f"{file}: [{name}]: unknown key {unknown[0]!r}")
    _check_complete(table, kind, name, file)
    try:
        values = {k: coerce(v, hints[k], str(file), f"{name}.{k}") for k, v in table.items()}
    except ConfigError as error:
        raise ModelError(str(error)) from error
    return kind(**values)


def _check_complete(table: Mapping[str, Any], kind: Any, name: str, file: Path) -> None:
    """Nothing is left to defaults: they may have changed since the model was trained."""
    for field in fields(kind):
        if field.name not in table:
            raise ModelError(f"{file}: {name}.{field.name} is missing; {AGAIN}")


def _check_ranges(ranges: list[Range], file: Path) -> None:
    for key, value, low, high in ranges:
        if not low <= value <= high:
            raise ModelError(f"{file}: {key} = {value} is outside {low:g} to {high:g}")
