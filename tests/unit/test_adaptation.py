from __future__ import annotations

import pytest
import torch

from realtime_ser.adaptation import SpeakerMemory
from realtime_ser.state import State

CPU = torch.device("cpu")


def heard(memory: SpeakerMemory, state: State, value: float, units: int) -> State:
    """The state after a segment whose descriptions are all ``value``."""
    after = memory.listen(state, torch.full((1, units, 1, 2), value), torch.ones(1, units, 1))
    return state | memory.remember(state | after) | fresh(memory)


def fresh(memory: SpeakerMemory) -> State:
    return {k: v for k, v in memory.initial_state(1, CPU).items() if k.startswith("segment")}


def usual(memory: SpeakerMemory, state: State) -> float:
    return float(memory.usual(state)[0, 0, 0])


def test_the_usual_goes_from_everybodys_mean_to_the_speakers() -> None:
    memory = SpeakerMemory(1, 2, prior=10.0, memory=1000.0)
    state = memory.initial_state(1, CPU)
    assert usual(memory, state) == 0.0
    found = []
    for _ in range(20):
        state = heard(memory, state, 4.0, 10)
        found.append(usual(memory, state))
    assert found[0] == pytest.approx(2.0)  # as much heard as the prior counts
    assert found == sorted(found)
    assert found[-1] == pytest.approx(4.0, rel=0.06)
    assert memory.units(state).tolist() == [200.0]


def test_what_is_being_said_does_not_count_yet() -> None:
    memory = SpeakerMemory(1, 2, prior=10.0, memory=1000.0)
    state = memory.initial_state(1, CPU)
    state |= memory.listen(state, torch.full((1, 10, 1, 2), 4.0), torch.ones(1, 10, 1))
    assert usual(memory, state) == 0.0
    assert memory.units(state).tolist() == [0.0]


def test_another_speaker_replaces_the_one_before() -> None:
    memory = SpeakerMemory(1, 2, prior=10.0, memory=100.0)
    state = memory.initial_state(1, CPU)
    for _ in range(50):
        state = heard(memory, state, 4.0, 10)
    for _ in range(30):
        state = heard(memory, state, -4.0, 10)
    assert usual(memory, state) == pytest.approx(-4.0 * 100 / 110, rel=0.15)


def test_full_windows_count_more() -> None:
    memory = SpeakerMemory(1, 2, prior=0.0, memory=1000.0)
    state = memory.initial_state(1, CPU)
    descriptions = torch.tensor([[[[1.0, 1.0]], [[5.0, 5.0]]]])
    after = memory.listen(state, descriptions, torch.tensor([[[0.25], [0.75]]]))
    state = state | memory.remember(state | after)
    assert usual(memory, state) == pytest.approx(4.0)
