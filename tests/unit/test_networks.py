from __future__ import annotations

import pytest
import torch
from torch import nn

from realtime_ser.errors import ModelError
from realtime_ser.features import TRUNK_BANDS, Features
from realtime_ser.networks import build_network, inference
from realtime_ser.networks.banks import LstmBank
from realtime_ser.networks.inference import PackedLinear, can_pack, pack_linears
from realtime_ser.networks.multiscale_lstm import MultiscaleLstm
from tests.models import SMALL

CPU = torch.device("cpu")
UNITS = 24


@pytest.fixture(params=["without trunk", "with trunk"])
def network(request: pytest.FixtureRequest) -> MultiscaleLstm:
    torch.manual_seed(1)
    voice = 8 if request.param == "with trunk" else 0
    made = build_network("multiscale_lstm", SMALL | {"voice": voice})
    assert isinstance(made, MultiscaleLstm)
    return made.eval()


def features(batch: int, units: int = UNITS, seed: int = 0) -> Features:
    generator = torch.Generator().manual_seed(seed)
    return Features(
        torch.randn(batch, 3, 10 * units, 64, generator=generator),
        torch.rand(batch, 10 * units, TRUNK_BANDS, generator=generator),
    )


def cut(whole: Features, start: int, end: int) -> Features:
    return Features(whole.mel[:, :, 10 * start : 10 * end], whole.trunk[:, 10 * start : 10 * end])


@torch.no_grad()
@pytest.mark.parametrize("pieces", [[5, 5, 5, 5, 4], [10, 5, 9], [20, 4]])
def test_any_split_into_blocks_gives_the_same_evidence(
    network: MultiscaleLstm, pieces: list[int]
) -> None:
    whole = features(2)
    expected, expected_state = network.step(whole, network.initial_state(2, CPU))
    state, found, start = network.initial_state(2, CPU), [], 0
    for n in pieces:
        evidence, changed = network.step(cut(whole, start, start + n), state)
        state |= changed
        found.append(evidence)
        start += n
    torch.testing.assert_close(torch.cat(found, 1), expected, atol=1e-5, rtol=1e-4)
    assert expected_state.keys() <= state.keys() == network.initial_state(1, CPU).keys()
    for key, value in expected_state.items():
        torch.testing.assert_close(state[key], value, atol=1e-4, rtol=1e-3)


@torch.no_grad()
def test_a_batch_gives_the_same_as_each_alone(network: MultiscaleLstm) -> None:
    whole = features(3)
    together, _ = network.step(whole, network.initial_state(3, CPU))
    for i in range(3):
        alone = Features(whole.mel[i : i + 1], whole.trunk[i : i + 1])
        evidence, _ = network.step(alone, network.initial_state(1, CPU))
        torch.testing.assert_close(together[i], evidence[0], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_nothing_looks_ahead(network: MultiscaleLstm) -> None:
    whole, other = features(1, seed=0), features(1, seed=9)
    changed = Features(whole.mel.clone(), whole.trunk.clone())
    changed.mel[:, :, 100:], changed.trunk[:, 100:] = other.mel[:, :, 100:], other.trunk[:, 100:]
    before, _ = network.step(whole, network.initial_state(1, CPU))
    after, _ = network.step(changed, network.initial_state(1, CPU))
    torch.testing.assert_close(before[:, :10], after[:, :10])
    assert not torch.allclose(before[:, 10:], after[:, 10:], atol=1e-3)


@torch.no_grad()
def test_every_scale_says_something_of_its_own(network: MultiscaleLstm) -> None:
    evidence, _ = network.step(features(1), network.initial_state(1, CPU))
    assert evidence.shape == (1, UNITS, 3, 7)
    assert not torch.allclose(evidence[:, :, 0], evidence[:, :, 1])


@torch.no_grad()
def test_a_packed_network_says_the_same(network: MultiscaleLstm) -> None:
    expected, _ = network.step(features(3), network.initial_state(3, CPU))
    pack_linears(network)
    kinds = {type(module) for module in network.modules()}
    assert (PackedLinear in kinds) == can_pack()
    assert (nn.Linear in kinds) != can_pack()
    found, _ = network.step(features(3), network.initial_state(3, CPU))
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=2e-3)


@torch.no_grad()
def test_without_kernels_nothing_is_packed(
    network: MultiscaleLstm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "can_pack", lambda: False)
    pack_linears(network)
    assert not any(isinstance(m, PackedLinear) for m in network.modules())


@torch.no_grad()
def test_a_bank_of_lstms_is_lstms_side_by_side() -> None:
    bank, lstms = LstmBank(3, 5, 4), [nn.LSTM(5, 4, batch_first=True) for _ in range(3)]
    ours = [0, 1, 3, 2]  # torch keeps the gates in another order: in, forget, cell, out

    def reordered(rows: torch.Tensor) -> torch.Tensor:
        return torch.cat([rows.unflatten(0, (4, 4))[i] for i in ours])

    for part, end in ((bank.input, "ih"), (bank.recurrent, "hh")):
        for mine, theirs in ((part.weight, f"weight_{end}_l0"), (part.bias, f"bias_{end}_l0")):
            mine.copy_(torch.cat([reordered(getattr(lstm, theirs)) for lstm in lstms]))
    x, hidden, cell = torch.randn(3, 2, 7, 5), torch.randn(3, 2, 4), torch.randn(3, 2, 4)
    found, found_cell = bank(x, hidden, cell)
    for i, lstm in enumerate(lstms):
        expected, (_, expected_cell) = lstm(x[i], (hidden[i : i + 1], cell[i : i + 1]))
        torch.testing.assert_close(found[i], expected)
        torch.testing.assert_close(found_cell[i], expected_cell[0])


def test_the_trunk_is_not_trained() -> None:
    made = build_network("multiscale_lstm", SMALL | {"voice": 8})
    trained = {name for name, p in made.named_parameters() if p.requires_grad}
    assert trained
    assert not any(name.startswith("trunk") for name in trained)


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("perceptron", {}, "unknown; known: multiscale_lstm"),
        ("multiscale_lstm", {"layers": 3}, "unknown parameter 'layers'"),
        ("multiscale_lstm", {"hidden": "many"}, "cannot be built"),
        ("multiscale_lstm", {"embedding": 8, "n_mels": 0}, "needs mel bands"),
        ("multiscale_lstm", {"memory": 0.0}, r"memory = 0\.0 is outside 0\.001 to 1e\+06"),
        ("multiscale_lstm", {"memory": float("inf")}, "memory = inf is outside"),
        ("multiscale_lstm", {"memory": 1e39}, r"memory = 1e\+39 is outside"),
        ("multiscale_lstm", {"prior": -1.0}, r"prior = -1\.0 is outside"),
        ("multiscale_lstm", {"prior": float("inf")}, "prior = inf is outside"),
        ("multiscale_lstm", {"prior": 1e-46}, "prior = 1e-46 is outside"),
        ("multiscale_lstm", {"steady": float("nan")}, "steady = nan is outside"),
    ],
)
def test_what_cannot_be_built_is_said(name: str, parameters: dict[str, object], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        build_network(name, parameters)
