"""[6] The networks, by the name that model files and training configurations use."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from realtime_ser.errors import ModelError
from realtime_ser.networks.multiscale_lstm import MultiscaleLstm, MultiscaleLstmConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn

NETWORKS: dict[str, tuple[type[Any], Callable[[Any], nn.Module]]] = {
    "multiscale_lstm": (MultiscaleLstmConfig, MultiscaleLstm),
}


def build_network(name: str, parameters: Mapping[str, Any]) -> nn.Module:
    """Make an untrained network.

    Args:
        name: a key of ``NETWORKS``.
        parameters: fields of its configuration, as read from TOML.

    Raises:
        ModelError: an unknown network or parameter.
    """
    if name not in NETWORKS:
        raise ModelError(f"network {name!r} is unknown; known: {', '.join(NETWORKS)}")
    config_type, make = NETWORKS[name]
    known = {f.name for f in fields(config_type)}
    unknown = sorted(set(parameters) - known)
    if unknown:
        raise ModelError(f"network {name}: unknown parameter {unknown[0]!r}")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in parameters.items()}
    try:
        return make(config_type(**values))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"network {name}: cannot be built ({error})") from error
