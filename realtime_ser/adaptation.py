"""What is usual for a speaker, learned without labels while he speaks.

The mean of everything he has said so far stands for his voice, his microphone and his room; what a
window differs from it by is what he expresses. Before much has been heard, everybody's mean stands
in (a prior of so many units), so that the first seconds are no worse than without. What has been
said counts from the next segment on: a segment is never compared with itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from realtime_ser.state import State

PAST, PAST_WEIGHT, PAST_UNITS = "speaker_sums", "speaker_weight", "speaker_units"
NOW, NOW_WEIGHT, NOW_UNITS = "segment_sums", "segment_weight", "segment_units"


class SpeakerMemory:
    """Running sums of descriptions, which are relative to everybody's mean. Stateless itself."""

    def __init__(self, n_scales: int, width: int, prior: float, memory: float) -> None:
        """Set the pace.

        Args:
            n_scales: window lengths, each with descriptions of its own.
            width: of a description.
            prior: units that everybody's mean counts for.
            memory: units that are remembered at most; older ones fade.
        """
        self._shape = (n_scales, width)
        self._prior = prior
        self._memory = memory

    def initial_state(self, batch_size: int, device: torch.device) -> State:
        """All zeros: nobody known."""
        n_scales, width = self._shape
        state: State = {}
        for sums, weight, units in ((PAST, PAST_WEIGHT, PAST_UNITS), (NOW, NOW_WEIGHT, NOW_UNITS)):
            state[sums] = torch.zeros(batch_size, n_scales, width, device=device)
            state[weight] = torch.zeros(batch_size, n_scales, device=device)
            state[units] = torch.zeros(batch_size, device=device)
        return state

    def usual(self, state: State) -> Tensor:
        """The speaker's mean, drawn towards zero: (batch, n_scales, width)."""
        return state[PAST] / (state[PAST_WEIGHT] + self._prior)[..., None]

    def units(self, state: State) -> Tensor:
        """(batch,) units of speech that ``usual`` rests on."""
        return state[PAST_UNITS]

    def listen(self, state: State, descriptions: Tensor, weights: Tensor) -> State:
        """Add units of the current segment.

        Args:
            state: left unchanged.
            descriptions: (batch, n, n_scales, width).
            weights: (batch, n, n_scales).

        Returns:
            The memory's part of the state.
        """
        kept = {key: state[key] for key in (PAST, PAST_WEIGHT, PAST_UNITS)}
        return kept | {
            NOW: state[NOW] + (descriptions * weights[..., None]).sum(dim=1),
            NOW_WEIGHT: state[NOW_WEIGHT] + weights.sum(dim=1),
            NOW_UNITS: state[NOW_UNITS] + descriptions.shape[1],
        }

    def remember(self, state: State) -> State:
        """The segment is over: it joins the past."""
        weight = state[PAST_WEIGHT] + state[NOW_WEIGHT]
        fade = self._memory / weight.clamp(min=self._memory)
        return {
            PAST: (state[PAST] + state[NOW]) * fade[..., None],
            PAST_WEIGHT: weight * fade,
            PAST_UNITS: state[PAST_UNITS] + state[NOW_UNITS],
        }
