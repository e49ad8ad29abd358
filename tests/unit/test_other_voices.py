from __future__ import annotations

import pytest
import torch

from realtime_ser.networks.other_voices import OtherVoices

VOICES = torch.tensor([[[0.0, 0.0]], [[1.0, -2.0]]])  # two, at one scale


@pytest.fixture
def layer() -> OtherVoices:
    torch.manual_seed(0)
    made = OtherVoices()
    made.know(VOICES, share=3.0)
    return made.train()


def test_a_shift_is_a_share_of_the_difference_between_two_voices(layer: OtherVoices) -> None:
    shifts = layer(1000)
    assert isinstance(shifts, torch.Tensor)
    assert shifts.shape == (1, 1000, 1, 2)
    one, other = shifts[0, :, 0].T
    assert torch.allclose(other, -2.0 * one)
    assert one.abs().max() == pytest.approx(3.0, abs=0.1)
    assert one.mean() == pytest.approx(0.0, abs=0.1)
    # Half are heard as they are, and of the others half drew the same voice twice.
    assert (one == 0.0).float().mean() == pytest.approx(0.75, abs=0.05)


def test_nothing_is_shifted_outside_training(layer: OtherVoices) -> None:
    assert layer.eval()(5) is None


def test_without_a_share_no_chance_is_used(layer: OtherVoices) -> None:
    layer.know(VOICES, share=0.0)
    before = torch.get_rng_state()
    assert layer(5) is None
    assert torch.equal(torch.get_rng_state(), before)


def test_voices_are_in_no_model_file(layer: OtherVoices) -> None:
    assert not layer.state_dict()
