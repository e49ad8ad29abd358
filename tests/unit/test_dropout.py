from __future__ import annotations

import pytest
import torch

from realtime_ser.networks.dropout import ByteDropout


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_share_is_dropped_and_the_mean_stays(share: float) -> None:
    torch.manual_seed(0)
    dropped = ByteDropout(share)(torch.ones(100, 1001))
    assert (dropped == 0.0).float().mean().item() == pytest.approx(share, abs=0.01)
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.02)
    assert len(dropped.unique()) == 2


def test_every_place_has_its_own_chance() -> None:
    torch.manual_seed(0)
    layer, kept = ByteDropout(0.5), torch.zeros(64)
    for _ in range(400):
        kept += layer(torch.ones(64)) > 0.0
    assert 140 < kept.min() < kept.max() < 260
    draws = torch.stack([layer(torch.ones(64)) for _ in range(400)])
    assert torch.corrcoef(draws.T).fill_diagonal_(0.0).abs().max() < 0.3


def test_what_is_kept_passes_its_gradient() -> None:
    torch.manual_seed(0)
    values = torch.randn(50, requires_grad=True)
    dropped = ByteDropout(0.5)(values)
    dropped.sum().backward()
    assert torch.equal(values.grad, torch.where(dropped == 0.0, 0.0, 2.0))


def test_nothing_is_dropped_outside_training() -> None:
    values = torch.randn(20)
    assert ByteDropout(0.5).eval()(values) is values
    assert ByteDropout(0.0)(values) is values


def test_all_of_it_cannot_be_dropped() -> None:
    with pytest.raises(ValueError, match="outside"):
        ByteDropout(1.0)
