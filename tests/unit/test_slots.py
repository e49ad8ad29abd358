"""Places for state: taken, given back, and made when there are none."""

from __future__ import annotations

import pytest
import torch

from realtime_ser.slots import Slots

START = {
    "a": torch.zeros(1, 3),
    "b": torch.full((1,), 7.0),
    "c": torch.zeros(1, 2, 2, dtype=torch.bfloat16),
}


def of(a: float, b: list[float]) -> dict[str, torch.Tensor]:
    """State of as many as there are in ``b``."""
    n = len(b)
    half = torch.full((n, 2, 2), 0.5, dtype=torch.bfloat16)
    return {"a": torch.full((n, 3), a), "b": torch.tensor(b), "c": half.transpose(1, 2)}


@pytest.mark.parametrize("start", [START, {}])
def test_everybody_has_a_place_of_his_own(start: dict[str, torch.Tensor]) -> None:
    slots = Slots(start)
    taken = [slots.open() for _ in range(100)]
    assert len(set(taken)) == 100
    for slot in taken[::2]:
        slots.close(slot)
    again = [slots.open() for _ in range(50)]
    assert set(again) == set(taken[::2]), "places are made though others are free"


def test_what_is_put_into_a_place_stays_there_when_more_are_made() -> None:
    slots = Slots(START)
    mine = slots.open()
    slots.scatter([mine], of(1.0, [7.0]) | {"another's": torch.ones(1)})
    others = [slots.open() for _ in range(20)]
    slots.scatter(others, of(0.0, torch.arange(20.0).tolist()))
    assert slots.gather([mine])["a"].tolist() == [[1.0, 1.0, 1.0]]
    found = slots.gather([others[3], mine, others[0]])
    assert found["b"].tolist() == [3.0, 7.0, 0.0]
    assert found["a"].tolist() == [[0.0] * 3, [1.0] * 3, [0.0] * 3]
    assert found["c"].dtype == torch.bfloat16
    assert found["c"].tolist() == [[[0.5, 0.5]] * 2] * 3


def test_a_place_given_back_is_as_it_was() -> None:
    slots = Slots(START)
    slot = slots.open()
    slots.scatter([slot], of(1.0, [1.0]))
    slots.close(slot)
    assert slots.open() == slot
    assert slots.gather([slot])["a"].tolist() == [[0.0] * 3]
    assert slots.gather([slot])["b"].tolist() == [7.0]
