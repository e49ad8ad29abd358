"""What is fitted on validation speakers is what runs."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from realtime_ser.fusion import Fusion, Parameters, fuse, fused_logits, scale_scores
from realtime_ser.training import calibrate
from realtime_ser.training.calibrate import fit_fusion

STRANGER = Fusion((0.5, 0.3, 0.2), 1.3)


@pytest.fixture
def spoken() -> tuple[Tensor, Tensor, Tensor]:
    """Logits of three scales, of which the second is the best; labels; how well known."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(4, (800,), generator=generator)
    logits = torch.randn(800, 3, 4, generator=generator)
    for scale, strength in enumerate((1.0, 2.0, 0.5)):
        logits[torch.arange(800), scale, labels] += strength
    return 2.0 * logits, labels, torch.rand(800, generator=generator)


def test_fusion_by_hand() -> None:
    scores = torch.tensor([[[0.9, 0.1], [0.2, 0.8]]])
    found = fuse(scores, Fusion((1.0, 0.0), 1.0), Fusion((0.5, 0.5), 3.0), torch.tensor([0.5]))
    # Weights 0.75 and 0.25, temperature 2: 0.725 and 0.275, of which the roots count.
    roots = torch.tensor([[0.725, 0.275]]).sqrt()
    torch.testing.assert_close(found, roots / roots.sum())


def test_what_is_fitted_is_what_runs(
    spoken: tuple[Tensor, Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    logits, labels, known = spoken
    tried: list[tuple[Fusion, Tensor]] = []

    def watched(scores: Tensor, base: Parameters, ends: Parameters, share: Tensor) -> Tensor:
        logits = fused_logits(scores, base, ends, share)
        weights, temperature = (part.detach() for part in ends)
        made = Fusion(tuple(weights.tolist()), temperature.item())
        tried.append((made, torch.softmax(logits.detach(), dim=1)))
        return logits

    monkeypatch.setattr(calibrate, "fused_logits", watched)
    fitted = fit_fusion(logits, labels, STRANGER, known)
    for speaker, said in (tried[0], tried[-1]):
        assert torch.equal(fuse(scale_scores(logits), STRANGER, speaker, known), said)
    assert fitted.weights == pytest.approx(tried[-1][0].weights, abs=1e-3)
    assert fitted.temperature == pytest.approx(tried[-1][0].temperature, abs=1e-3)


def test_nothing_near_what_is_fitted_is_more_likely(
    spoken: tuple[Tensor, Tensor, Tensor],
) -> None:
    logits, labels, known = spoken
    fitted = fit_fusion(logits, labels, STRANGER, known)

    def loss(speaker: Fusion) -> float:
        said = fuse(scale_scores(logits), STRANGER, speaker, known)
        return float(-said[torch.arange(800), labels].log().mean())

    first, second, third = fitted.weights
    others = [
        dataclasses.replace(fitted, temperature=fitted.temperature * factor)
        for factor in (0.9, 1.1)
    ] + [
        dataclasses.replace(fitted, weights=(first + step, second - step, third))
        for step in (0.05, -0.05)
    ]
    assert all(loss(fitted) < loss(other) for other in others)
