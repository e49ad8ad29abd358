from __future__ import annotations

import pytest
import torch

from realtime_ser.adaptation import SpeakerMemory, Voiceprint
from realtime_ser.state import State

CPU = torch.device("cpu")
WITHIN = torch.ones(2)
BLIND = Voiceprint(torch.zeros(2, 1), torch.tensor(torch.inf))
SEEING = Voiceprint(torch.eye(2), torch.tensor(2.0))


def memory_of(prior: float = 10.0, steady: float = 1e9, memory: float = 1000.0) -> SpeakerMemory:
    return SpeakerMemory(1, 2, prior=prior, steady=steady, memory=memory)


def heard(
    memory: SpeakerMemory,
    state: State,
    *values: float,
    units: int = 10,
    voiceprint: Voiceprint = BLIND,
) -> State:
    """The state after a segment in which each value was described for so many units."""
    row = torch.tensor(values).repeat(units)
    sums, squares = (torch.full((1, 1, 2), float(x.sum())) for x in (row, row.square()))
    weights = torch.full((1, 1), float(len(row)))
    after = memory.listen(state, sums, squares, weights, len(row))
    return state | memory.remember(state | after, voiceprint) | fresh(memory)


def fresh(memory: SpeakerMemory) -> State:
    return {k: v for k, v in memory.initial_state(1, CPU).items() if k.startswith("segment")}


def compared(memory: SpeakerMemory, state: State, value: float) -> tuple[float, float]:
    """Beside everybody's mean, beside the speaker's."""
    found = memory.compare(torch.full((1, 1, 1, 2), value), state, WITHIN)
    assert found.shape == (1, 1, 1, 4)
    return float(found[0, 0, 0, 0]), float(found[0, 0, 0, 2])


def test_the_measure_goes_from_everybodys_mean_to_the_speakers() -> None:
    memory = memory_of()
    state = memory.initial_state(1, CPU)
    assert compared(memory, state, 5.0) == (5.0, 0.0)
    state = heard(memory, state, 4.0)  # as much as the prior counts
    assert compared(memory, state, 5.0) == pytest.approx((2.5, 0.5))
    for _ in range(30):
        state = heard(memory, state, 4.0)
    assert compared(memory, state, 5.0) == pytest.approx((0.0, 1.0), abs=0.2)
    assert memory.units(state).tolist() == [310.0]


def test_a_shift_moves_what_a_stranger_says_and_nothing_of_the_speaker_known() -> None:
    memory = memory_of()
    shift = torch.tensor([1.0, 0.0])
    state = heard(memory, memory.initial_state(1, CPU), 4.0)  # half known
    value = torch.full((1, 1, 1, 2), 5.0)
    plain, shifted = (memory.compare(value, state, WITHIN, by)[0, 0, 0] for by in (None, shift))
    assert (shifted - plain).tolist() == pytest.approx([0.5, 0.0, 0.0, 0.0])


def test_who_varies_little_says_more_by_the_same_difference() -> None:
    memory = memory_of(prior=1e-6, steady=20.0)
    lively, calm = memory.initial_state(1, CPU), memory.initial_state(1, CPU)
    for _ in range(20):
        lively, calm = heard(memory, lively, -2.0, 2.0), heard(memory, calm, -0.5, 0.5)
    assert compared(memory, lively, 1.0)[1] == pytest.approx(0.5, rel=0.1)
    assert compared(memory, calm, 1.0)[1] == pytest.approx(2.0, rel=0.15)
    barely = heard(memory, memory.initial_state(1, CPU), -0.5, 0.5, units=1)
    assert compared(memory, barely, 1.0)[1] == pytest.approx(1.0, rel=0.1)


def test_what_is_being_said_does_not_count_yet() -> None:
    memory = memory_of()
    state = memory.initial_state(1, CPU)
    sums = torch.full((1, 1, 2), 40.0)
    state |= memory.listen(state, sums, 4 * sums, torch.full((1, 1), 10.0), 10)
    assert compared(memory, state, 5.0) == (5.0, 0.0)
    assert memory.units(state).tolist() == [0.0]


def test_the_distant_past_fades() -> None:
    memory = memory_of(memory=100.0)
    state = memory.initial_state(1, CPU)
    for _ in range(50):
        state = heard(memory, state, 4.0)
    for _ in range(30):
        state = heard(memory, state, -4.0)
    _, beside_him = compared(memory, state, -4.0)
    assert abs(beside_him) < 0.6


def test_the_newest_part_fades_with_the_rest() -> None:
    """Taken away from the past, it leaves what was before it: the mean that is held against it."""
    memory = memory_of(memory=50.0)
    state = memory.initial_state(1, CPU)
    for _ in range(40):
        state = heard(memory, state, 4.0)
    assert state["block_units"].tolist() == [0.0]
    for _ in range(9):  # 90 units: the newest part is not complete yet
        state = heard(memory, state, -4.0)
    before = {key: state[f"speaker_{key}"] - state[f"block_{key}"] for key in ("sums", "weight")}
    torch.testing.assert_close(before["sums"] / before["weight"], torch.full((1, 1, 2), 4.0))
    # Each segment of 10 left 50 of 60 units.
    torch.testing.assert_close(before["weight"], torch.full((1, 1), 50.0 * (5 / 6) ** 9))


def test_another_speaker_replaces_the_one_before() -> None:
    memory = memory_of()
    state = memory.initial_state(1, CPU)
    for _ in range(40):
        state = heard(memory, state, 4.0, 5.0, voiceprint=SEEING)
    assert memory.units(state).tolist() == [800.0]
    for _ in range(10):
        state = heard(memory, state, -4.0, -3.0, voiceprint=SEEING)
    assert memory.units(state).tolist() == [200.0]
    assert abs(compared(memory, state, -3.5)[1]) < 0.01


def test_the_same_speaker_in_another_mood_is_still_the_same() -> None:
    memory = memory_of()
    state = memory.initial_state(1, CPU)
    for value in (4.0, 5.0, 3.0, 5.5):
        for _ in range(10):
            state = heard(memory, state, value, voiceprint=SEEING)
    assert memory.units(state).tolist() == [400.0]


def test_streams_side_by_side_do_not_mix() -> None:
    """One changes its speaker, the other does not."""
    memory = memory_of()
    stays, changes = memory.initial_state(1, CPU), memory.initial_state(1, CPU)
    for i in range(40):
        stays = heard(memory, stays, 4.0, voiceprint=SEEING)
        changes = heard(memory, changes, 4.0 if i < 20 else -4.0, voiceprint=SEEING)
    both = {key: torch.cat([stays[key], changes[key]]) for key in stays}
    together = memory.remember(both, SEEING)
    for i, alone in enumerate((stays, changes)):
        for key, value in memory.remember(alone, SEEING).items():
            torch.testing.assert_close(together[key][i : i + 1], value)
    assert memory.units(both).tolist() == [400.0, 200.0]
