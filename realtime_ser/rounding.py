"""Probabilities as they are written: four decimals that still sum to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

UNITS: Final = 10_000
"""Steps that 1 is divided into."""


def round_probabilities(probabilities: Sequence[float]) -> list[float]:
    """Round to four decimals by the largest-remainder method.

    Every value is rounded down, then those that lost most get the missing steps, one each. The
    order of the values is kept (equal ones may come of different ones), and rounding again changes
    nothing.

    Raises:
        ValueError: a negative or non-finite value, or a sum further than 1e-3 from 1.
    """
    total = sum(probabilities)
    if not (abs(total - 1.0) <= 1e-3 and all(value >= 0.0 for value in probabilities)):
        raise ValueError(f"not a probability distribution: {list(probabilities)}")
    # Without the inner rounding 0.0003 would be 2.9999999999999996 steps.
    exact = [round(value / total * UNITS, 6) for value in probabilities]
    steps = [int(value) for value in exact]
    by_loss = sorted(range(len(exact)), key=lambda index: steps[index] - exact[index])
    for index in by_loss[: UNITS - sum(steps)]:
        steps[index] += 1
    return [count / UNITS for count in steps]
