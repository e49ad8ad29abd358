"""Colours can be told apart by everybody, and letters and emoji say the same without them."""

from __future__ import annotations

from itertools import combinations

import pytest
from rich.cells import cell_len

from realtime_ser.types import EMOTIONS, UNCERTAIN
from realtime_ser.ui import palette
from realtime_ser.ui.palette import DARK, LIGHT, Palette, contrast
from tests.ui.color_vision import VISIONS, ciede2000, difference, simulate

APART = 12.0
"""CIEDE2000 of any two emotions, in any vision."""

both = pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
every_vision = pytest.mark.parametrize("vision", VISIONS)


def seen(a: str, b: str, vision: str) -> float:
    """Contrast of two colours for these eyes."""
    return contrast(simulate(a, vision), simulate(b, vision))


@both
def test_every_emotion_has_a_look(theme: Palette) -> None:
    assert set(theme.looks) == {*EMOTIONS, UNCERTAIN}


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#123456", "#123456") == 1.0


def test_simulated_visions_confuse_what_they_are_known_to() -> None:
    assert simulate("#d55e00", "normal") == "#d55e00"
    for vision in VISIONS:
        assert simulate("#ffffff", vision) == "#ffffff"
        assert simulate("#808080", vision) in ("#808080", "#7f7f7f", "#818181")
    red_green, blue_green = ("#b05a50", "#78705a"), ("#0080a0", "#008a7a")
    for vision in ("protanopia", "deuteranopia"):
        assert difference(*(simulate(c, vision) for c in red_green)) < difference(*red_green) / 2
    assert (
        difference(*(simulate(c, "tritanopia") for c in blue_green)) < difference(*blue_green) / 2
    )


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [  # from the table of Sharma, Wu and Dalal
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
        ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_differences_are_those_of_ciede2000(
    one: tuple[float, float, float], other: tuple[float, float, float], expected: float
) -> None:
    assert ciede2000(one, other) == pytest.approx(expected, abs=1e-4)
    assert ciede2000(other, one) == pytest.approx(expected, abs=1e-4)


@both
@every_vision
def test_colours_stand_out_from_what_they_are_drawn_on(theme: Palette, vision: str) -> None:
    """Neighbours in the timeline, too: a gap of the background is between them."""
    for name, look in theme.looks.items():
        for ground in (theme.background, theme.raised, theme.track):
            assert seen(look.color, ground, vision) >= 3.0, (name, ground)


@both
@every_vision
def test_colours_stay_apart(theme: Palette, vision: str) -> None:
    for (a, one), (b, other) in combinations(theme.looks.items(), 2):
        apart = difference(simulate(one.color, vision), simulate(other.color, vision))
        assert apart >= APART, (a, b)


@both
def test_text_is_readable(theme: Palette) -> None:
    for color in (theme.ink, theme.muted, theme.caution, theme.alarm):
        assert contrast(color, theme.background) >= 4.5
        assert contrast(color, theme.raised) >= 4.5
    assert contrast(theme.muted, theme.track) >= 4.5
    assert contrast("#ffffff", theme.alarm_background) >= 4.5
    for name, look in theme.looks.items():
        assert contrast(look.color, theme.background) >= 4.5, name
        assert contrast(theme.ink_on(look.color), look.color) >= 4.5, name


@both
@every_vision
def test_warnings_and_levels_are_seen_by_everybody(theme: Palette, vision: str) -> None:
    for color in (theme.ink, theme.muted, theme.level, theme.caution, theme.alarm):
        assert seen(color, theme.background, vision) >= 3.0
        assert seen(color, theme.track, vision) >= 3.0


def test_the_themes_differ_in_colours_alone() -> None:
    assert DARK.dark
    assert not LIGHT.dark
    assert palette.luminance(DARK.background) < 0.05
    assert palette.luminance(LIGHT.background) > 0.9
    for name, look in DARK.looks.items():
        assert (look.letter, look.emoji) == (LIGHT.looks[name].letter, LIGHT.looks[name].emoji)


def test_letters_and_emoji_are_distinct() -> None:
    looks = DARK.looks.values()
    assert len({look.letter for look in looks}) == len(DARK.looks)
    assert len({look.emoji for look in looks}) == len(DARK.looks)


def test_emoji_keep_columns_aligned() -> None:
    for look in DARK.looks.values():
        assert len(look.emoji) == 1
        assert cell_len(look.emoji) == 2
        assert cell_len(look.letter) == 1
