"""Words three rows high, drawn with half blocks (a pixel is a cell wide and half a cell high)."""

from __future__ import annotations

from itertools import zip_longest
from typing import Final

_GLYPHS: Final = {
    " ": ".. .. .. .. ..",
    "A": ".#. #.# ### #.# #.#",
    "C": ".## #.. #.. #.. .##",
    "D": "##. #.# #.# #.# ##.",
    "E": "### #.. ##. #.. ###",
    "F": "### #.. ##. #.. #..",
    "G": ".## #.. #.# #.# .##",
    "H": "#.# #.# ### #.# #.#",
    "I": "# # # # #",
    "L": "#.. #.. #.. #.. ###",
    "M": "#...# ##.## #.#.# #...# #...#",
    "N": "#..# ##.# #.## #..# #..#",
    "O": ".#. #.# #.# #.# .#.",
    "P": "##. #.# ##. #.. #..",
    "R": "##. #.# ##. #.# #.#",
    "S": ".## #.. .#. ..# ##.",
    "T": "### .#. .#. .#. .#.",
    "U": "#.# #.# #.# #.# ###",
    "Y": "#.# #.# .#. .#. .#.",
}
"""Five rows of pixels for each letter that occurs in the words of the screen."""

_HALVES: Final = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


def big_text(word: str, scale: int = 1) -> list[str]:
    """Draw a word.

    Args:
        word: letters among those of the screen's words, in any case.
        scale: 1 gives three rows; 2 doubles both ways and gives five rows.

    Returns:
        Rows of equal width.
    """
    rows = ["".join(pixel * scale for pixel in row) for row in _pixels(word)]
    rows = [row for row in rows for _ in range(scale)]
    return [
        "".join(_HALVES[upper == "#", lower == "#"] for upper, lower in zip(*pair, strict=True))
        for pair in zip_longest(rows[::2], rows[1::2], fillvalue="." * len(rows[0]))
    ]


def _pixels(word: str) -> list[str]:
    glyphs = [_GLYPHS[letter].split() for letter in word.upper()]
    return [".".join(parts) for parts in zip(*glyphs, strict=True)]
