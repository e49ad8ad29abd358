"""Colours can be told apart by everybody, and letters and emoji say the same without them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from rich.cells import cell_len

from realtime_ser.types import EMOTIONS, UNCERTAIN
from realtime_ser.ui import palette

# Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritan": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
JUST_DIFFERENT = 2.3
"""CIE76 distance that half of all people notice."""


def lab(color: str, deficiency: np.ndarray) -> np.ndarray:
    srgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    xyz = XYZ @ np.clip(deficiency @ linear, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_every_emotion_has_a_look() -> None:
    assert set(palette.LOOKS) == {*EMOTIONS, UNCERTAIN}


def test_contrast_is_that_of_wcag() -> None:
    assert palette.contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert palette.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert palette.contrast("#123456", "#123456") == 1.0


@pytest.mark.parametrize("name", palette.LOOKS)
def test_colours_stand_out_from_the_background(name: str) -> None:
    assert palette.contrast(palette.LOOKS[name].color, palette.BACKGROUND) >= 3.0


@pytest.mark.parametrize("color", [palette.INK, palette.MUTED, palette.CAUTION, palette.ALARM])
def test_text_is_readable(color: str) -> None:
    assert palette.contrast(color, palette.BACKGROUND) >= 4.5
    assert palette.contrast(color, palette.RAISED) >= 4.5


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_colours_stay_apart_for_colour_blind_eyes(deficiency: str) -> None:
    seen = {name: lab(look.color, DEFICIENCIES[deficiency]) for name, look in palette.LOOKS.items()}
    for a, b in combinations(seen, 2):
        distance = float(np.linalg.norm(seen[a] - seen[b]))
        assert distance > 4 * JUST_DIFFERENT, (a, b)


def test_letters_and_emoji_are_distinct() -> None:
    looks = palette.LOOKS.values()
    assert len({look.letter for look in looks}) == len(palette.LOOKS)
    assert len({look.emoji for look in looks}) == len(palette.LOOKS)


def test_emoji_keep_columns_aligned() -> None:
    for look in palette.LOOKS.values():
        assert len(look.emoji) == 1
        assert cell_len(look.emoji) == 2
        assert cell_len(look.letter) == 1
