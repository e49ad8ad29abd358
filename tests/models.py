"""Small untrained models, so that tests need neither training nor data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from realtime_ser.features import FeatureConfig
from realtime_ser.fusion import FusionConfig
from realtime_ser.models import save_model
from realtime_ser.networks import build_network

CLASSES = ("angry", "disgust", "fear", "happy", "neutral", "sad")
SMALL: dict[str, Any] = {
    "channels": [4, 6, 8, 8],
    "embedding": 12,
    "voice": 0,
    "segment_units": [2, 4, 8],
    "hidden": 10,
}


POOLED: dict[str, Any] = {"window_units": [2, 4, 0], "prior": 5.0}


def save_untrained(
    folder: Path, *, voice: int = 0, seed: int = 0, network_name: str = "multiscale_lstm"
) -> Path:
    """A model folder with random weights; ``voice`` > 0 gives it a (random) voice trunk."""
    torch.manual_seed(seed)
    hyper = POOLED if network_name == "pooled_lstm" else SMALL | {"voice": voice}
    network = build_network(network_name, hyper)
    # Batch statistics that a trained network would have: untrained ones hide mistakes.
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.normal_(0.0, 0.1)
            module.running_var.uniform_(0.5, 2.0)
    save_model(
        folder,
        name="untrained",
        network_name=network_name,
        network=network,
        hyper=hyper,
        classes=CLASSES,
        features=FeatureConfig(),
        fusion=FusionConfig((0.5, 0.3, 0.2), 1.3),
        training={"run": "none"},
        scores={},
    )
    return folder
