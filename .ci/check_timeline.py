"""Check the timeline that ``realtime-ser demo`` wrote: the contract's header, whole rows, speech.

Uses the standard library only, as a reader of the file would that knows nothing of the package.

    python check_timeline.py timeline.csv
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

HEADER = (
    "schema,stream,channel,kind,start,end,utc,emotion,confidence,"
    "angry,disgust,fear,happy,neutral,sad,surprise,"
    "arousal,valence,level_dbfs,adapted,latency_ms,flags"
)
CLASSES = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
LEAST_UTTERANCES = 3
RECORDING = 75.0
"""Seconds; the demo is shorter."""


def check(file: Path) -> str:
    """Raise AssertionError where the file breaks the contract; return a summary."""
    with file.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.reader(handle))
    header, *body = rows
    assert ",".join(header) == HEADER, f"header is {header}"
    kinds = []
    for number, cells in enumerate(body, start=2):
        assert len(cells) == len(header), f"line {number}: {len(cells)} cells"
        row = dict(zip(header, cells, strict=True))
        kinds.append(row["kind"])
        assert row["kind"] in {"window", "utterance", "alert"}, f"line {number}: {row['kind']!r}"
        assert 0 <= float(row["start"]) < float(row["end"]) <= RECORDING, f"line {number}: times"
        given = [float(row[name]) for name in CLASSES if row[name]]
        assert abs(sum(given) - 1) < 0.01, f"line {number}: probabilities sum to {sum(given)}"
        assert abs(max(given) - float(row["confidence"])) < 0.01, f"line {number}: confidence"
    assert kinds.count("utterance") >= LEAST_UTTERANCES, f"{kinds.count('utterance')} utterances"
    assert "window" in kinds, "no window rows"
    return f"{file}: {len(kinds)} rows, {kinds.count('utterance')} utterances: as promised"


if __name__ == "__main__":
    sys.stdout.write(check(Path(sys.argv[1])) + "\n")
