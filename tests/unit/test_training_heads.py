from __future__ import annotations

import numpy as np
import pytest
import torch

from realtime_ser.training.heads import logistic_regression


def clouds(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Three clouds in the plane and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], 40)
    centres = np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 3.0]])
    points = centres[labels] + rng.standard_normal((120, 2))
    return torch.tensor(points, dtype=torch.float32), torch.tensor(labels)


def test_the_optimum_is_found() -> None:
    x, labels = clouds()
    targets = torch.nn.functional.one_hot(labels, 3).float()
    weights = torch.full((120,), 1 / 120)
    matrix, bias, loss = logistic_regression(x, targets, weights, penalty=0.01)
    assert ((x @ matrix + bias).argmax(dim=1) == labels).float().mean() > 0.9

    def objective(matrix: torch.Tensor) -> float:
        scores = torch.log_softmax(x @ matrix + bias, dim=1)
        fit = -(targets * scores).sum(dim=1).mean()
        return float(fit + 0.005 * matrix.square().sum())

    assert loss == pytest.approx(objective(matrix), abs=1e-5)
    for seed in range(5):
        step = 0.05 * torch.randn(matrix.shape, generator=torch.Generator().manual_seed(seed))
        assert objective(matrix + step) > loss


def test_a_row_without_weight_has_no_say() -> None:
    x, labels = clouds()
    targets = torch.nn.functional.one_hot(labels, 3).float()
    weights = torch.ones(120)
    weights[::2] = 0.0
    half, _, _ = logistic_regression(x[1::2], targets[1::2], torch.full((60,), 1 / 60), 0.01)
    all_, _, _ = logistic_regression(x, targets, weights / weights.sum(), 0.01)
    torch.testing.assert_close(all_, half, atol=2e-3, rtol=1e-2)
