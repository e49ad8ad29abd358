"""[5] Samples to mel segments. The same code serves training and live streams.

From one spectrum a frame come two filter banks: 64 bands whose logarithm, delta and delta-delta
are the three channels of the mel segments (Zhang, Zhao & Tian, doi 10.1109/TAFFC.2019.2947464),
left out for networks that do not look at them, and 80 bands, the input that the speech trunk was
trained on (Radford et al. 2022, arXiv 2212.04356). A frame looks backwards, and for its level to
its block's end. What it needs of the past is carried in a state, so that a signal gives the same
frames however it is cut into pieces of whole blocks; a piece that ends inside a block is taken for
the end of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torchaudio.functional as taf
from torch import Tensor

from realtime_ser.types import SAMPLE_RATE

if TYPE_CHECKING:
    from realtime_ser.state import State

DELTA_REACH = 4
"""Frames that a delta looks back."""
TRUNK_BANDS = 80
TRUNK_LEVEL = 10.0 ** (-26.0 / 10.0)
"""Mean square at which the speech trunk hears everybody: -26 dBFS."""
TRUNK_WINDOW = 400
"""Points of the spectrum behind the trunk bands' scale."""
TRUNK_FLOOR = 10.0**-6.5
"""Power at which its bands bottom out, 70 to 75 dB below the loudest."""


@dataclass(frozen=True, slots=True)
class FeatureConfig:
    """Parameters of the front end; part of every model file."""

    sample_rate: int = SAMPLE_RATE
    window: int = 400
    """Analysis window in samples (25 ms)."""
    hop: int = 160
    """Step between frames in samples (10 ms)."""
    n_fft: int = 512
    n_mels: int = 64
    """Bands of the mel segments; 0: the network takes none."""
    f_min: float = 50.0
    f_max: float = 7_600.0
    floor: float = 1e-9
    """Added to the running level (-90 dB re full scale), so that digital silence has one."""
    level_block: int = 50
    """Frames that share the running level at their end; as long as what the network hears together
    (``trunk_block``)."""
    dynamic_range: float = 12.0
    """Nepers of power below the running level at which bands bottom out."""

    def ranges(self) -> list[tuple[str, float, float, float]]:
        """Key, value, least and greatest value that the front end works with."""
        return [
            ("sample_rate", self.sample_rate, SAMPLE_RATE, SAMPLE_RATE),
            ("n_fft", self.n_fft, 2, 2**16),
            ("window", self.window, 2, self.n_fft),
            ("hop", self.hop, 1, self.window),
            ("n_mels", self.n_mels, 0, self.n_fft // 2),
            ("f_max", self.f_max, 1.0, SAMPLE_RATE / 2),
            ("f_min", self.f_min, 0.0, self.f_max - 1.0),
            ("floor", self.floor, 1e-20, 1.0),
            ("level_block", self.level_block, 1, 10_000),
            ("dynamic_range", self.dynamic_range, 0.1, 100.0),
        ]


@dataclass(frozen=True, slots=True)
class Features:
    """What networks are fed, frame by frame."""

    mel: Tensor
    """(batch, 3, n, n_mels): static, delta and delta-delta of the log-mel spectrogram. Possibly of
    no bands."""
    trunk: Tensor
    """(batch, n, TRUNK_BANDS): log-mel power as the speech trunk expects it."""


class FrontEnd:
    """Samples -> power in bands -> features, for a batch of streams."""

    def __init__(self, config: FeatureConfig, device: torch.device | None = None) -> None:
        self.config = config
        self.device = device or torch.device("cpu")
        self._window = torch.hann_window(config.window, device=self.device)
        bins = config.n_fft // 2 + 1
        rate = config.sample_rate

        def bank(f_min: float, f_max: float, n_mels: int) -> Tensor:
            if n_mels == 0:
                return torch.zeros(bins, 0)
            filters: Tensor = taf.melscale_fbanks(
                bins, f_min, f_max, n_mels, rate, norm="slaney", mel_scale="slaney"
            )
            return filters

        # Parseval: the mean square of a frame is a weighted sum of its spectrum's power.
        whole = torch.full((bins, 1), 2.0)
        whole[0] = whole[-1] = 1.0
        whole /= config.n_fft * self._window.square().sum().cpu()
        trunk = bank(0.0, rate / 2, TRUNK_BANDS) * (TRUNK_WINDOW / config.n_fft)
        mel = bank(config.f_min, config.f_max, config.n_mels)
        self._filters = torch.cat([mel, trunk, whole], dim=1).to(self.device)
        self.n_bands = self._filters.shape[1]
        """Columns of ``power``: n_mels, TRUNK_BANDS, and the frame's mean square."""

    def initial_state(self, batch_size: int) -> State:
        """State of streams that have heard nothing yet."""
        c = self.config

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(batch_size, *shape, device=self.device)

        state = {
            "tail": zeros(c.window - c.hop),
            "power_sum": zeros(),
            "frame_count": zeros(),
        }
        if c.n_mels:
            state |= {key: zeros(DELTA_REACH, c.n_mels) for key in ("static", "delta")}
        return state

    def step(
        self, samples: Tensor, state: State, frames: Tensor | None = None
    ) -> tuple[Features, State]:
        """Features of the next samples.

        Args:
            samples: (batch, n * hop), nominally within [-1, 1].
            state: as returned by the previous call; left unchanged.
            frames: see ``features``.
        """
        power, tail = self.power(samples, state["tail"])
        features, after = self.features(power, state, frames)
        return features, after | {"tail": tail}

    def power(self, samples: Tensor, tail: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, n * hop) samples after (batch, window - hop) -> (batch, n, n_bands) power.

        A constant offset, as cheap sound cards have it, is no sound.
        """
        c = self.config
        joined = torch.cat([tail, samples], dim=1)
        frames = joined.unfold(1, c.window, c.hop)
        frames = (frames - frames.mean(dim=2, keepdim=True)) * self._window
        spectrum = torch.fft.rfft(frames, c.n_fft)
        power = spectrum.real.square() + spectrum.imag.square()
        return power @ self._filters, joined[:, joined.shape[1] - tail.shape[1] :]

    def features(
        self, power: Tensor, state: State, frames: Tensor | None = None
    ) -> tuple[Features, State]:
        """Power in bands -> features relative to the running level of the segment.

        The level is the mean square of the segment up to the end of the block: features do not
        change when the microphone is turned up, and a quiet beginning is not blown up.

        Args:
            power: (batch, n, n_bands).
            state: left unchanged.
            frames: (batch,) how many of the n count; the rest is padding, after which the state is
                of no use. None: all.
        """
        c = self.config
        n = power.shape[1]
        mel, trunk, square = torch.split(power, [c.n_mels, TRUNK_BANDS, 1], dim=2)
        power_sum = state["power_sum"][:, None] + square[..., 0].cumsum(dim=1)
        count = state["frame_count"][:, None] + torch.arange(1, n + 1, device=power.device)
        block_end = (
            torch.ceil(count / c.level_block) * c.level_block - state["frame_count"][:, None]
        )
        last = torch.full_like(count[:, 0], n) if frames is None else frames.to(count)
        at = block_end.minimum(last[:, None]).long() - 1
        level = (power_sum / count + c.floor).gather(1, at)[..., None]
        channels, after = self._channels(mel / level, state)
        after |= {"power_sum": power_sum[:, -1], "frame_count": count[:, -1]}
        return Features(channels, _as_whisper(trunk * (TRUNK_LEVEL / level))), after

    def _channels(self, mel: Tensor, state: State) -> tuple[Tensor, State]:
        """(batch, n, n_mels) power relative to the level -> the three channels; the state after."""
        c = self.config
        if c.n_mels == 0:
            return mel.new_zeros(len(mel), 3, mel.shape[1], 0), {}
        static = torch.log(mel + math.exp(-c.dynamic_range))
        static = (static + c.dynamic_range / 3) / (c.dynamic_range / 4)
        delta, static_tail = _delta(static, state["static"])
        delta_delta, delta_tail = _delta(delta, state["delta"])
        channels = torch.stack([static, 4.0 * delta, 8.0 * delta_delta], dim=1)
        return channels, {"static": static_tail, "delta": delta_tail}


def _as_whisper(power: Tensor) -> Tensor:
    """Power in bands -> logarithm, scaled as Whisper's front end does it."""
    return (torch.log10(power.clamp(min=TRUNK_FLOOR)) + 4.0) / 4.0


def _delta(x: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """Slope of the regression line through the last five frames. x: (batch, n, n_mels)."""
    joined = torch.cat([before, x], dim=1)
    n = x.shape[1]
    slope = (
        2.0 * (joined[:, 4 : 4 + n] - joined[:, 0:n]) + joined[:, 3 : 3 + n] - joined[:, 1 : 1 + n]
    ) / 10.0
    return slope, joined[:, n:]
