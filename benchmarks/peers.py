"""Many streams at once beside openSMILE, and beside the same network a stream at a time.

Prints processor seconds of three ways to give every stream a row each half second of speech, over
the same audio, in one process and one thread, as fast as it goes:

    batched     this program: the detector and the network over all streams at once
    one by one  this program: every stream by itself, a forward pass for every piece, in the same
                precision
    openSMILE   eGeMAPS functionals (88) of the same windows and a support vector classifier; the
                windows are given, so that no detector is counted

Needs ``pip install opensmile scikit-learn``.
Use: python benchmarks/peers.py RECORDING [--streams N] [--seconds S]
Every stream plays the recording, each from another place.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import opensmile
import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from realtime_ser.assembly import load_recognizer, pipeline_factory
from realtime_ser.batching import DuePiece, recognize_batch
from realtime_ser.config import Config
from realtime_ser.pipeline import push_all
from realtime_ser.process import prepare_process
from realtime_ser.training.index import load_audio
from realtime_ser.types import SAMPLE_RATE, AudioArray, AudioBlock, TimelineRow

if TYPE_CHECKING:
    from realtime_ser.pipeline import StreamPipeline

BLOCK = 2560
"""Samples a pass, 0.16 s: what a floor takes at once while nothing is due."""
MOST_WINDOWS = 400
"""openSMILE's cost a window is the mean over so many."""
SUPPORT = 500
"""Windows that the classifier is fitted on; their labels are made up, its cost does not ask."""


@dataclass(frozen=True)
class Cost:
    """Processor seconds of a way."""

    name: str
    cpu: float
    audio: float

    def line(self) -> str:
        """A row of the table."""
        return f"| {self.name} | {1000 * self.cpu / self.audio:.2f} | {self.audio / self.cpu:.0f} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    prepare_process()
    torch.set_num_threads(1)
    track = load_audio(given.recording)
    pieces = round(given.seconds * SAMPLE_RATE / BLOCK)
    streams = [np.roll(track, -i * 7919 * 512)[: pieces * BLOCK] for i in range(given.streams)]
    audio = sum(len(stream) for stream in streams) / SAMPLE_RATE
    batched, rows = _ours(streams, together=True)
    few = max(1, given.streams // 10)
    alone, _ = _ours(streams[:few], together=False)
    theirs = _opensmile(streams, rows)
    found = [
        Cost("batched", batched, audio),
        Cost("one by one", alone, audio * few / given.streams),
        Cost("openSMILE eGeMAPS + SVC", theirs, audio),
    ]
    windows = sum(row.kind == "window" for some in rows for row in some)
    print(f"{given.streams} streams of {given.seconds:g} s, {windows} windows")
    print("| | ms a second of audio | streams a core |\n|---|---|---|")
    print("\n".join(cost.line() for cost in found))
    print(f"batched is {theirs / batched:.1f} times openSMILE")


def _ours(streams: list[AudioArray], *, together: bool) -> tuple[float, list[list[TimelineRow]]]:
    """Processor seconds of the whole chain, and its rows a stream."""
    recognizer = load_recognizer(Config(), many=True)
    torch.set_num_threads(1)
    make = pipeline_factory(Config(), recognizer)
    chains = [(make("stream", 0, datetime.now(UTC)), recognizer.open()) for _ in streams]
    rows: list[list[TimelineRow]] = [[] for _ in streams]
    groups = [list(range(len(streams)))] if together else [[i] for i in range(len(streams))]
    began = time.process_time()
    for group in groups:
        for start in range(0, len(streams[0]), BLOCK):
            blocks = [AudioBlock(streams[i][start : start + BLOCK], start, None) for i in group]
            push_all([(chains[i][0], block) for i, block in zip(group, blocks, strict=True)])
            while due := [(i, d) for i in group if (d := _due(*chains[i])) is not None]:
                found = recognize_batch(recognizer, [d for _, d in due], time.monotonic)
                for (i, _), new in zip(due, found, strict=True):
                    rows[i] += new
    return time.process_time() - began, rows


def _due(pipeline: StreamPipeline, slot: int) -> DuePiece | None:
    piece = pipeline.due()
    return None if piece is None else DuePiece(pipeline, slot, piece)


def _opensmile(streams: list[AudioArray], rows: list[list[TimelineRow]]) -> float:
    """Processor seconds for all windows, from the mean of some."""
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02,
        feature_level=opensmile.FeatureLevel.Functionals,
    )
    windows = [
        stream[round(row.start * SAMPLE_RATE) : round(row.end * SAMPLE_RATE)]
        for stream, some in zip(streams, rows, strict=True)
        for row in some
        if row.kind == "window"
    ]
    chosen = np.random.default_rng(0).permutation(len(windows))[:MOST_WINDOWS]
    rng = np.random.default_rng(1)
    classifier = make_pipeline(StandardScaler(), SVC(probability=False))
    classifier.fit(rng.standard_normal((SUPPORT, 88)), rng.integers(0, 6, SUPPORT))
    smile.process_signal(windows[0], SAMPLE_RATE)
    began = time.process_time()
    for i in chosen:
        classifier.predict(smile.process_signal(windows[i], SAMPLE_RATE).to_numpy())
    return (time.process_time() - began) / len(chosen) * len(windows)


if __name__ == "__main__":
    main()
