"""What a network says of examples, of strangers and of speakers it knows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor

from realtime_ser.config import RecognizerConfig
from realtime_ser.features import FrontEnd
from realtime_ser.fusion import (
    FusionConfig,
    fuse,
    mean_logits,
    scale_scores,
    weighted_sums,
)
from realtime_ser.training.batches import Batcher
from realtime_ser.training.histories import Histories, adapts
from realtime_ser.training.metrics import unweighted_average_recall
from realtime_ser.training.targets import labels_of
from realtime_ser.types import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from realtime_ser.networks.protocol import StreamingNetwork
    from realtime_ser.training.batches import Batch
    from realtime_ser.training.examples import Example
    from realtime_ser.training.index import Clip
    from realtime_ser.training.recipe import Recipe

BATCH = 64


@dataclass(frozen=True, slots=True)
class ExampleLogits:
    """What a network says of one example."""

    window: Tensor
    """(n_windows, n_scales, n_classes) logits after every hop."""
    utterance: Tensor
    """(1, n_scales, n_classes) logits of all of it."""
    units: float
    """Of the speaker's earlier speech."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Of several examples, heard from strangers and from speakers the network knows."""

    strangers: Sequence[ExampleLogits]
    speakers: Sequence[ExampleLogits]
    labels: Tensor
    """(n,)"""


def fused_utterances(said: Sequence[ExampleLogits], fusion: FusionConfig) -> Tensor:
    """(n, n_classes) calibrated probabilities of whole examples."""
    scores = scale_scores(torch.cat([one.utterance for one in said]))
    share = fusion.known(torch.tensor([one.units for one in said]))
    return fuse(scores, fusion.utterance, fusion.utterance_known, share)


class Listener:
    """Runs a network over examples as the recogniser would, but many at once."""

    def __init__(self, network: nn.Module, recipe: Recipe, device: torch.device) -> None:
        self.network = network
        self.classes = recipe.classes
        self._recipe = recipe
        self._device = device
        self._streaming = cast("StreamingNetwork", network)
        self._batcher = Batcher(FrontEnd(recipe.features), self._streaming.frames_per_unit)
        unit = self._streaming.frames_per_unit * recipe.features.hop / SAMPLE_RATE
        settings = RecognizerConfig()
        self._hop = max(1, round(settings.hop / unit))
        self._window = max(1, round(settings.window / unit))

    @torch.inference_mode()
    def hear(self, examples: Sequence[Example], *, known: bool = False) -> list[ExampleLogits]:
        """What the network says of examples, in their order.

        Args:
            examples: heard as they are, without speed or noise.
            known: the speaker of each has said something before, if the network adapts.
        """
        self.network.eval()
        order = sorted(range(len(examples)), key=lambda i: len(examples[i].variants[0].slow))
        past = None
        if known and adapts(self.network):
            as_they_are = [replace(e, variants=e.variants[:1]) for e in examples]
            histories = Histories(self.network, as_they_are, self._recipe.history)
            rng = np.random.default_rng(self._recipe.seed)
            past = histories.draw(order, [0] * len(order), rng, strangers=False)
        found: dict[int, ExampleLogits] = {}
        for start in range(0, len(order), BATCH):
            positions = order[start : start + BATCH]
            batch = self._batcher.make([examples[i].variants[0] for i in positions])
            if past is not None:
                own = {key: value[start : start + BATCH] for key, value in past.items()}
                batch = replace(batch, past=own)
            found.update(zip(positions, self._hear(batch), strict=True))
        return [found[i] for i in range(len(examples))]

    def utterances(self, examples: Sequence[Example], *, known: bool = False) -> Tensor:
        """Logits of whole examples: (n, n_scales, n_classes)."""
        return torch.cat([heard.utterance for heard in self.hear(examples, known=known)])

    def answers(self, examples: Sequence[Example]) -> Answers:
        """What the network says of examples, to be held against what they are."""
        labels = labels_of([example.clip for example in examples], self.classes)
        return Answers(self.hear(examples), self.hear(examples, known=True), labels)

    def uar(
        self,
        clips: Sequence[Clip],
        examples: Sequence[Example],
        fusion: FusionConfig,
        *,
        known: bool = False,
    ) -> float:
        """Of whole segments, after fusion. A clip in which no speech was found counts as missed."""
        heard = {example.clip.path for example in examples}
        missed = [clip for clip in clips if clip.path not in heard]
        labels = labels_of([*(example.clip for example in examples), *missed], self.classes)
        decided = np.full(len(labels), -1)
        if examples:
            fused = fused_utterances(self.hear(examples, known=known), fusion)
            decided[: len(examples)] = fused.argmax(dim=1).numpy()
        return unweighted_average_recall(labels.numpy(), decided, len(self.classes))

    def uar_of_both(
        self, clips: Sequence[Clip], examples: Sequence[Example], fusion: FusionConfig
    ) -> float:
        """Mean of the UAR of strangers and of known speakers."""
        return 0.5 * sum(self.uar(clips, examples, fusion, known=known) for known in (False, True))

    def _hear(self, batch: Batch) -> list[ExampleLogits]:
        state = self._streaming.initial_state(len(batch.units), self._device)
        state |= {key: value.to(self._device) for key, value in batch.past.items()}
        known = self._streaming.adapted_units(state).tolist()
        mel, slow = batch.mel.to(self._device), batch.slow.to(self._device)
        evidence, _ = self._streaming.fast_part(mel, slow, state)
        sums = weighted_sums(evidence).cumsum(dim=1).cpu()
        found = []
        for i, units in enumerate(batch.units.tolist()):
            ends = list(range(self._hop, units + 1, self._hop)) or [units]
            windows = [
                sums[i, end - 1] - (sums[i, end - 1 - self._window] if end > self._window else 0.0)
                for end in ends
            ]
            utterance = mean_logits(sums[i, units - 1])[None]
            found.append(ExampleLogits(mean_logits(torch.stack(windows)), utterance, known[i]))
        return found
