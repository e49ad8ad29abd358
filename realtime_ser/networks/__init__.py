"""[6] The networks, by the name that model files and training configurations use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_type_hints

from realtime_ser.config import coerce
from realtime_ser.errors import ConfigError, ModelError
from realtime_ser.networks.multiscale_config import MultiscaleLstmConfig
from realtime_ser.networks.multiscale_lstm import MultiscaleLstm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn

NETWORKS: dict[str, tuple[type[Any], Callable[[Any], nn.Module]]] = {
    "multiscale_lstm": (MultiscaleLstmConfig, MultiscaleLstm),
}


def network_config(name: str, parameters: Mapping[str, Any]) -> Any:
    """The configuration of a network, every value of its type.

    Args:
        name: a key of ``NETWORKS``.
        parameters: fields of its configuration, as read from TOML.

    Raises:
        ModelError: an unknown network or parameter, or a value of another type.
    """
    if name not in NETWORKS:
        raise ModelError(f"network {name!r} is unknown; known: {', '.join(NETWORKS)}")
    config_type, _ = NETWORKS[name]
    hints = get_type_hints(config_type)
    unknown = sorted(set(parameters) - set(hints))
    if unknown:
        raise ModelError(f"network {name}: unknown parameter {unknown[0]!r}")
    try:
        return config_type(**{k: coerce(v, hints[k], "hyper", k) for k, v in parameters.items()})
    except ConfigError as error:
        raise ModelError(f"network {name}: cannot be built ({error})") from error


def build_network(name: str, parameters: Mapping[str, Any]) -> nn.Module:
    """Make an untrained network; see ``network_config``.

    Raises:
        ModelError: as ``network_config``, or values that no network can have.
    """
    config = network_config(name, parameters)
    _, make = NETWORKS[name]
    try:
        return make(config)
    except (TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"network {name}: cannot be built ({reason})") from error
