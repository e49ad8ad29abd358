"""The default network: mel segments at several lengths, an LSTM a length, scores a length.

After Zhang, Zhao & Tian (IEEE TAC 2019, doi 10.1109/TAFFC.2019.2947464) and Bhuyan et al.
(Traitement du Signal 42(3), 2025, doi 10.18280/ts.420312), made causal so that it can follow a
stream: the convolutions are shared by all segment lengths and computed once; a segment of T units
is described by the mean and deviation of what they found in its T units; segments follow one
another unit by unit, and an LSTM a length reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realtime_ser.networks.protocol import State


@dataclass(frozen=True, slots=True)
class MultiscaleLstmConfig:
    """Sizes of the network; part of every model file."""

    n_classes: int = 6
    n_mels: int = 64
    channels: tuple[int, ...] = (32, 64, 96, 128)
    time_strides: tuple[int, ...] = (2, 2, 2, 1)
    embedding: int = 160
    segment_units: tuple[int, ...] = (4, 8, 16)
    """Segment lengths in units; a unit is prod(time_strides) frames."""
    hidden: int = 128
    dropout: float = 0.3


class MultiscaleLstm(nn.Module):
    """See the module's text. Implements ``StreamingNetwork``."""

    def __init__(self, config: MultiscaleLstmConfig) -> None:
        super().__init__()
        self.config = config
        self.n_classes = config.n_classes
        self.n_scales = len(config.segment_units)
        self.frames_per_unit = 1
        for stride in config.time_strides:
            self.frames_per_unit *= stride

        self.convolutions = nn.ModuleList()
        self.norms = nn.ModuleList()
        n_in, bands = 3, config.n_mels
        self._bands = []
        for n_out, stride in zip(config.channels, config.time_strides, strict=True):
            self._bands.append(bands)
            self.convolutions.append(
                nn.Conv2d(n_in, n_out, 3, stride=(stride, 2), padding=(0, 1), bias=False)
            )
            self.norms.append(nn.BatchNorm2d(n_out))
            n_in, bands = n_out, (bands + 1) // 2
        self.dropout = nn.Dropout(config.dropout)
        self.embed = nn.Linear(n_in * bands, config.embedding)
        described = 2 * config.embedding
        self.lstms = nn.ModuleList(
            nn.LSTM(described, config.hidden, batch_first=True) for _ in config.segment_units
        )
        self.heads = nn.ModuleList(
            nn.Linear(config.hidden + described, config.n_classes + 1)
            for _ in config.segment_units
        )

    def initial_state(self, batch_size: int, device: torch.device) -> State:
        """All zeros: nothing heard."""
        c = self.config

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(batch_size, *shape, device=device)

        state = {"units": zeros(), "embedded": zeros(max(c.segment_units) - 1, c.embedding)}
        n_in = 3
        for i, (n_out, stride) in enumerate(zip(c.channels, c.time_strides, strict=True)):
            state[f"conv{i}"] = zeros(n_in, 3 - stride, self._bands[i])
            n_in = n_out
        for s in range(self.n_scales):
            state[f"h{s}"] = zeros(c.hidden)
            state[f"c{s}"] = zeros(c.hidden)
        return state

    def step(self, features: Tensor, state: State) -> tuple[Tensor, State]:
        """See ``StreamingNetwork.step``."""
        embedded, after = self._embed(features, state)
        evidence = []
        for scale in range(self.n_scales):
            described = self.dropout(self._describe(embedded, state, scale))
            memory = (state[f"h{scale}"][None], state[f"c{scale}"][None])
            hidden, (h, c) = self.lstms[scale](described, memory)
            after[f"h{scale}"], after[f"c{scale}"] = h[0], c[0]
            evidence.append(self.heads[scale](torch.cat([self.dropout(hidden), described], dim=2)))
        n = embedded.shape[1]
        joined = torch.cat([state["embedded"], embedded], dim=1)
        after["embedded"] = joined[:, n:]
        after["units"] = state["units"] + n
        scores = torch.stack(evidence, dim=2)
        # A bounded weight cannot let one unit decide a whole utterance.
        weight = 3.0 * torch.tanh(scores[..., -1:] / 3.0)
        return torch.cat([scores[..., :-1], weight], dim=3), after

    def _embed(self, features: Tensor, state: State) -> tuple[Tensor, State]:
        """(batch, 3, frames, n_mels) -> (batch, units, embedding) by causal convolutions."""
        after: State = {}
        x = features
        for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            context = state[f"conv{i}"]
            x = torch.cat([context, x], dim=2)
            after[f"conv{i}"] = x[:, :, x.shape[2] - context.shape[2] :]
            x = x.contiguous(memory_format=torch.channels_last)
            x = F.relu(norm(convolution(x)))
        flat = x.permute(0, 2, 1, 3).flatten(2)
        return F.relu(self.embed(self.dropout(flat))), after

    def _describe(self, embedded: Tensor, state: State, scale: int) -> Tensor:
        """Mean and deviation over the last T units, for every new unit: (batch, n, 2 * embedding)."""
        length = self.config.segment_units[scale]
        n = embedded.shape[1]
        before = state["embedded"]
        joined = torch.cat([before[:, before.shape[1] - (length - 1) :], embedded], dim=1)
        heard = state["units"][:, None] + torch.arange(1, n + 1, device=embedded.device)
        # Units before the segment's start are zeros in ``joined``: they add nothing to the sums.
        fill = (length / heard.clamp(max=length))[..., None]
        columns = joined.transpose(1, 2)
        mean = F.avg_pool1d(columns, length, stride=1).transpose(1, 2) * fill
        square = F.avg_pool1d(columns.square(), length, stride=1).transpose(1, 2) * fill
        deviation = (square - mean.square()).clamp(min=0.0).add(1e-5).sqrt()
        return torch.cat([mean, deviation], dim=2)
