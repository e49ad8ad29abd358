"""The default network: speech at several lengths, an LSTM a length, scores a length.

After Zhang, Zhao & Tian (IEEE TAC 2019, doi 10.1109/TAFFC.2019.2947464) and Bhuyan et al.
(Traitement du Signal 42(3), 2025, doi 10.18280/ts.420312), made causal so that it can follow a
stream. Mel frames go through a trunk that all segment lengths share and that is computed once; a
segment of T units is described by the mean and deviation of the trunk's cells in its T units,
compared with what is usual for the speaker (``adaptation.py``). A trained branch of convolutions
over mel segments may stand beside the trunk or replace it. Segments follow one another unit by
unit, and an LSTM a length reads them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realtime_ser.adaptation import REMEMBERED, SpeakerMemory, Voiceprint
from realtime_ser.networks.banks import LinearBank, LstmBank
from realtime_ser.networks.dropout import ByteDropout
from realtime_ser.networks.familiarity import Familiarity
from realtime_ser.networks.mel_branch import MelBranch
from realtime_ser.networks.other_voices import OtherVoices
from realtime_ser.networks.pooling import Pool
from realtime_ser.networks.speech_trunk import SpeechTrunk
from realtime_ser.networks.weights import check_numbers

if TYPE_CHECKING:
    from realtime_ser.features import Features
    from realtime_ser.networks.multiscale_config import MultiscaleLstmConfig
    from realtime_ser.state import State

LARGEST_LOG_WEIGHT = 3.0
LARGEST_DIFFERENCE = 8.0
"""Of a description from everybody's mean, in deviations; what is beyond is no speech."""
VOICEPRINT = 32
"""Directions in which voices are told apart."""
UNLIMITED = {"voice_limit": torch.inf, "familiarity.limit": -torch.inf}
"""What may be infinite, and is until it is fitted."""


def speech_trunk(c: MultiscaleLstmConfig) -> SpeechTrunk:
    """The trunk of a network of these sizes, without weights."""
    return SpeechTrunk(
        c.frames_per_unit,
        layers=c.trunk_layers,
        described=c.trunk_described,
        width=c.trunk_width,
        heads=c.trunk_heads,
        block=c.trunk_block,
        reach=c.trunk_reach,
    )


class MultiscaleLstm(nn.Module):
    """See the module's text. Implements ``StreamingNetwork``."""

    centre: Tensor
    """(n_scales, width): everybody's mean of the descriptions of the trunk's cells."""
    spread: Tensor
    """(n_scales, width): their deviation."""
    _grows: Tensor
    """(n_scales, 1, 1, 1): power of the units heard that a unit's weight has; of all of the
    utterance 2, else 0."""
    within: Tensor
    """(n_scales, width): variance of one speaker, of descriptions relative to everybody's."""
    voiceprint: Tensor
    voice_limit: Tensor
    """See ``Voiceprint``; an infinite limit takes everybody for the same speaker."""

    def __init__(self, config: MultiscaleLstmConfig) -> None:
        super().__init__()
        for name, value, low, high in config.ranges():
            if not low <= value <= high:
                raise ValueError(f"{name} = {value} is outside {low:g} to {high:g}")
        lengths = [length or math.inf for length in config.segment_units]
        if lengths != sorted(set(lengths)):
            raise ValueError(
                f"segment_units = {config.segment_units} are no lengths from short to long (0 last)"
            )
        if not config.embedding and not config.voice:
            raise ValueError("embedding and voice are both 0: nothing is left to listen with")
        if config.embedding and not config.n_mels:
            raise ValueError("a mel branch (embedding) needs mel bands (n_mels)")
        self.config = config
        self.n_classes = config.n_classes
        self.n_scales = len(config.segment_units)
        self.frames_per_unit = config.frames_per_unit
        self.units_together = config.trunk_block if config.voice else 1
        self.dropout = nn.Dropout(config.dropout)
        self.mel = self._mel_branch() if config.embedding else None
        if self.mel is not None:
            self._embedded = Pool("embedded", 2 * config.embedding, config.segment_units)
        self.trunk = speech_trunk(config) if config.voice else None
        self.remembered = REMEMBERED if config.voice else ()
        if self.trunk is not None:
            width = self.trunk.width
            self._moments = Pool("moments", width, config.segment_units)
            self.memory = SpeakerMemory(
                self.n_scales,
                width,
                prior=config.prior,
                steady=config.steady,
                memory=config.memory,
            )
            self.register_buffer("centre", torch.zeros(self.n_scales, width))
            self.register_buffer("spread", torch.ones(self.n_scales, width))
            self.register_buffer("within", torch.ones(self.n_scales, width))
            self.register_buffer("voiceprint", torch.zeros(width, VOICEPRINT))
            self.register_buffer("voice_limit", torch.tensor(torch.inf))
            self.familiarity = Familiarity(width)
            self.other_voices = OtherVoices()
            self.voice_dropout = ByteDropout(config.voice_dropout)
            self.voice = nn.Linear(2 * width, config.voice)
        described = 2 * config.embedding + config.voice
        self.lstms = LstmBank(self.n_scales, described, config.hidden)
        self.heads = LinearBank(self.n_scales, config.hidden + described, config.n_classes + 1)
        whole = torch.tensor([2.0 if length == 0 else 0.0 for length in config.segment_units])
        self.register_buffer("_grows", whole[:, None, None, None], persistent=False)

    def _mel_branch(self) -> MelBranch:
        c = self.config
        return MelBranch(
            c.channels,
            n_mels=c.n_mels,
            frames_per_unit=c.frames_per_unit,
            width=c.embedding,
            dropout=c.dropout,
        )

    def check_weights(self) -> None:
        """See ``StreamingNetwork.check_weights``."""
        check_numbers(self.state_dict(), ("spread", "within"), UNLIMITED)

    def initial_state(self, batch_size: int, device: torch.device) -> State:
        """All zeros: nothing heard, nobody known."""

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(batch_size, *shape, device=device)

        state = {"units": zeros()}
        state |= {key: zeros(self.n_scales, self.config.hidden) for key in ("hidden", "cell")}
        if self.mel is not None:
            state |= self.mel.initial_state(batch_size, device)
            state |= self._embedded.initial_state(batch_size, device)
        if self.trunk is not None:
            state |= self._moments.initial_state(batch_size, device)
            state |= self.trunk.initial_state(batch_size, device)
            state |= self.memory.initial_state(batch_size, device)
        return state

    def remember(self, state: State) -> State:
        """See ``StreamingNetwork.remember``."""
        if self.trunk is None:
            return {}
        return self.memory.remember(state, Voiceprint(self.voiceprint, self.voice_limit))

    def next_segment(self, state: State) -> State:
        """See ``StreamingNetwork.next_segment``."""
        fresh = {key: torch.zeros_like(value) for key, value in state.items()}
        return fresh | self.remember(state)

    def could_remember(self, remembered: State) -> bool:
        """See ``StreamingNetwork.could_remember``."""
        fresh = self.initial_state(1, torch.device("meta"))
        expected = {key: (fresh[key].shape, fresh[key].dtype) for key in self.remembered}
        if {key: (value.shape, value.dtype) for key, value in remembered.items()} != expected:
            return False
        return self.trunk is None or self.memory.could_hold(remembered, LARGEST_DIFFERENCE)

    def adapted_units(self, state: State) -> Tensor:
        """See ``StreamingNetwork.adapted_units``."""
        if self.trunk is None:
            return torch.zeros_like(state["units"])
        return self.memory.units(state)

    def embedding(self, state: State) -> Tensor:
        """See ``StreamingNetwork.embedding``: the hidden states of all LSTMs."""
        return state["hidden"].flatten(1)

    def step(
        self, features: Features, state: State, units: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """See ``StreamingNetwork.step``."""
        moments, after_slow = self.slow_part(features, state, units)
        evidence, after_fast = self.fast_part(features.mel, moments, state, units)
        return evidence, after_slow | after_fast

    def slow_part(
        self, features: Features, state: State, units: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """See ``StreamingNetwork.slow_part``: the frozen trunk."""
        if self.trunk is None:
            n = features.mel.shape[2] // self.frames_per_unit
            return features.mel.new_zeros(len(features.mel), n, 0), {}
        return self.trunk.step(features.trunk, state, units)

    def fast_part(
        self, mel: Tensor, slow: Tensor, state: State, units: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """See ``StreamingNetwork.fast_part``: convolutions, segments and their LSTMs."""
        n = slow.shape[1]
        units = torch.full_like(state["units"], n) if units is None else units
        heard = state["units"][:, None] + torch.arange(1, n + 1, device=mel.device)
        after = {"units": heard[:, -1]}
        parts: list[Tensor] = []
        familiar = torch.ones_like(heard)
        if self.mel is not None:
            found, after_mel = self.mel.step(mel, state)
            found = torch.cat([found, found**2], dim=2)
            embedded, after_pool = self._embedded.describe(found, heard, state)
            parts.append(embedded)
            after |= after_mel | after_pool
        if self.trunk is not None:
            voices, familiar, after_voice = self._voices(slow, heard, state, units)
            parts.append(voices)
            after |= after_voice
        described = self.dropout(torch.cat(parts, dim=3))
        memory = (state[key].transpose(0, 1) for key in ("hidden", "cell"))
        hidden, cell = self.lstms(described, *memory)
        last = hidden[:, torch.arange(len(slow), device=slow.device), units.long() - 1]
        after |= {"hidden": last.transpose(0, 1), "cell": cell.transpose(0, 1)}
        both = torch.cat([self.dropout(hidden), described], dim=3)
        scores = torch.unflatten(self.heads(both.flatten(1, 2)), 1, heard.shape)
        # A bounded weight cannot let one unit decide a whole utterance.
        weight = LARGEST_LOG_WEIGHT * torch.tanh(scores[..., -1:] / LARGEST_LOG_WEIGHT)
        # The more of the utterance a unit knows, the more it says.
        weight = weight + self._grows * heard.log()[..., None]
        evidence = torch.cat([scores[..., :-1] * familiar[..., None], weight], dim=3)
        return evidence.permute(1, 2, 0, 3), after

    def describe_voice(self, slow: Tensor, heard: Tensor, state: State) -> tuple[Tensor, State]:
        """The trunk's cells at every length, as they are.

        Args:
            slow: (batch, n, width), see ``slow_part``.
            heard: (batch, n) units since the start, the new one included.
            state: left unchanged.

        Returns:
            (n_scales, batch, n, width), and the state after.
        """
        mean, deviation = slow.chunk(2, dim=2)
        moments = torch.cat([mean, mean.square() + deviation.square()], dim=2)
        return self._moments.describe(moments, heard, state)

    def relative(self, described: Tensor) -> Tensor:
        """``described`` beside everybody's mean and deviation."""
        difference = (described - self.centre[:, None, None]) / self.spread[:, None, None]
        return difference.clamp(-LARGEST_DIFFERENCE, LARGEST_DIFFERENCE)

    def sums_of(
        self, relative: Tensor, heard: Tensor, units: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What the memory adds up: sums, sums of squares and weights, (batch, n_scales, ...) each.

        A segment weighs as much as has been heard of its length, what is beyond ``units`` nothing.
        """
        full = max(1, *self.config.segment_units)
        lengths = [length or full for length in self.config.segment_units]
        counts = torch.arange(heard.shape[1], device=heard.device) < units[:, None]
        fill = torch.stack([heard.clamp(max=length) / length for length in lengths]) * counts
        weights = fill[:, :, None]  # as a product of matrices, ten times as fast as by einsum
        sums, squares = (torch.matmul(weights, x)[:, :, 0] for x in (relative, relative.square()))
        return sums.transpose(0, 1), squares.transpose(0, 1), fill.sum(dim=2).T

    def _voices(
        self, slow: Tensor, heard: Tensor, state: State, units: Tensor
    ) -> tuple[Tensor, Tensor, State]:
        """Segments of the trunk's cells, compared with what is usual: (n_scales, batch, n, voice).

        Then how familiar all of it is, (batch, n), and the state after.
        """
        described, after = self.describe_voice(slow, heard, state)
        relative = self.relative(described)
        shift = self.other_voices(len(heard))
        compared = self.memory.compare(relative, state, self.within, shift)
        voices = F.relu(self.voice(self.voice_dropout(compared)))
        after |= self.memory.listen(state, *self.sums_of(relative, heard, units), units)
        return voices, self.familiarity.factor(relative[-1]), after
