"""[5] Samples to mel segments. The same code serves training and live streams.

Log-mel spectrogram with three channels: static, delta and delta-delta (Zhang, Zhao & Tian,
doi 10.1109/TAFFC.2019.2947464). Every frame looks only backwards, and what it needs of the past
is carried in a state, so that a signal gives the same frames however it is cut into pieces.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torchaudio.functional as taf
from torch import Tensor

from realtime_ser.networks.protocol import State

DELTA_REACH = 4
"""Frames that a delta looks back."""


@dataclass(frozen=True, slots=True)
class FeatureConfig:
    """Parameters of the log-mel front end; part of every model file."""

    sample_rate: int = 16_000
    window: int = 400
    """Analysis window in samples (25 ms)."""
    hop: int = 200
    """Step between frames in samples (12.5 ms)."""
    n_fft: int = 512
    n_mels: int = 64
    f_min: float = 50.0
    f_max: float = 7_600.0
    floor: float = 1e-9
    """Power added before the logarithm (about -90 dB re full scale)."""
    dynamic_range: float = 12.0
    """Nepers of power kept below the running level; what is quieter is clamped."""


class MelFrontEnd:
    """Samples -> mel power -> three-channel features, for a batch of streams."""

    def __init__(self, config: FeatureConfig, device: torch.device | None = None) -> None:
        self.config = config
        self.device = device or torch.device("cpu")
        self._window = torch.hann_window(config.window, device=self.device)
        self._filters = taf.melscale_fbanks(
            config.n_fft // 2 + 1,
            config.f_min,
            config.f_max,
            config.n_mels,
            config.sample_rate,
            norm="slaney",
            mel_scale="slaney",
        ).to(self.device)

    def initial_state(self, batch_size: int) -> State:
        """State of streams that have heard nothing yet."""
        c = self.config

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(batch_size, *shape, device=self.device)

        return {
            "tail": zeros(c.window - c.hop),
            "power_sum": zeros(),
            "frame_count": zeros(),
            "static": zeros(DELTA_REACH, c.n_mels),
            "delta": zeros(DELTA_REACH, c.n_mels),
        }

    def step(self, samples: Tensor, state: State) -> tuple[Tensor, State]:
        """Features of the next samples.

        Args:
            samples: (batch, n * hop), nominally within [-1, 1].
            state: as returned by the previous call; left unchanged.

        Returns:
            features (batch, 3, n, n_mels) and the state after them.
        """
        power, tail = self.mel_power(samples, state["tail"])
        features, after = self.channels(power, state)
        return features, after | {"tail": tail}

    def mel_power(self, samples: Tensor, tail: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, n * hop) samples and the (batch, window - hop) before them -> (batch, n, n_mels) power."""
        c = self.config
        joined = torch.cat([tail, samples], dim=1)
        frames = joined.unfold(1, c.window, c.hop) * self._window
        spectrum = torch.fft.rfft(frames, c.n_fft)
        power = spectrum.real.square() + spectrum.imag.square()
        return power @ self._filters, joined[:, joined.shape[1] - tail.shape[1] :]

    def channels(self, power: Tensor, state: State) -> tuple[Tensor, State]:
        """Mel power -> static, delta and delta-delta relative to the running level of the segment.

        The level is the mean power of all frames of the segment so far: features do not change
        when the microphone is turned up.
        """
        c = self.config
        n = power.shape[1]
        power_sum = state["power_sum"][:, None] + power.mean(dim=2).cumsum(dim=1)
        count = state["frame_count"][:, None] + torch.arange(1, n + 1, device=power.device)
        level = torch.log(power_sum / count + c.floor)
        static = torch.log(power + c.floor) - level[..., None]
        static = (static.clamp(min=-c.dynamic_range) + c.dynamic_range / 3) / (c.dynamic_range / 4)
        delta, static_tail = _delta(static, state["static"])
        delta_delta, delta_tail = _delta(delta, state["delta"])
        after = {
            "power_sum": power_sum[:, -1],
            "frame_count": count[:, -1],
            "static": static_tail,
            "delta": delta_tail,
        }
        return torch.stack([static, 4.0 * delta, 8.0 * delta_delta], dim=1), after


def _delta(x: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """Slope of the regression line through the last five frames. x: (batch, n, n_mels)."""
    joined = torch.cat([before, x], dim=1)
    n = x.shape[1]
    slope = (
        2.0 * (joined[:, 4 : 4 + n] - joined[:, 0:n]) + joined[:, 3 : 3 + n] - joined[:, 1 : 1 + n]
    ) / 10.0
    return slope, joined[:, n:]
