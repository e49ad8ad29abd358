"""The default network: mel segments at several lengths, an LSTM a length, scores a length.

After Zhang, Zhao & Tian (IEEE TAC 2019, doi 10.1109/TAFFC.2019.2947464) and Bhuyan et al.
(Traitement du Signal 42(3), 2025, doi 10.18280/ts.420312), made causal so that it can follow a
stream: the convolutions are shared by all segment lengths and computed once; a segment of T units
is described by the mean and deviation of what they found in its T units, beside the mean and
deviation of the voice trunk's cells; segments follow one another unit by unit, and an LSTM a
length reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realtime_ser.networks import voice_trunk
from realtime_ser.networks.pooling import describe
from realtime_ser.networks.voice_trunk import VoiceTrunk

if TYPE_CHECKING:
    from realtime_ser.features import Features
    from realtime_ser.state import State

KERNEL = 3
TIME_STRIDE = 2
"""Of the first convolution; the others keep the rate."""
LARGEST_LOG_WEIGHT = 3.0


@dataclass(frozen=True, slots=True)
class MultiscaleLstmConfig:
    """Sizes of the network; part of every model file."""

    n_classes: int = 6
    n_mels: int = 64
    frames_per_unit: int = 10
    channels: tuple[int, ...] = (16, 32, 48, 64)
    """Of the convolutions; each halves the number of bands."""
    embedding: int = 96
    """Values a unit that the convolutions give."""
    voice: int = 128
    """Values a segment that the voice trunk gives; 0 leaves the trunk out."""
    segment_units: tuple[int, ...] = (4, 8, 16)
    """Segment lengths in units."""
    hidden: int = 96
    dropout: float = 0.3
    voice_dropout: float = 0.5


class MultiscaleLstm(nn.Module):
    """See the module's text. Implements ``StreamingNetwork``."""

    def __init__(self, config: MultiscaleLstmConfig) -> None:
        super().__init__()
        self.config = config
        self.n_classes = config.n_classes
        self.n_scales = len(config.segment_units)
        self.frames_per_unit = config.frames_per_unit
        self.averaged = True
        self._units_kept = max(config.segment_units) - 1

        self.convolutions = nn.ModuleList()
        self.norms = nn.ModuleList()
        n_in, bands = 3, config.n_mels
        self._contexts = []
        for layer, n_out in enumerate(config.channels):
            stride = 1 if layer else TIME_STRIDE
            self._contexts.append((n_in, KERNEL - stride, bands))
            self.convolutions.append(
                nn.Conv2d(n_in, n_out, KERNEL, stride=(stride, 2), padding=(0, 1), bias=False)
            )
            self.norms.append(nn.BatchNorm2d(n_out))
            n_in, bands = n_out, (bands + 1) // 2
        self.dropout = nn.Dropout(config.dropout)
        self.embed = nn.Linear(n_in * bands, config.embedding)
        self.trunk = VoiceTrunk(config.frames_per_unit) if config.voice else None
        described = 2 * config.embedding + config.voice
        if config.voice:
            self.voice_norms = nn.ModuleList(
                nn.BatchNorm1d(voice_trunk.WIDTH) for _ in config.segment_units
            )
            self.voice_dropout = nn.Dropout(config.voice_dropout)
            self.voice = nn.ModuleList(
                nn.Linear(voice_trunk.WIDTH, config.voice) for _ in config.segment_units
            )
        self.lstms = nn.ModuleList(
            nn.LSTM(described, config.hidden, batch_first=True) for _ in config.segment_units
        )
        self.heads = nn.ModuleList(
            nn.Linear(config.hidden + described, config.n_classes + 1) for _ in config.segment_units
        )

    def initial_state(self, batch_size: int, device: torch.device) -> State:
        """All zeros: nothing heard."""
        c = self.config

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(batch_size, *shape, device=device)

        state = {"units": zeros(), "embedded": zeros(self._units_kept, 2 * c.embedding)}
        for layer, shape in enumerate(self._contexts):
            state[f"conv{layer}"] = zeros(*shape)
        for scale in range(self.n_scales):
            state[f"h{scale}"] = zeros(c.hidden)
            state[f"c{scale}"] = zeros(c.hidden)
        if self.trunk is not None:
            state["moments"] = zeros(self._units_kept, voice_trunk.WIDTH)
            state |= self.trunk.initial_state(batch_size, device)
        return state

    def next_segment(self, state: State) -> State:
        """See ``StreamingNetwork.next_segment``: nothing is remembered."""
        return {key: torch.zeros_like(value) for key, value in state.items()}

    def adapted_units(self, state: State) -> Tensor:
        """See ``StreamingNetwork.adapted_units``: none."""
        return torch.zeros_like(state["units"])

    def step(self, features: Features, state: State) -> tuple[Tensor, State]:
        """See ``StreamingNetwork.step``."""
        moments, after_slow = self.slow_part(features, state)
        evidence, after_fast = self.fast_part(features.mel, moments, state)
        return evidence, after_slow | after_fast

    def slow_part(self, features: Features, state: State) -> tuple[Tensor, State]:
        """See ``StreamingNetwork.slow_part``: the frozen trunk."""
        if self.trunk is None:
            units = features.mel.shape[2] // self.frames_per_unit
            return features.mel.new_zeros(len(features.mel), units, 0), {}
        return self.trunk.step(features.voice, state)

    def fast_part(self, mel: Tensor, slow: Tensor, state: State) -> tuple[Tensor, State]:
        """See ``StreamingNetwork.fast_part``: convolutions, segments and their LSTMs."""
        found, after = self._convolve(mel, state)
        n = found.shape[1]
        heard = state["units"][:, None] + torch.arange(1, n + 1, device=mel.device)
        after["units"] = heard[:, -1]
        found, after["embedded"] = _joined(state["embedded"], torch.cat([found, found**2], dim=2))
        if self.trunk is not None:
            slow, after["moments"] = _joined(state["moments"], slow)
        evidence = []
        for scale, length in enumerate(self.config.segment_units):
            described = self.dropout(describe(found, heard, length))
            if self.trunk is not None:
                voice = self.voice_norms[scale](describe(slow, heard, length).transpose(1, 2))
                voice = self.voice[scale](self.voice_dropout(voice.transpose(1, 2)))
                described = torch.cat([described, F.relu(voice)], dim=2)
            memory = (state[f"h{scale}"][None], state[f"c{scale}"][None])
            hidden, (h, c) = self.lstms[scale](described, memory)
            after[f"h{scale}"], after[f"c{scale}"] = h[0], c[0]
            evidence.append(self.heads[scale](torch.cat([self.dropout(hidden), described], dim=2)))
        scores = torch.stack(evidence, dim=2)
        # A bounded weight cannot let one unit decide a whole utterance.
        weight = LARGEST_LOG_WEIGHT * torch.tanh(scores[..., -1:] / LARGEST_LOG_WEIGHT)
        return torch.cat([scores[..., :-1], weight], dim=3), after

    def _convolve(self, mel: Tensor, state: State) -> tuple[Tensor, State]:
        """(batch, 3, frames, n_mels) -> (batch, units, embedding)."""
        after: State = {}
        x = mel
        for layer, (convolve, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            context = state[f"conv{layer}"]
            x = torch.cat([context, x], dim=2)
            after[f"conv{layer}"] = x[:, :, x.shape[2] - context.shape[2] :]
            x = x.contiguous(memory_format=torch.channels_last)
            x = F.relu(norm(convolve(x)))
        x = torch.unflatten(x, 2, (-1, self.frames_per_unit // TIME_STRIDE)).mean(dim=3)
        flat = x.permute(0, 2, 1, 3).flatten(2)
        return F.relu(self.embed(self.dropout(flat))), after


def _joined(before: Tensor, new: Tensor) -> tuple[Tensor, Tensor]:
    """Moments of the units kept and the new ones, and of those to keep: (batch, units, width)."""
    joined = torch.cat([before, new], dim=1)
    return joined, joined[:, new.shape[1] :]
