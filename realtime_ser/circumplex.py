"""Arousal and valence from class probabilities, by published coordinates of the emotions.

The mean ratings of Russell & Mehrabian, "Evidence for a three-factor theory of emotions", Journal
of Research in Personality 11 (1977), 273-294, weighted by the probability of each class: the
expected position on the plane. Rows that carry such values have the flag ``derived``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

COORDINATES: Final = {
    # class: (arousal, valence), in the article "arousal" and "pleasure" of "angry", "disgusted",
    # "fearful", "happy", "sad" and "surprised". Its scales have their middle at 0: neutral.
    "angry": (0.59, -0.51),
    "disgust": (0.35, -0.60),
    "fear": (0.60, -0.64),
    "happy": (0.51, 0.81),
    "neutral": (0.0, 0.0),
    "sad": (-0.27, -0.63),
    "surprise": (0.67, 0.40),
}
"""Class -> (arousal, valence), each in [-1, 1]."""


def arousal_valence(probabilities: Mapping[str, float]) -> tuple[float, float]:
    """Expected arousal and valence, each in [-1, 1].

    Args:
        probabilities: class -> probability; they sum to 1.

    Raises:
        ValueError: a class without published coordinates.
    """
    unknown = [name for name in probabilities if name not in COORDINATES]
    if unknown:
        raise ValueError(f"no coordinates for class {unknown[0]!r}")
    arousal = sum(share * COORDINATES[name][0] for name, share in probabilities.items())
    valence = sum(share * COORDINATES[name][1] for name, share in probabilities.items())
    return arousal, valence
