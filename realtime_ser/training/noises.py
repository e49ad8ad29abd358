"""A recipe's sounds that are no speech: what speech is heard in, and what it is told from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from realtime_ser.errors import DataError
from realtime_ser.training.sounds import FOLD_END, load_by_fold, load_folder
from realtime_ser.training.speech import speech_segments
from realtime_ser.types import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from realtime_ser.training.index import Clip
    from realtime_ser.training.recipe import Recipe
    from realtime_ser.types import AudioArray
    from realtime_ser.vad import Vad

STRETCHES, STRETCH = 3, 2 * SAMPLE_RATE
"""Of a recording: how many, and samples of each."""
SILENCE = 1e-4


class Noises:
    """The noise recordings of a recipe, by their fold; false where it has none."""

    def __init__(self, recipe: Recipe, homes: Mapping[tuple[str, str], str]) -> None:
        """Read them.

        Args:
            recipe: names their folder.
            homes: see ``homes_of``; needed where the recipe has ``noise_folds``.

        Raises:
            DataError: the folder has no recordings.
        """
        self._recipe = recipe
        self._homes = homes
        self._by_fold = self._read()

    def __bool__(self) -> bool:
        return bool(self._by_fold)

    def around(self, clip: Clip) -> Sequence[AudioArray]:
        """The recordings in which a clip is heard.

        Raises:
            DataError: no run holds the clip out, so no fold's noise is its own.
        """
        if not self._recipe.augment.noise_folds:
            return self._by_fold[""]
        home = self._homes.get((clip.corpus, clip.fold or ""))
        if home not in self._by_fold:
            raise DataError(
                f"{clip.path}: augment.noise_folds needs a run that holds the clip out, and noise "
                f"recordings named {home or 'FOLD'}{FOLD_END}..."
            )
        return self._by_fold[home]

    def stretches(self, vad: Vad) -> dict[str, list[AudioArray]]:
        """Of every recording random stretches, and what the detector takes for speech in it.

        By fold; without folds the only key is empty.
        """
        rng = np.random.default_rng(self._recipe.seed)
        found: dict[str, list[AudioArray]] = {}
        for fold, recordings in self._by_fold.items():
            waves = found.setdefault(fold, [])
            for noise in recordings:
                for _ in range(STRETCHES):
                    start = int(rng.integers(max(1, len(noise) - STRETCH)))
                    wave = noise[start : start + STRETCH]
                    if float(np.abs(wave).max()) > SILENCE:
                        waves.append(wave)
                waves += speech_segments(noise, vad, self._recipe)
        return found

    def _read(self) -> dict[str, list[AudioArray]]:
        augment = self._recipe.augment
        if not augment.noise_folder:
            return {}
        folder = Path(augment.noise_folder)
        try:
            return load_by_fold(folder) if augment.noise_folds else {"": load_folder(folder)}
        except DataError as error:
            raise DataError(f"{self._recipe.label}: augment.noise_folder: {error}") from error
