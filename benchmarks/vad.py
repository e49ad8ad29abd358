"""Which voice activity detector, at which threshold? Prints the tables of docs/benchmarks.md.

    OMP_NUM_THREADS=1 python benchmarks/vad.py [--data DIR] [--corpus NAME] [--json FILE]

Everything is measured after the segmenter, with the configuration's segment settings and
``release = max(threshold - 0.15, threshold / 2)``. DIR holds ``background/noise/KIND/*``,
``background/meetings/*.opus`` beside ``*.rttm``, and ``corpora/index.csv``.

Four tables:

1. False alarms: share of time inside segments, on generated signals and on each kind of recorded
   noise. Crying, crowing, barking and sneezing are voices or hold some: they are reported, not
   counted in the mean.
2. Meetings recorded from a distance: misses and false alarms against the RTTM in frames of 10 ms;
   frames within ``--collar`` of a reference boundary do not count. The words' own boundaries are
   the reference, so pauses between words count as non-speech there.
3. Speech in noise: clips of a corpus with a second around them, mixed with recorded noise.
   Reference: frames of the clean clip above the middle (in dB) between its quiet and its loud
   frames (10th and 95th percentile), pauses under 0.3 s filled, sounds under 0.1 s left out.
   "found" is the share of reference frames inside segments, "lost" the share of clips of which
   nothing was found, "far" the share of the time further than 0.5 s from speech that is inside
   segments. "onset" is the time from the first reference frame until the segmenter says so,
   "first row" the time until the first hop of 0.5 s is certain; both as median and 95th
   percentile of audio time.

The default is the lowest threshold whose mean in table 1 is at most 0.5 %. CREMA-D is left out of
table 3 unless asked for, because recognition is reported on its folds.

The last line tells of the configuration's default.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from vad_sounds import (
    FRAME,
    STEADY,
    generated,
    mixtures,
    reference_of_meeting,
    slams,
)

from realtime_ser.config import SegmentConfig, VadConfig
from realtime_ser.segments import Segmenter
from realtime_ser.training.index import load_audio
from realtime_ser.types import (
    SAMPLE_RATE,
    AudioArray,
    SpeechBoundary,
    SpeechDecision,
    SpeechStarted,
)
from realtime_ser.vad import Vad, make_vad

DEFAULT = VadConfig()
SETTINGS = {
    "webrtc, mode 1": (VadConfig(backend="webrtc", webrtc_mode=1), (0.5,)),
    "webrtc, mode 3": (VadConfig(backend="webrtc", webrtc_mode=3), (0.5,)),
    "silero, one pitch": (VadConfig(backend="silero", second_pitch=1.0), (0.3, 0.4, 0.5)),
    "silero, also 0.85": (VadConfig(backend="silero", second_pitch=0.85), (0.4,)),
    "silero, also 0.75": (VadConfig(backend="silero"), (0.2, 0.3, 0.4, 0.5, 0.7)),
    "silero, also 0.65": (VadConfig(backend="silero", second_pitch=0.65), (0.4,)),
    "cascade": (VadConfig(backend="cascade"), (0.4, 0.5)),
    "default": (DEFAULT, (DEFAULT.threshold,)),
}
HOP = SAMPLE_RATE // 2
STREAMS = 10
AFTER = 2000
"""Frames of 10 ms."""


@dataclass(frozen=True)
class Heard:
    """What the segmenter made of one recording."""

    frames: np.ndarray
    """(n,) bool: 10 ms frames whose centre is inside a segment."""
    onsets: list[tuple[int, int, int | None]]
    """A segment: its start, when it was reported, when its first hop was certain; samples."""


@dataclass(frozen=True)
class Setting:
    """One line of the tables."""

    name: str
    threshold: float

    @property
    def release(self) -> float:
        """Probability under which a block counts as silence."""
        if self.name == "default":
            return DEFAULT.release
        return max(self.threshold - 0.15, self.threshold / 2)


def segment(decisions: list[SpeechDecision], setting: Setting, config: SegmentConfig) -> Heard:
    """Run the segmenter over one recording's decisions."""
    segmenter = Segmenter(config, setting.threshold, setting.release)
    frames = np.zeros(decisions[-1].end_sample // FRAME, dtype=bool)
    onsets: list[tuple[int, int, int | None]] = []

    def note(boundaries: list[SpeechBoundary], now: int) -> None:
        for boundary in boundaries:
            if isinstance(boundary, SpeechStarted):
                onsets.append((boundary.start_sample, now, None))
            else:
                first, last = onsets[-1][0], boundary.end_sample
                frames[(first + FRAME // 2) // FRAME : (last + FRAME // 2) // FRAME] = True

    for decision in decisions:
        note(segmenter.push(decision), decision.end_sample)
        certain = segmenter.certain_until
        if certain is not None and onsets[-1][2] is None and certain >= onsets[-1][0] + HOP:
            onsets[-1] = (*onsets[-1][:2], decision.end_sample)
    note(segmenter.flush(), decisions[-1].end_sample)
    return Heard(frames, onsets)


def decide(vad: Vad, audio: AudioArray) -> list[SpeechDecision]:
    """The decisions on a whole recording."""
    stream = vad.stream()
    return stream.push(audio) + stream.flush()


def near(frames: np.ndarray, margin: int) -> np.ndarray:
    """Frames that are at most ``margin`` frames from a True one."""
    if margin == 0:
        return frames
    return np.convolve(frames, np.ones(2 * margin + 1), mode="same") > 0.5


def percent(share: float) -> str:
    """A share for people."""
    return f"{100 * share:.1f} %"


def spread(seconds: list[float]) -> str:
    """Median and 95th percentile for people."""
    if not seconds:
        return "-"
    return f"{statistics.median(seconds):.2f} / {np.percentile(seconds, 95):.2f} s"


class Report:
    """Collects tables as markdown and figures for ``--json``."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.figures: dict[str, dict[str, dict[str, float]]] = {}

    def table(self, title: str, heads: list[str], rows: list[list[str]]) -> None:
        """Add a table."""
        self.text += ["", f"**{title}**", "", "| " + " | ".join(heads) + " |"]
        self.text.append("|" + " --- |" * len(heads))
        self.text += ["| " + " | ".join(row) + " |" for row in rows]

    def note(self, setting: Setting, table: str, **figures: float) -> None:
        """Add the figures of one line of a table."""
        line = f"{setting.name} {setting.threshold}"
        self.figures.setdefault(table, {})[line] = figures


def false_alarms(report: Report, vads: dict[str, Vad], lines: list[Setting], args: Args) -> None:
    """Table 1."""
    sounds: dict[str, list[AudioArray]] = {k: [v] for k, v in generated(args.seed).items()}
    for folder in sorted((args.data / "background" / "noise").iterdir()):
        sounds[folder.name] = [load_audio(file) for file in sorted(folder.iterdir())]
    decided = {
        name: {kind: [decide(vad, x) for x in audio] for kind, audio in sounds.items()}
        for name, vad in vads.items()
    }
    counted = [*generated(args.seed), *STEADY]
    shares = {
        line: {
            kind: float(
                np.mean(np.concatenate([segment(d, line, args.segments).frames for d in decisions]))
            )
            for kind, decisions in decided[line.name].items()
        }
        for line in lines
    }
    rows = [[k, *(percent(shares[line][k]) for line in lines)] for k in sounds]
    means = {line: float(np.mean([shares[line][k] for k in counted])) for line in lines}
    rows.append(["mean without voices", *(percent(means[line]) for line in lines)])
    heads = ["sound", *(f"{line.name} {line.threshold}" for line in lines)]
    report.table("Share of time inside segments where nobody speaks", heads, rows)
    for line in lines:
        report.note(line, "false alarms", mean=means[line], **shares[line])


def meetings(report: Report, vads: dict[str, Vad], lines: list[Setting], args: Args) -> None:
    """Table 2, with the cost."""
    files = sorted((args.data / "background" / "meetings").glob("*.opus"))
    recordings = [load_audio(file) for file in files]
    decided = {name: [decide(vad, x) for x in recordings] for name, vad in vads.items()}
    silence = np.zeros_like(recordings[0])
    speech_cost = {name: cost(vad, recordings[0]) for name, vad in vads.items()}
    silence_cost = {name: cost(vad, silence) for name, vad in vads.items()}
    rows = []
    for line in lines:
        missed = false = hits = speech = total = 0
        for file, decisions in zip(files, decided[line.name], strict=True):
            heard = segment(decisions, line, args.segments).frames
            reference = reference_of_meeting(file.with_suffix(".rttm"), len(heard))
            edges = np.diff(reference.astype(np.int8), prepend=reference[:1].astype(np.int8)) != 0
            counts = ~near(edges, round(args.collar * 100))
            hits += int((heard & reference & counts).sum())
            missed += int((~heard & reference & counts).sum())
            false += int((heard & ~reference & counts).sum())
            speech += int((reference & counts).sum())
            total += int(counts.sum())
        figures = {
            "missed": missed / speech,
            "false": false / (total - speech),
            "f1": 2 * hits / (2 * hits + missed + false),
            "cost_ms": speech_cost[line.name],
            "silence_cost_ms": silence_cost[line.name],
        }
        report.note(line, "meetings", **figures)
        rows.append(
            [line.name, f"{line.threshold}", percent(figures["missed"]), percent(figures["false"]),
             f"{figures['f1']:.3f}", f"{figures['cost_ms']:.1f} ms",
             f"{figures['silence_cost_ms']:.1f} ms"]
        )  # fmt: skip
    heads = ["backend", "threshold", "missed", "false alarm", "F1",
             "CPU for 1 s of a meeting", "CPU for 1 s of silence"]  # fmt: skip
    report.table(f"Meetings from a distance (collar {args.collar} s)", heads, rows)


def cost(vad: Vad, audio: AudioArray) -> float:
    """Milliseconds of CPU for a second of live audio (pushes of 512 samples); the best of five."""
    best = float("inf")
    for _ in range(5):
        stream = vad.stream()
        begun = time.process_time()
        for start in range(0, len(audio), 512):
            stream.push(audio[start : start + 512])
        best = min(best, time.process_time() - begun)
    return 1000 * best * SAMPLE_RATE / len(audio)


def speech_in_noise(report: Report, vads: dict[str, Vad], lines: list[Setting], args: Args) -> None:
    """Table 3."""
    rows = []
    for snr, clips in mixtures(args.data, args.corpus, args.seed, args.clips).items():
        label = "clean" if snr is None else f"{snr:g} dB"
        decided = {name: [decide(vad, clip.audio) for clip in clips] for name, vad in vads.items()}
        for line in lines:
            found = speech = far = quiet = lost = 0
            onsets: list[float] = []
            first_rows: list[float] = []
            for clip, decisions in zip(clips, decided[line.name], strict=True):
                heard = segment(decisions, line, args.segments)
                frames = heard.frames[: len(clip.speech)]
                away = ~near(clip.speech, 50)
                found += int((frames & clip.speech).sum())
                speech += int(clip.speech.sum())
                far += int((frames & away).sum())
                quiet += int(away.sum())
                if not (frames & clip.speech).any():
                    lost += 1
                    continue
                begins = int(np.flatnonzero(clip.speech)[0]) * FRAME
                _, reported, certain = heard.onsets[0]
                if reported >= begins:
                    onsets.append((reported - begins) / SAMPLE_RATE)
                    if certain is not None:
                        first_rows.append((certain - begins) / SAMPLE_RATE)
            figures = {"found": found / speech, "lost": lost / len(clips), "far": far / quiet}
            report.note(
                line, f"speech {label}", **figures,
                onset_p95=float(np.percentile(onsets, 95)) if onsets else float("nan"),
                first_row_p95=float(np.percentile(first_rows, 95)) if first_rows else float("nan"),
            )  # fmt: skip
            rows.append(
                [label, line.name, f"{line.threshold}", *(percent(v) for v in figures.values()),
                 spread(onsets), spread(first_rows)]
            )  # fmt: skip
    heads = ["speech to noise", "backend", "threshold", "found", "lost", "far",
             "onset p50 / p95", "first row p50 / p95"]  # fmt: skip
    report.table(f"{args.clips} clips of {args.corpus} in noise ({', '.join(STEADY)})", heads, rows)


def after_a_slam(report: Report, vads: dict[str, Vad], lines: list[Setting], args: Args) -> None:
    """Table 4."""
    made = slams(args.data, args.corpus, args.seed, STREAMS)
    rows = []
    for line in lines:
        vad, shares = vads[line.name], {}
        for ratio, streams in made.items():
            kept = []
            for one in streams:
                plain, slammed = (
                    segment(decide(vad, audio), line, args.segments).frames
                    for audio in (one.plain, one.slammed)
                )
                where = slice(one.after, one.after + AFTER)
                kept.append(float((plain & slammed)[where].sum() / plain[where].sum()))
            shares[f"{ratio:g} dB"] = (float(np.mean(kept)), min(kept))
        report.note(line, "slam", **{key: mean for key, (mean, _) in shares.items()})
        texts = [f"{percent(mean)} / {percent(least)}" for mean, least in shares.values()]
        rows.append([line.name, f"{line.threshold}", *texts])
    heads = ["backend", "threshold", *(f"{ratio:g} dB" for ratio in made)]
    report.table(f"{STREAMS} streams of {args.corpus} after a slam (mean / least)", heads, rows)


@dataclass(frozen=True)
class Args:
    """The command line."""

    data: Path
    corpus: str
    seed: int
    clips: int
    collar: float
    segments: SegmentConfig


def main() -> None:
    """Print the tables; the last line is the figure that matters."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    shared = Path(__file__).resolve().parents[2] / "shared"
    parser.add_argument("--data", type=Path, default=shared)
    parser.add_argument("--corpus", default="emodb", help="of the clips in noise")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--collar", type=float, default=0.25, help="seconds")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    options = parser.parse_args()
    for part in ("background/noise", "background/meetings", "corpora/index.csv"):
        if not (options.data / part).exists():
            parser.error(f"{options.data}: holds no {part}; name the folder of the data by --data")
    args = Args(
        options.data, options.corpus, options.seed, options.clips, options.collar, SegmentConfig()
    )

    vads = {name: make_vad(config) for name, (config, _) in SETTINGS.items()}
    lines = [Setting(name, t) for name, (_, thresholds) in SETTINGS.items() for t in thresholds]
    report = Report()
    false_alarms(report, vads, lines, args)
    meetings(report, vads, lines, args)
    speech_in_noise(report, vads, lines, args)
    after_a_slam(report, vads, [line for line in lines if line.name == "default"], args)
    if options.json is not None:
        options.json.write_text(json.dumps(report.figures, indent=1) + "\n", encoding="utf-8")
    print("\n".join(report.text))
    key = f"default {DEFAULT.threshold}"
    alarms, met = report.figures["false alarms"][key], report.figures["meetings"][key]
    print(
        f"\ndefault ({DEFAULT.backend}, threshold {DEFAULT.threshold}, release {DEFAULT.release}):"
        f" F1 {met['f1']:.3f} on meetings, {percent(alarms['mean'])} false alarms in noise"
    )


if __name__ == "__main__":
    main()
