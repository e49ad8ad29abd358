from __future__ import annotations

from pathlib import Path

import pytest
import torch

from realtime_ser.adaptation import PAST_WEIGHT
from realtime_ser.models import load_model
from realtime_ser.networks.multiscale_lstm import MultiscaleLstm
from realtime_ser.networks.other_voices import OtherVoices
from tests.models import WIDTH, save_untrained

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


def test_the_network_hears_a_stranger_with_another_voice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = load_model(save_untrained(tmp_path / "model", voice=8)).network
    assert isinstance(network, MultiscaleLstm)
    cells, mel = torch.rand(2, 5, WIDTH), torch.zeros(2, 3, 50, 64)

    def said(state: dict[str, torch.Tensor]) -> torch.Tensor:
        evidence, _ = network.fast_part(mel, cells, state)
        return evidence.detach()

    stranger = network.initial_state(2, torch.device("cpu"))
    friend = stranger | {PAST_WEIGHT: torch.full_like(stranger[PAST_WEIGHT], 1e9)}
    plain = [said(state) for state in (stranger, friend)]
    shift = torch.ones(network.n_scales, 2, 1, WIDTH)
    monkeypatch.setattr(network.other_voices, "forward", lambda _: shift)
    shifted = [said(state) for state in (stranger, friend)]
    assert (shifted[0] - plain[0]).abs().max() > 1e-3
    assert torch.allclose(shifted[1], plain[1], atol=1e-4)


def test_voices_are_in_no_model_file(layer: OtherVoices) -> None:
    assert not layer.state_dict()
