from __future__ import annotations

import pytest

from realtime_ser.circumplex import COORDINATES, arousal_valence
from realtime_ser.types import EMOTIONS


def test_every_class_of_the_timeline_has_coordinates() -> None:
    assert set(COORDINATES) == set(EMOTIONS)


@pytest.mark.parametrize(
    ("emotion", "arousal", "valence"),
    [("angry", 0.59, -0.51), ("happy", 0.51, 0.81), ("sad", -0.27, -0.63), ("neutral", 0.0, 0.0)],
)
def test_a_certain_emotion_lies_at_its_published_place(
    emotion: str, arousal: float, valence: float
) -> None:
    assert arousal_valence({emotion: 1.0}) == (arousal, valence)


def test_a_mixture_lies_at_the_weighted_mean() -> None:
    arousal, valence = arousal_valence({"happy": 0.5, "sad": 0.25, "neutral": 0.25})
    assert arousal == pytest.approx(0.5 * 0.51 - 0.25 * 0.27)
    assert valence == pytest.approx(0.5 * 0.81 - 0.25 * 0.63)


def test_a_class_without_coordinates_is_refused() -> None:
    with pytest.raises(ValueError, match="'bored'"):
        arousal_valence({"bored": 1.0})
