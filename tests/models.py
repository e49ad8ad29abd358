"""Small untrained models, so that tests need neither training nor data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from realtime_ser.features import FeatureConfig
from realtime_ser.fusion import Fusion, FusionConfig
from realtime_ser.models import save_model
from realtime_ser.networks import build_network

CLASSES = ("angry", "disgust", "fear", "happy", "neutral", "sad")
SMALL: dict[str, Any] = {
    "channels": [4, 6, 8, 8],
    "embedding": 12,
    "voice": 0,
    "trunk_layers": 2,
    "trunk_described": 1,
    "trunk_width": 64,
    "trunk_heads": 2,
    "trunk_block": 5,
    "trunk_reach": 10,
    "segment_units": [2, 4, 0],
    "hidden": 10,
    "prior": 5.0,
}
WIDTH = 2 * 64
"""Values with which the trunk of ``SMALL`` describes a unit."""
STRANGER = Fusion((0.5, 0.3, 0.2), 1.3)
KNOWN = Fusion((0.3, 0.3, 0.4), 0.9)


def save_untrained(folder: Path, *, voice: int = 0, seed: int = 0) -> Path:
    """A model folder with random weights; ``voice`` > 0: a random trunk, and adaptation."""
    torch.manual_seed(seed)
    hyper = SMALL | {"voice": voice}
    network = build_network("multiscale_lstm", hyper)
    # Batch statistics that a trained network would have: untrained ones hide mistakes.
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.normal_(0.0, 0.1)
            module.running_var.uniform_(0.5, 2.0)
    save_model(
        folder,
        name="untrained",
        network_name="multiscale_lstm",
        network=network,
        hyper=hyper,
        classes=CLASSES,
        features=FeatureConfig(),
        fusion=FusionConfig(STRANGER, KNOWN, STRANGER, KNOWN, half=10.0),
        training={"run": "none"},
        scores={},
    )
    return folder
