from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_ser.rounding import round_probabilities


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [
        ([0.33336, 0.33334, 0.3333], [0.3334, 0.3333, 0.3333]),
        ([1 / 7] * 7, [0.1429, 0.1429, 0.1429, 0.1429, 0.1428, 0.1428, 0.1428]),
        ([0.99999, 0.00001], [1.0, 0.0]),
        ([0.00005] * 2 + [0.9999], [0.0001, 0.0, 0.9999]),
        ([1.0], [1.0]),
    ],
)
def test_known_values(exact: list[float], rounded: list[float]) -> None:
    assert round_probabilities(exact) == rounded


@settings(database=None, derandomize=True, deadline=None)
@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=7))
def test_sums_to_one_stays_close_and_keeps_order(weights: list[float]) -> None:
    exact = [weight / sum(weights) for weight in weights]
    rounded = round_probabilities(exact)
    assert sum(round(value * 10_000) for value in rounded) == 10_000
    assert all(abs(a - b) < 1.01e-4 for a, b in zip(exact, rounded, strict=True))
    pairs = itertools.permutations(zip(exact, rounded, strict=True), 2)
    assert all(low[1] <= high[1] for low, high in pairs if low[0] < high[0] - 1e-9)
    assert round_probabilities(rounded) == rounded


@pytest.mark.parametrize(
    "values", [[0.5, 0.4], [1.2, -0.2], [float("nan"), 1.0], [float("inf"), 0.0], []]
)
def test_what_is_no_distribution_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="not a probability distribution"):
        round_probabilities(values)
