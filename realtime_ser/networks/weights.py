"""What the weights and buffers of a network may be: a file may come from anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from torch import Tensor

SMALLEST, GREATEST = 1e-6, 1e6
"""Of what is divided by."""


def check_numbers(
    state: Mapping[str, Tensor], divisors: Collection[str], unlimited: Mapping[str, float]
) -> None:
    """Refuse numbers that no training leaves.

    Args:
        state: weights and buffers by name.
        divisors: names of those that are divided by: positive, and far from 0 and infinity.
        unlimited: name of one that may be infinite -> which infinity that is.

    Raises:
        ValueError: names one, and what is wrong with it.
    """
    for name, value in state.items():
        total = value.sum()  # not finite where a value is not, and quicker to look at
        if not total.isfinite() and total != unlimited.get(name):
            raise ValueError(f"{name} is not finite")
        if name in divisors and not ((value >= SMALLEST) & (value <= GREATEST)).all():
            raise ValueError(f"{name} is outside {SMALLEST:g} to {GREATEST:g}")
