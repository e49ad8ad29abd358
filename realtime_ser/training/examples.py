"""Clips -> features of their speech, found and cut as the recipe's [vad] and [segments] say."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import soxr
import torch
from torch import nn

from realtime_ser.errors import DataError
from realtime_ser.features import FrontEnd
from realtime_ser.networks import network_config
from realtime_ser.training.degrade import (
    add_coloured_noise,
    add_noise,
    folder_of_spec,
    parse_degradation,
)
from realtime_ser.training.index import Clip, load_clip
from realtime_ser.training.noises import Noises
from realtime_ser.training.pretrained import PREFIX, trunk_sha256
from realtime_ser.training.sounds import versions_of
from realtime_ser.training.speech import speech_segments
from realtime_ser.types import SAMPLE_RATE, AudioArray
from realtime_ser.vad import make_vad

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from realtime_ser.networks.protocol import StreamingNetwork
    from realtime_ser.training.recipe import Recipe

VERSION = 5
"""Of the cache: one more when a changed code would make other examples."""
SHORTEST = 0.4
"""Seconds of speech under which a segment is no example."""
POWER_FLOOR = 1e-12
CLIPS_AT_ONCE = 128
WAVES_AT_ONCE = 48
OF_THE_SPEAKER = ("microphone", "room")
"""Conditions in which all clips of a speaker are heard alike, so that his past tells of it."""
HalfArray = npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Variant:
    """A segment of speech at one speed or in one condition."""

    log_power: HalfArray
    """(units * frames_per_unit, n_bands): logarithm of the front end's power; no bands where the
    network takes no mel segments."""
    slow: HalfArray
    """(units, width): what the frozen part of the network says of it."""


@dataclass(frozen=True, slots=True)
class Example:
    """One segment of speech of one clip; the first variant is the segment as it is."""

    clip: Clip
    variants: tuple[Variant, ...]


class ExampleMaker:
    """Makes examples and keeps them in a folder, so that the next run finds them there."""

    def __init__(
        self,
        recipe: Recipe,
        network: StreamingNetwork,
        cache: Path,
        homes: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        """Prepare.

        Args:
            recipe: says how examples are made.
            network: its slow part listens.
            cache: a folder, made when missing.
            homes: see ``homes_of``; needed where the recipe has ``noise_folds``.

        Raises:
            DataError: a folder of the recipe has no recordings.
        """
        self._recipe = recipe
        self._network = network
        self._cache = cache
        self._front_end = FrontEnd(recipe.features)
        self._vad = make_vad(recipe.vad)
        self._speeds = sorted(recipe.augment.speeds, key=lambda speed: speed != 1.0)
        self._homes = homes or {}
        self._noises = Noises(recipe, self._homes)
        self._conditions = {
            spec: parse_degradation(spec, f"{recipe.label}: augment.conditions")
            for spec in recipe.augment.conditions
        }
        self._version = self._digest_of_settings()

    def make(self, clips: Sequence[Clip], progress: Callable[[], None]) -> list[Example]:
        """Examples of clips, in their order; clips without detected speech give none.

        Args:
            clips: what to read.
            progress: called after each clip.

        Raises:
            DataError: a recording cannot be used.
        """
        examples: list[Example] = []
        for start in range(0, len(clips), CLIPS_AT_ONCE):
            group = clips[start : start + CLIPS_AT_ONCE]
            missing = [clip for clip in group if not self._file(clip).exists()]
            self._store(missing)
            for clip in group:
                try:
                    examples += self._stored(clip)
                except Exception:  # noqa: BLE001 - a file that a power cut damaged raises anything
                    self._store([clip])
                    examples += self._stored(clip)
                progress()
        return examples

    def noises(self) -> dict[str, list[HalfArray]]:
        """What the slow part says of the recipe's noise recordings, by their fold."""
        return {
            fold: [variant.slow for variant in self._features(waves)]
            for fold, waves in self._noises.stretches(self._vad).items()
        }

    def _store(self, clips: Sequence[Clip]) -> None:
        """Compute what is missing, all clips in one pass through the slow part."""
        owners, waves = [], []
        for clip in clips:
            for segment in speech_segments(load_clip(clip), self._vad, self._recipe):
                if len(segment) >= SHORTEST * SAMPLE_RATE:
                    variants = list(self._variants(segment, clip))
                    owners += [clip] * len(variants)
                    waves += variants
        made = self._features(waves) if waves else []
        for clip in clips:
            own = [v for owner, v in zip(owners, made, strict=True) if owner is clip]
            file = self._file(clip)
            file.parent.mkdir(parents=True, exist_ok=True)
            new = file.with_suffix(f".{uuid4().hex}.npz")
            try:
                np.savez(new, *[array for v in own for array in (v.log_power, v.slow)])
                new.replace(file)
            finally:
                new.unlink(missing_ok=True)

    def _stored(self, clip: Clip) -> list[Example]:
        with self._file(clip).open("rb") as stream, np.load(stream) as stored:
            arrays = [stored[f"arr_{i}"] for i in range(len(stored.files))]
        variants = [Variant(*pair) for pair in zip(arrays[::2], arrays[1::2], strict=False)]
        made_up = self._recipe.augment.coloured_noise
        each = len(self._speeds) + bool(self._noises) + made_up + len(self._conditions)
        if len(arrays) % (2 * each):
            raise ValueError(f"{self._file(clip)} holds {len(arrays)} arrays")
        return [Example(clip, tuple(variants[i : i + each])) for i in range(0, len(variants), each)]

    def _variants(self, segment: AudioArray, clip: Clip) -> Iterator[AudioArray]:
        for speed in self._speeds:
            rate = SAMPLE_RATE * speed
            yield segment if speed == 1.0 else soxr.resample(segment, rate, SAMPLE_RATE)
        low, high = self._recipe.augment.noise_snr_db
        if self._noises:
            rng = self._rng(clip.path.name, "noise")
            yield add_noise(segment, float(rng.uniform(low, high)), self._noises.around(clip), rng)
        if self._recipe.augment.coloured_noise:
            rng = self._rng(clip.path.name, "coloured")
            yield add_coloured_noise(segment, float(rng.uniform(low, high)), rng)
        for name, condition in self._conditions.items():
            whose = clip.person if name in OF_THE_SPEAKER else (clip.path.name,)
            yield condition(segment, self._rng(*whose, name))

    def _rng(self, *key: str) -> np.random.Generator:
        """Of the seed and a key, so that all segments of a clip are heard in the same place."""
        name = f"{' '.join(key)}{self._recipe.seed}".encode()
        return np.random.default_rng(list(hashlib.sha256(name).digest()[:8]))

    def _features(self, waves: Sequence[AudioArray]) -> list[Variant]:
        """In the order of ``waves``; those of one length share a pass, so that none is padded."""
        unit = self._network.frames_per_unit * self._recipe.features.hop
        by_units: dict[int, list[int]] = {}
        for position, wave in enumerate(waves):
            by_units.setdefault(max(1, len(wave) // unit), []).append(position)
        made: dict[int, Variant] = {}
        for units, positions in by_units.items():
            for start in range(0, len(positions), WAVES_AT_ONCE):
                chosen = positions[start : start + WAVES_AT_ONCE]
                cut = np.zeros((len(chosen), units * unit), dtype=np.float32)
                for row, position in zip(cut, chosen, strict=True):
                    whole = waves[position][: len(row)]
                    row[: len(whole)] = whole
                made.update(zip(chosen, self._pass(cut), strict=True))
        return [made[i] for i in range(len(waves))]

    @torch.inference_mode()
    def _pass(self, waves: AudioArray) -> list[Variant]:
        """(n, samples) -> n variants."""
        state = self._front_end.initial_state(len(waves))
        power, _ = self._front_end.power(torch.from_numpy(waves), state["tail"])
        features, _ = self._front_end.features(power, state)
        memory = self._network.initial_state(len(waves), torch.device("cpu"))
        slow, _ = self._network.slow_part(features, memory)
        bands = power.shape[2] if self._recipe.features.n_mels else 0
        logs = torch.log(power[..., :bands] + POWER_FLOOR).half().numpy()
        halves = slow.half().numpy()
        return [Variant(*pair) for pair in zip(logs, halves, strict=True)]

    def _file(self, clip: Clip) -> Path:
        """Another one for another recording of that name, another speaker or another fold."""
        try:
            stat = clip.path.stat()
        except OSError as error:
            reason = error.strerror or error
            raise DataError(f"{clip.path}: cannot be read ({reason})") from error
        by_fold = self._recipe.augment.noise_folds
        key = [
            self._version, str(clip.path.resolve()), stat.st_size, stat.st_mtime_ns, clip.person,
            self._homes.get((clip.corpus, clip.fold or "")) if by_fold else None,
        ]  # fmt: skip
        digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()
        return self._cache / digest[:2] / f"{digest[2:]}.npz"

    def _digest_of_settings(self) -> str:
        """Changes with the settings that examples depend on."""
        weights = trunk_sha256(cast("nn.Module", self._network))
        augment = self._recipe.augment
        folders = [Path(augment.noise_folder)] if augment.noise_folder else []
        folders += filter(None, map(folder_of_spec, augment.conditions))
        settings = [
            asdict(self._recipe.features), asdict(self._recipe.vad), asdict(self._recipe.segments),
            self._speeds, augment.noise_folder, augment.noise_snr_db, augment.noise_folds,
            augment.coloured_noise, augment.conditions, [versions_of(one) for one in folders],
            self._recipe.seed,
            self._network.frames_per_unit, weights, self._trunk_sizes(), VERSION,
        ]  # fmt: skip
        return json.dumps(settings)

    def _trunk_sizes(self) -> dict[str, object]:
        """What of the network's sizes decides how its trunk hears; most of it is in no weight."""
        config = network_config(self._recipe.network, self._recipe.hyper)
        own = cast("dict[str, object]", asdict(cast("Any", config)))
        return {
            key: value for key, value in own.items() if key.startswith(PREFIX.removesuffix("."))
        }
