"""Sizes that more than one part of the screen must agree on."""

from __future__ import annotations

from typing import Final

TALL: Final = 36
"""Lines of a terminal from which the parts have whole frames and higher lanes."""
