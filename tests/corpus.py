"""A tiny labelled corpus of generated voices: pitch and loudness tell the emotion."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from realtime_ser.training.index import Clip
from tests.signals import silence, speech_like

PITCHES = {"angry": 220.0, "neutral": 110.0, "sad": 80.0}
COLUMNS = ("path", "corpus", "speaker", "sex", "emotion", "fold", "licence", "votes_angry")


def write_corpus(folder: Path, *, speakers: int = 6, takes: int = 2, folds: int = 2) -> Path:
    """Write recordings and their index; speakers take turns in the folds."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for speaker in range(speakers):
        for emotion, pitch in PITCHES.items():
            for take in range(takes):
                name = f"{speaker}_{emotion}_{take}.wav"
                voice = speech_like(
                    1.0, pitch=pitch * (1.0 + 0.02 * speaker), seed=speaker * 10 + take
                )
                sf.write(folder / name, np.concatenate([silence(0.2), voice, silence(0.6)]), 16_000)
                rows.append(
                    {
                        "path": name,
                        "corpus": "made",
                        "speaker": f"s{speaker}",
                        "sex": "f" if speaker % 2 else "m",
                        "emotion": emotion,
                        "fold": str(1 + speaker % folds),
                        "licence": "CC0",
                        "votes_angry": "3" if emotion == "angry" else "",
                    }
                )
    index = folder / "index.csv"
    with index.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return index


def clip(emotion: str = "angry", speaker: str = "a", fold: str = "1", **more: Any) -> Clip:
    """A row of an index; the recording is not there."""
    return Clip(Path(f"{speaker}_{emotion}.wav"), "made", speaker, emotion, fold=fold, **more)
