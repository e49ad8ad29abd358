"""What a network would remember of a speaker, had he said something before."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from realtime_ser.adaptation import PAST, PAST_SQUARES, PAST_UNITS, PAST_WEIGHT
from realtime_ser.networks.multiscale_lstm import MultiscaleLstm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from realtime_ser.state import State
    from realtime_ser.training.examples import Example, HalfArray
    from realtime_ser.training.recipe import HistoryRecipe

NEUTRAL = "neutral"
NEUTRAL_SHARES = (0.4, 1.0)
"""Of the clips of a past that sounds like a call, or like a calibration."""


class Histories:
    """Draws pasts of the speakers of examples, each from other examples of the same speaker.

    A past has the speed of the example itself, or the kind of its noise or condition.
    """

    def __init__(
        self, network: MultiscaleLstm, examples: Sequence[Example], recipe: HistoryRecipe
    ) -> None:
        """Listen to all examples; ``fit_scaling`` comes first."""
        self._recipe = recipe
        self._examples = examples
        self._units = [[len(v.slow) for v in example.variants] for example in examples]
        self._sums, self._squares, self._weights = _sums_of(network, examples)
        self._by_speaker: dict[tuple[str, str], list[int]] = {}
        for i, example in enumerate(examples):
            self._by_speaker.setdefault(example.clip.person, []).append(i)

    def draw(
        self, examples: Sequence[int], variants: Sequence[int], rng: np.random.Generator,
        *, strangers: bool = True,
    ) -> State:  # fmt: skip
        """The memory's part of the state of a batch.

        Args:
            examples: positions of the examples of the batch.
            variants: which of its variants each is heard in.
            rng: what chance is drawn from.
            strangers: some have no past, as the recipe says.
        """
        sums, squares, weights, units = [], [], [], []
        for i, variant in zip(examples, variants, strict=True):
            unknown = strangers and rng.random() < self._recipe.cold
            past = [] if unknown else self._past(i, rng)
            sums.append(self._sums[past, variant].float().sum(dim=0))
            squares.append(self._squares[past, variant].float().sum(dim=0))
            weights.append(self._weights[past, variant].sum(dim=0))
            units.append(float(sum(self._units[j][variant] for j in past)))
        return {
            PAST: torch.stack(sums),
            PAST_SQUARES: torch.stack(squares),
            PAST_WEIGHT: torch.stack(weights),
            PAST_UNITS: torch.tensor(units),
        }

    def means(self) -> npt.NDArray[np.float64]:
        """(n, width) mean description of every example as it is, at the longest length."""
        sums, weights = self._sums[:, 0, -1].double(), self._weights[:, 0, -1].double()
        return np.asarray((sums / weights[:, None]).cpu())

    def voices(self) -> Tensor:
        """Mean descriptions of speakers in a variant, relative to their corpus's.

        Returns:
            (n_speakers * n_variants, n_scales, width)
        """
        of_corpora: dict[str, list[Tensor]] = {}
        for (corpus, _), own in self._by_speaker.items():
            sums, weights = self._sums[own].float().sum(dim=0), self._weights[own].sum(dim=0)
            of_corpora.setdefault(corpus, []).append(sums / weights[..., None])
        joined = [torch.cat(voices) for voices in of_corpora.values()]
        return torch.cat([voices - voices.mean(dim=0) for voices in joined])

    def _past(self, current: int, rng: np.random.Generator) -> list[int]:
        """Other clips of a speaker, few or many, sometimes most of them neutral."""
        own = self._by_speaker[self._examples[current].clip.person]
        others = [j for j in own if j != current]
        if not others:
            return []
        n = min(len(others), round(float(np.exp(rng.uniform(0.0, np.log(self._recipe.longest))))))
        calm = [j for j in others if self._examples[j].clip.emotion == NEUTRAL]
        rest = [j for j in others if self._examples[j].clip.emotion != NEUTRAL]
        if calm and rest and rng.random() < self._recipe.call:
            wanted = round(n * rng.uniform(*NEUTRAL_SHARES))
            # A call has more of them than a speaker of a corpus: where they end, they come again.
            picked = [
                *np.resize(rng.permutation(calm), wanted),
                *rng.permutation(rest)[: n - wanted],
            ]
        else:
            picked = list(rng.permutation(others)[:n])
        return [int(j) for j in picked]


def adapts(network: nn.Module) -> TypeGuard[MultiscaleLstm]:
    """Whether a network remembers speakers."""
    return isinstance(network, MultiscaleLstm) and network.trunk is not None


def fit_scaling(network: MultiscaleLstm, examples: Sequence[Example]) -> None:
    """Set the network's centre, spread and within to those of examples as they are."""
    by_speaker: dict[tuple[str, str], Tensor] = {}
    weights: dict[tuple[str, str], Tensor] = {}
    for example in examples:
        described, heard = _described(network, example.variants[0].slow)
        sums, squares, weight = (
            x[0].cpu().double() for x in network.sums_of(described, heard, heard[:, -1])
        )
        person, both = example.clip.person, torch.stack([sums, squares])
        by_speaker[person] = by_speaker.get(person, torch.zeros_like(both)) + both
        weights[person] = weights.get(person, torch.zeros_like(weight)) + weight
    total = torch.stack(list(weights.values())).sum(dim=0)[:, None]
    mean, square = torch.stack(list(by_speaker.values())).sum(dim=0) / total
    spread = (square - mean.square()).clamp(min=0.0).sqrt() + 1e-3
    surplus = torch.zeros_like(mean)
    for person, (sums, squares) in by_speaker.items():
        surplus += squares - sums.square() / weights[person][:, None]
    network.centre.copy_(mean)
    network.spread.copy_(spread)
    network.within.copy_((surplus / total).clamp(min=0.0) / spread.square() + 1e-3)


def _sums_of(network: MultiscaleLstm, examples: Sequence[Example]) -> tuple[Tensor, Tensor, Tensor]:
    """What the memory adds up of each variant of each example.

    Returns:
        (n, n_variants, n_scales, width) sums and sums of squares as half floats,
        (n, n_variants, n_scales) weights.
    """
    shape = (len(examples), len(examples[0].variants), *network.centre.shape)
    sums, squares = (torch.empty(shape, dtype=torch.float16) for _ in range(2))
    weights = torch.empty(shape[:3])
    for i, example in enumerate(examples):
        for v, variant in enumerate(example.variants):
            described, heard = _described(network, variant.slow)
            relative = network.relative(described)
            of_variant = network.sums_of(relative, heard, heard[:, -1])
            for kept, found in zip((sums, squares, weights), of_variant, strict=True):
                kept[i, v] = found[0]
    return sums, squares, weights


def relative_of(network: MultiscaleLstm, slow: HalfArray) -> Tensor:
    """(n_scales, 1, units, width) descriptions of a variant, relative to everybody's mean."""
    return network.relative(_described(network, slow)[0])


@torch.inference_mode()
def _described(network: MultiscaleLstm, slow: HalfArray) -> tuple[Tensor, Tensor]:
    """(n_scales, 1, units, width) descriptions, and (1, units) counts of what had been heard."""
    device = network.centre.device
    moments = torch.from_numpy(slow).float()[None].to(device)
    heard = torch.arange(1.0, moments.shape[1] + 1.0, device=device)[None]
    described, _ = network.describe_voice(moments, heard, network.initial_state(1, device))
    return described, heard
