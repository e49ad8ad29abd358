"""Train one network on one split. Every epoch is a point from which training can be resumed."""

from __future__ import annotations

import csv
import dataclasses
import time
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from realtime_ser.features import FrontEnd
from realtime_ser.fusion import mean_logits, weighted_sums
from realtime_ser.training import checkpoint
from realtime_ser.training.augment import Augmenter, batches_in
from realtime_ser.training.batches import Batch, Batcher
from realtime_ser.training.familiar import fit_familiarity, widen_familiarity
from realtime_ser.training.histories import Histories, adapts, fit_scaling
from realtime_ser.training.listening import Listener
from realtime_ser.training.metrics import unweighted_average_recall
from realtime_ser.training.targets import labels_of, targets_of
from realtime_ser.training.voiceprints import fit_voiceprint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from realtime_ser.networks.protocol import StreamingNetwork
    from realtime_ser.training.examples import Example, HalfArray
    from realtime_ser.training.recipe import Recipe

SHORTEST_RISE = 1.5
"""Steps in which the rate rises at least; where it is one, torch divides by nothing."""
WARM_UP = 10.0
"""Steps in which the mean of the weights mostly follows them."""
UNFIT = (KeyError, TypeError, ValueError, AttributeError, RuntimeError)
"""What a checkpoint of the right run raises where a part of it is missing or something else."""


@dataclasses.dataclass(frozen=True, slots=True)
class Epoch:
    """One line of the training log."""

    epoch: int
    loss: float
    validation_loss: float
    validation_uar: float
    learning_rate: float
    seconds: float
    """That it took, validation included."""


class Trainer:
    """One training run of a freshly made network; ``run`` goes on where an earlier one stopped."""

    network: nn.Module
    """The result: the network that learns, or another one with the mean of its weights."""

    def __init__(
        self,
        recipe: Recipe,
        network: nn.Module,
        train: Sequence[Example],
        validation: Sequence[Example],
        device: torch.device,
        folder: Path,
        digest: str,
        *,
        noises: Sequence[HalfArray] = (),
        pretrained: bool = False,
    ) -> None:
        """Prepare.

        Args:
            recipe: how to train.
            network: freshly made, or trained already.
            train, validation: examples, disjoint in speakers.
            device: where to train.
            folder: of the checkpoint and the log.
            digest: of the run, see ``checkpoint.digest_of``.
            noises: what the network's slow part says of sounds that are no speech.
            pretrained: ``network`` is a model's, which knows already what is usual for everybody.
        """
        self._recipe = recipe
        self._train = train
        self._validation = validation
        self._device = device
        self._folder = folder
        self._noises = noises
        self._pretrained = pretrained
        self._digest = digest
        self._learner = network.to(device)
        self._streaming = cast("StreamingNetwork", network)
        self._rng = np.random.default_rng(recipe.seed)
        histories = None
        if adapts(network):
            if not pretrained:
                fit_scaling(network, train)
            histories = Histories(network, train, recipe.history)
            voices = histories.voices().to(device)
            network.other_voices.know(voices, recipe.augment.other_voices)
            if not pretrained:
                fit_voiceprint(network, train, histories.means(), recipe.seed)
        share = recipe.optimizer.average
        self._average = AveragedModel(network, avg_fn=running_mean(share)) if share else None
        self.network = self._average.module if self._average else network
        self.listener = Listener(self.network, recipe, device)
        batcher = Batcher(FrontEnd(recipe.features), self._streaming.frames_per_unit)
        self._augmenter = Augmenter(batcher, recipe.augment, self._rng, histories)
        self._targets = targets_of(train, recipe.classes, recipe.optimizer.votes)
        o = recipe.optimizer
        self._steps = batches_in(len(train), o.batch_size)
        self._optimizer = torch.optim.AdamW(
            [p for p in network.parameters() if p.requires_grad],
            lr=o.learning_rate,
            weight_decay=o.weight_decay,
        )
        total = o.epochs * self._steps + 1
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer,
            o.learning_rate,
            total_steps=total,
            pct_start=max(o.warm_up, SHORTEST_RISE / total),
        )
        self.log: list[Epoch] = []
        self._best: dict[str, Tensor] = {}

    def run(self, on_epoch: Callable[[Epoch], None]) -> None:
        """Train as far as the recipe says, from the newest checkpoint if there is one.

        Raises:
            ConfigError: the checkpoint is damaged or of another recipe or split.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._resume()
        for epoch in range(len(self.log), self._recipe.optimizer.epochs):
            if self._patience_is_over():
                break
            began = time.monotonic()
            loss = self._one_epoch()
            validation_loss, uar = self._validate()
            rate = float(self._schedule.get_last_lr()[0])
            seconds = time.monotonic() - began
            self.log.append(Epoch(epoch + 1, loss, validation_loss, uar, rate, seconds))
            if self._recipe.optimizer.patience and self._epochs_since_best() == 0:
                self._best = {k: v.clone() for k, v in self.network.state_dict().items()}
            self._save()
            on_epoch(self.log[-1])
        if self._best:
            self.network.load_state_dict(self._best)
        if adapts(self.network):
            if self._pretrained:
                widen_familiarity(self.network, self._train)
            else:
                fit_familiarity(self.network, self._train, self._noises)

    def _epochs_since_best(self) -> int:
        losses = [epoch.validation_loss for epoch in self.log]
        return len(losses) - 1 - losses.index(min(losses))

    def _patience_is_over(self) -> bool:
        patience = self._recipe.optimizer.patience
        return bool(patience and self.log) and self._epochs_since_best() >= patience

    def _one_epoch(self) -> float:
        self._learner.train()
        size, total = self._recipe.optimizer.batch_size, 0.0
        for batch, wanted in self._augmenter.epoch(self._train, self._targets, size):
            targets = wanted.to(self._device)
            log_scores = F.log_softmax(self._forward(batch), dim=2)
            loss = -(targets[:, None] * log_scores).sum(dim=2).mean()
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(
                self._learner.parameters(), self._recipe.optimizer.gradient_norm
            )
            self._optimizer.step()
            if self._average:
                self._average.update_parameters(self._learner)
            self._schedule.step()
            total += loss.item()
        return total / self._steps

    def _forward(self, batch: Batch) -> Tensor:
        """Logits of whole segments: (batch, n_scales, n_classes)."""
        n = len(batch.units)
        state = self._streaming.initial_state(n, self._device)
        state |= {key: value.to(self._device) for key, value in batch.past.items()}
        mel, slow = batch.mel.to(self._device), batch.slow.to(self._device)
        evidence, _ = self._streaming.fast_part(mel, slow, state)
        heard = torch.arange(evidence.shape[1]) < batch.units[:, None]
        sums = weighted_sums(evidence) * heard.to(self._device)[:, :, None, None]
        return mean_logits(sums.sum(dim=1))

    def _validate(self) -> tuple[float, float]:
        """Loss and UAR of whole examples of strangers, all scales alike."""
        labels = labels_of([example.clip for example in self._validation], self._recipe.classes)
        logits = self.listener.utterances(self._validation)
        loss = F.cross_entropy(logits.flatten(0, 1), labels.repeat_interleave(logits.shape[1]))
        decided = torch.softmax(logits, dim=2).mean(dim=1).argmax(dim=1)
        uar = unweighted_average_recall(labels.numpy(), decided.numpy(), len(self._recipe.classes))
        return loss.item(), uar

    def _save(self) -> None:
        checkpoint.write(
            self._folder,
            {
                "digest": self._digest,
                "network": self._learner.state_dict(),
                "average": self._average.state_dict() if self._average else None,
                "best": self._best,
                "optimizer": self._optimizer.state_dict(),
                "schedule": self._schedule.state_dict(),
                "log": [dataclasses.asdict(epoch) for epoch in self.log],
                "random": checkpoint.random_states(self._rng, self._device),
            },
        )
        with (self._folder / "log.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, [f.name for f in dataclasses.fields(Epoch)])
            writer.writeheader()
            writer.writerows(dataclasses.asdict(epoch) for epoch in self.log)

    def _resume(self) -> None:
        stored = checkpoint.read(self._folder, self._digest, self._device)
        if stored is None:
            return
        try:
            self._learner.load_state_dict(stored["network"])
            if self._average:
                self._average.load_state_dict(stored["average"])
            self._best = stored["best"]
            self._optimizer.load_state_dict(stored["optimizer"])
            self._schedule.load_state_dict(stored["schedule"])
            self.log = [Epoch(**epoch) for epoch in stored["log"]]
            checkpoint.restore_random_states(stored["random"], self._rng, self._device)
        except UNFIT as error:
            raise checkpoint.damaged(self._folder) from error


def running_mean(share: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """A running mean that forgets its beginning: the first steps count as much as later ones."""

    def averaged(mean: Tensor, new: Tensor, steps: Tensor | int) -> Tensor:
        kept = min(share, (1.0 + float(steps)) / (WARM_UP + float(steps)))
        return mean + (1.0 - kept) * (new - mean)

    return averaged
