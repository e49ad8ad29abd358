"""Linear scores over what a frozen trunk says, fitted to the optimum: minutes instead of hours.

Multinomial logistic regression, a head a window length. Every example is heard several times, each
time as if its speaker had said something else before (or nothing), because that is what the
adaptation subtracts.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from realtime_ser.networks.pooled_lstm import fill_of
from realtime_ser.networks.pooling import describe, describe_whole
from realtime_ser.training.calibrate import fit_fusion
from realtime_ser.training.loop import Epoch, labels_of, targets_of, write_log
from realtime_ser.training.metrics import unweighted_average_recall

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import nn

    from realtime_ser.fusion import FusionConfig
    from realtime_ser.networks.pooled_lstm import PooledLstm
    from realtime_ser.training.examples import Example, HalfArray
    from realtime_ser.training.recipe import Recipe

STEPS = 60
"""Of the quasi-Newton method; the loss has settled long before."""
WINDOWS = 2
"""Of every example, each time it is heard: the last one and others at random."""
WINDOW_EVERY = 5
"""Units between the windows that fusion weights are fitted on."""
LONGEST_HISTORY = 40
"""Clips."""
NEUTRAL_SHARE = 0.6
"""Of the clips of a history that sounds like a call."""


@dataclass(frozen=True, slots=True)
class Heard:
    """All examples at one speed, as windows of one length, relative to the centre."""

    windows: Sequence[Tensor]
    """(units, width) an example."""
    totals: Tensor
    """(examples, width): sums over the windows, weighted by how full they were."""
    weights: Tensor
    """(examples,) sums of these weights."""


class HeadFitter:
    """Fits a ``PooledLstm``; see ``Trainer`` for its twin."""

    def __init__(
        self,
        recipe: Recipe,
        network: nn.Module,
        train: Sequence[Example],
        validation: Sequence[Example],
        device: torch.device,
        folder: Path,
    ) -> None:
        self._recipe = recipe
        self.classes = recipe.classes
        self._train = train
        self._validation = validation
        self._folder = folder
        self._device = device
        self.network = network.to(device)
        self._network = cast("PooledLstm", self.network)
        self._rng = np.random.default_rng(recipe.seed)
        self._targets = targets_of(train, recipe.classes, recipe.optimizer.votes)
        self.log: list[Epoch] = []

    def run(self, on_epoch: Callable[[Epoch], None]) -> None:
        """Fit all heads; ``on_epoch`` is told of each. Takes minutes and starts anew every time."""
        for scale, length in enumerate(self._network.config.window_units):
            began = time.monotonic()
            loss = self._fit(scale, length)
            seconds = time.monotonic() - began
            self.log.append(Epoch(scale + 1, loss, *self._validate(scale), 0.0, seconds))
            on_epoch(self.log[-1])
        self._folder.mkdir(parents=True, exist_ok=True)
        write_log(self._folder, self.log)

    def _validate(self, scale: int) -> tuple[float, float]:
        """Loss and UAR of one head on whole segments of validation speakers."""
        labels = labels_of([example.clip for example in self._validation], self.classes)
        logits = self.logits(self._validation)[:, scale]
        decided = logits.argmax(dim=1).numpy()
        uar = unweighted_average_recall(labels.numpy(), decided, len(self.classes))
        return F.cross_entropy(logits, labels).item(), uar

    def _fit(self, scale: int, length: int) -> float:
        heads = self._recipe.heads
        variants = len(self._train[0].variants)
        rows, targets, weights = [], [], []
        for v in range(variants):
            heard = _heard([example.variants[v].slow for example in self._train], length)
            if v == 0:
                centre = (heard.totals / heard.weights[:, None]).mean(dim=0)
                self._network.centre[scale] = centre
            for _ in range(heads.histories):
                usual = self._usual(heard, centre) + centre
                for i, windows in enumerate(heard.windows):
                    n = len(windows)
                    at = [n - 1, *self._rng.integers(0, n, WINDOWS - 1)]
                    rows.append(windows[at] - usual[i])
                    weights.append(fill_of(torch.tensor(at) + 1.0, length))
                    targets.append(self._targets[i].expand(WINDOWS, -1))
        x, target, weight = torch.cat(rows), torch.cat(targets), torch.cat(weights)
        del rows
        spread = x.std(dim=0) + 1e-3
        x /= spread
        matrix, bias, loss = logistic_regression(x, target, weight / weight.sum(), heads.penalty)
        self._network.heads[scale].weight.data = (matrix / spread[:, None]).T.contiguous()
        self._network.heads[scale].bias.data = bias
        return loss

    def _usual(self, heard: Heard, centre: Tensor) -> Tensor:
        """What is subtracted after a random past of each example's speaker: (examples, width)."""
        heads, rng = self._recipe.heads, self._rng
        by_speaker: dict[tuple[str, str], list[int]] = {}
        for i, example in enumerate(self._train):
            by_speaker.setdefault(example.clip.person, []).append(i)
        total, weight = torch.zeros_like(heard.totals), torch.zeros_like(heard.weights)
        for i, example in enumerate(self._train):
            if rng.random() >= heads.cold:
                past = self._history(by_speaker[example.clip.person], i)
                total[i] = heard.totals[past].sum(dim=0)
                weight[i] = heard.weights[past].sum()
        surplus = total - weight[:, None] * centre
        return surplus / (weight + self._network.config.prior)[:, None]

    def _history(self, own: Sequence[int], current: int) -> list[int]:
        """Clips of the same speaker, a few or many, sometimes most of them neutral."""
        heads, rng = self._recipe.heads, self._rng
        others = [j for j in own if j != current]
        n = min(len(others), round(float(np.exp(rng.uniform(0.0, np.log(LONGEST_HISTORY))))))
        if n == 0:
            return []
        chances = np.ones(len(others))
        if rng.random() < heads.call:
            neutral = np.array([self._train[j].clip.emotion == "neutral" for j in others])
            if 0 < neutral.sum() < len(others):
                chances[neutral] = NEUTRAL_SHARE / neutral.sum()
                chances[~neutral] = (1.0 - NEUTRAL_SHARE) / (~neutral).sum()
        picked = rng.choice(len(others), n, replace=True, p=chances / chances.sum())
        return [others[j] for j in picked]

    def logits(self, examples: Sequence[Example]) -> Tensor:
        """Logits of whole segments of strangers: (n, n_scales, n_classes)."""
        return torch.stack([self._evidence(example)[-1] for example in examples])

    def fusion(self, examples: Sequence[Example]) -> FusionConfig:
        """Weights for windows and for whole segments, fitted on strangers."""
        labels = labels_of([example.clip for example in examples], self.classes)
        evidence = [
            self._evidence(example)[WINDOW_EVERY - 1 :: WINDOW_EVERY] for example in examples
        ]
        owners = torch.tensor([len(windows) for windows in evidence])
        of_windows = fit_fusion(torch.cat(evidence), labels.repeat_interleave(owners))
        whole = fit_fusion(self.logits(examples), labels)
        return replace(whole, weights=of_windows.weights, whole=whole.weights)

    @torch.inference_mode()
    def _evidence(self, example: Example) -> Tensor:
        """Logits after every unit of a stranger's first words: (units, n_scales, n_classes)."""
        self.network.eval()
        slow = torch.from_numpy(example.variants[0].slow).float()[None].to(self._device)
        state = self._network.initial_state(1, self._device)
        evidence, _ = self._network.fast_part(slow, slow, state)
        return evidence[0, :, :, :-1].cpu()


def logistic_regression(
    x: Tensor, targets: Tensor, weights: Tensor, penalty: float
) -> tuple[Tensor, Tensor, float]:
    """Multinomial logistic regression with a penalty on the squared weights.

    Args:
        x: (n, width), every column about as wide as the others.
        targets: (n, n_classes) probabilities.
        weights: (n,) of the rows; they sum to 1.
        penalty: half of it times the sum of squares is added to the mean loss.

    Returns:
        (width, n_classes) weights, (n_classes,) biases, and the loss.
    """
    n_weights, n_classes = x.shape[1], targets.shape[1]
    values = torch.nn.Parameter(torch.zeros((n_weights + 1) * n_classes))
    optimizer = torch.optim.LBFGS(
        [values], max_iter=STEPS, history_size=10, line_search_fn="strong_wolfe"
    )
    losses: list[float] = []

    @torch.no_grad()
    def closure() -> float:
        matrix, bias = values[:-n_classes].view(n_weights, n_classes), values[-n_classes:]
        scores = F.log_softmax(torch.addmm(bias, x, matrix), dim=1)
        loss = -((targets * scores).sum(dim=1) @ weights) + 0.5 * penalty * matrix.square().sum()
        surplus = (scores.exp() - targets) * weights[:, None]
        values.grad = torch.cat([(x.T @ surplus + penalty * matrix).flatten(), surplus.sum(dim=0)])
        losses.append(float(loss))
        return losses[-1]

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    matrix = values.detach()[:-n_classes].view(n_weights, n_classes)
    return matrix, values.detach()[-n_classes:], min(losses)


def _heard(examples: Sequence[HalfArray], length: int) -> Heard:
    windows, totals, weights = [], [], []
    for slow in examples:
        moments = torch.from_numpy(slow).float()[None]
        units = torch.arange(1.0, moments.shape[1] + 1.0)
        if length:
            padded = F.pad(moments, (0, 0, length - 1, 0))
            described = describe(padded, units[None], length)[0]
        else:
            nothing = torch.zeros_like(moments[:, 0])
            described = describe_whole(nothing, moments, units[None])[0][0]
        fill = fill_of(units, length)
        windows.append(described)
        totals.append(fill @ described)
        weights.append(fill.sum())
    return Heard(windows, torch.stack(totals), torch.stack(weights))
