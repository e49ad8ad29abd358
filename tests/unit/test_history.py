"""The newest audio of a stream: taken in blocks, handed out in any cut, released in time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.history import History

SAMPLES = np.arange(1000, dtype=np.float32)


@given(
    cuts=st.lists(st.integers(1, 999), max_size=12),
    wanted=st.tuples(st.integers(0, 1000), st.integers(0, 1000)),
    released=st.integers(0, 1000),
)
def test_what_is_not_released_comes_out_as_it_went_in(
    cuts: list[int], wanted: tuple[int, int], released: int
) -> None:
    history = History()
    for block in np.split(SAMPLES, sorted(cuts)):
        history.append(block)
    start, end = min(wanted), max(wanted)
    history.release(min(start, released))
    np.testing.assert_array_equal(history.get(start, end), SAMPLES[start:end])


def test_what_is_released_is_gone_block_by_block() -> None:
    history = History()
    for block in np.split(SAMPLES, 10):
        history.append(block)
    history.release(250)
    assert history.get(200, 300).tolist() == SAMPLES[200:300].tolist()
    for start, end in ((199, 300), (900, 1001)):
        with pytest.raises(RuntimeError, match="not in history 200-1000"):
            history.get(start, end)


def test_after_a_gap_there_is_nothing_from_before() -> None:
    history = History()
    history.append(SAMPLES)
    history.skip_to(5000)
    history.append(SAMPLES)
    assert history.get(5010, 5020).tolist() == SAMPLES[10:20].tolist()
    with pytest.raises(RuntimeError, match="not in history"):
        history.get(990, 1000)
