"""What is usual for a speaker, learned without labels while he speaks.

The mean of everything he has said so far stands for his voice, his microphone and his room; what a
window differs from it by, measured by how much he varies, is what he expresses. Until enough has
been heard, what a window differs from everybody's mean by counts too, and less and less (a prior of
so many units), so that the first seconds are no worse than without. What has been said counts from
the next segment on: a segment is never compared with itself.

Somebody else may take over the channel. What was said lately (a block of some seconds) is therefore
held against what was said before it, by what tells speakers apart; where the two do not match, what
was said before is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from realtime_ser.state import State

PAST, PAST_SQUARES = "speaker_sums", "speaker_squares"
PAST_WEIGHT, PAST_UNITS = "speaker_weight", "speaker_units"
LATE, LATE_SQUARES = "block_sums", "block_squares"
LATE_WEIGHT, LATE_UNITS = "block_weight", "block_units"
"""The newest part of the past, which it includes."""
NOW, NOW_SQUARES = "segment_sums", "segment_squares"
NOW_WEIGHT, NOW_UNITS = "segment_weight", "segment_units"
ALL_PAST = (PAST, PAST_SQUARES, PAST_WEIGHT, PAST_UNITS)
ALL_LATE = (LATE, LATE_SQUARES, LATE_WEIGHT, LATE_UNITS)
ALL_NOW = (NOW, NOW_SQUARES, NOW_WEIGHT, NOW_UNITS)
REMEMBERED = (*ALL_PAST, *ALL_LATE)

BLOCK = 100.0
"""Units of speech after which the newest part is held against what was before."""
COMPARABLE = 100.0
"""Units that must have been before for that."""
MOST_UNITS = 1e6
"""A day of speech: nobody is listened to for longer."""
ROUNDING = 1.01
"""By so much sums may differ from what they are sums of."""


@dataclass(frozen=True, slots=True)
class Voiceprint:
    """What tells speakers apart, and from where on two are two."""

    projection: Tensor
    """(width, n) of a description; directions in which speakers differ more than they vary."""
    limit: Tensor
    """Distance that few outbursts have from the same speaker's calm speech."""

    def distance(self, one: Tensor, other: Tensor) -> Tensor:
        """Of (batch, width) mean descriptions: (batch,)"""
        return ((one - other) @ self.projection).square().mean(dim=1).sqrt()


class SpeakerMemory:
    """Running sums of descriptions, which are relative to everybody's mean. Stateless itself."""

    def __init__(
        self, n_scales: int, width: int, *, prior: float, steady: float, memory: float
    ) -> None:
        """Set the pace.

        Args:
            n_scales: window lengths, each with descriptions of its own.
            width: of a description.
            prior: units after which the speaker's own mean counts as much as everybody's.
            steady: the same of his deviation, which takes longer to know.
            memory: units that are remembered at most; older ones fade.
        """
        self._shape = (n_scales, width)
        self._prior = prior
        self._steady = steady
        self._memory = memory

    def initial_state(self, batch_size: int, device: torch.device) -> State:
        """All zeros: nobody known."""
        n_scales, width = self._shape
        shapes = ((n_scales, width), (n_scales, width), (n_scales,), ())
        return {
            key: torch.zeros(batch_size, *shape, device=device)
            for keys in (ALL_PAST, ALL_LATE, ALL_NOW)
            for key, shape in zip(keys, shapes, strict=True)
        }

    def compare(
        self, description: Tensor, state: State, within: Tensor, shift: Tensor | None = None
    ) -> Tensor:
        """A description beside everybody's mean and beside the speaker's, as far as he is known.

        Args:
            description: (n_scales, batch, n, width), relative to everybody's mean.
            state: left unchanged.
            within: (n_scales, width) variance of one speaker, on average.
            shift: of the description and of all that was heard before; the speaker's own mean
                moves along, so that only the first difference changes.

        Returns:
            (n_scales, batch, n, 2 * width): both differences, weighted by what is known; the second
            is zero for a stranger, the first vanishes for somebody known well.
        """
        weight = state[PAST_WEIGHT][..., None]
        known = weight / (weight + self._prior)
        heard = weight.clamp(min=1e-6)
        mean = state[PAST] / heard
        variance = (state[PAST_SQUARES] / heard - mean.square()).clamp(min=0.0)
        own = (weight * variance + self._steady * within) / (weight + self._steady)
        scaling = known * (within / own).sqrt()
        mean, scaling, unknown = (
            x.transpose(0, 1)[:, :, None] for x in (mean, scaling, 1.0 - known)
        )
        shifted = description if shift is None else description + shift
        return torch.cat([shifted * unknown, (description - mean) * scaling], dim=3)

    def units(self, state: State) -> Tensor:
        """(batch,) units of speech that the speaker's mean rests on."""
        return state[PAST_UNITS]

    def listen(
        self, state: State, sums: Tensor, squares: Tensor, weights: Tensor, units: Tensor
    ) -> State:
        """Add units of the current segment.

        Args:
            state: left unchanged.
            sums: (batch, n_scales, width) of the units' descriptions, weighted.
            squares: the same of their squares.
            weights: (batch, n_scales) sums of these weights.
            units: (batch,) how many.

        Returns:
            What of the memory's part of the state has changed.
        """
        return {
            NOW: state[NOW] + sums,
            NOW_SQUARES: state[NOW_SQUARES] + squares,
            NOW_WEIGHT: state[NOW_WEIGHT] + weights,
            NOW_UNITS: state[NOW_UNITS] + units,
        }

    def could_hold(self, state: State, largest: float) -> bool:
        """Whether descriptions could have left such sums: stored ones may be damaged.

        Args:
            state: what is remembered, of float32 and the shapes of ``initial_state``.
            largest: absolute value that no part of a description exceeds.
        """
        for keys in (ALL_PAST, ALL_LATE):
            sums, squares, weight, units = (state[key] for key in keys)
            heard = ROUNDING * weight[..., None]
            possible = (
                (units >= 0.0) & (units <= MOST_UNITS),
                (weight >= 0.0) & (weight <= ROUNDING * self._memory),
                sums.abs() <= largest * heard,
                (squares >= 0.0) & (squares <= largest**2 * heard),
            )
            if not all(bool(part.all()) for part in possible):
                return False
        return True

    def remember(self, state: State, voiceprint: Voiceprint) -> State:
        """The segment is over: it joins the past, or replaces it if somebody else is speaking."""
        now = [state[key] for key in ALL_NOW]
        late = [state[key] + new for key, new in zip(ALL_LATE, now, strict=True)]
        past = [state[key] + new for key, new in zip(ALL_PAST, now, strict=True)]
        before = [whole - part for whole, part in zip(past, late, strict=True)]
        complete = late[3] >= BLOCK
        stranger = complete & (before[3] >= COMPARABLE)
        stranger &= voiceprint.distance(_mean(late), _mean(before)) > voiceprint.limit
        past = [_choose(stranger, new, old) for new, old in zip(late, past, strict=True)]
        late = [_choose(complete, torch.zeros_like(part), part) for part in late]
        fade = self._memory / past[2].clamp(min=self._memory)
        # The newest part fades with the rest, or taking it away would leave more than was before.
        past, late = (
            [sums * fade[..., None], squares * fade[..., None], weight * fade, units]
            for sums, squares, weight, units in (past, late)
        )
        return dict(zip(ALL_PAST, past, strict=True)) | dict(zip(ALL_LATE, late, strict=True))


def _mean(parts: list[Tensor]) -> Tensor:
    """(batch, width) mean description at the longest length, which is the last one."""
    return parts[0][:, -1] / parts[2][:, -1:].clamp(min=1e-6)


def _choose(where: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """One where it is true of a stream, else the other."""
    return torch.where(where.view(-1, *[1] * (one.ndim - 1)), one, other)
