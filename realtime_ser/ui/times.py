"""Seconds and shares as people read them."""

from __future__ import annotations

import math


def clock_text(seconds: float) -> str:
    """``m:ss``, from an hour on ``h:mm:ss``; rounded down, as clocks do."""
    whole = max(0, math.floor(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def clock_tenths(seconds: float) -> str:
    """``m:ss.t``, from an hour on ``h:mm:ss.t``; rounded to the nearest tenth."""
    tenths = max(0, round(seconds * 10))
    return f"{clock_text(tenths // 10)}.{tenths % 10}"


def percent_text(share: float) -> str:
    """``48 %``; rounded down, so that what is below a threshold is never shown as reaching it."""
    return f"{math.floor(share * 100 + 1e-4)} %"
