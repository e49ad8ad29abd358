"""A recording in one line: how long, how much speech, which emotions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtime_ser.types import EMOTIONS, UNCERTAIN, TimelineRow

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN: Final = (*EMOTIONS, UNCERTAIN)
SUMMARY_FIELDS: Final = (
    "recording", "channel", "seconds", "speech_seconds", "utterances",
    *(f"share_{name}" for name in SHOWN),
    *(f"mean_{name}" for name in EMOTIONS),
    "alerts",
)  # fmt: skip


class Summary:
    """Collects the rows of one channel of one recording."""

    def __init__(self, recording: str, channel: int) -> None:
        self._recording = recording
        self._channel = channel
        self._speech = 0.0
        self._utterances = 0
        self._alerts = 0
        self._shown = dict.fromkeys(SHOWN, 0.0)
        self._sums: dict[str, float] = {}

    def add(self, row: TimelineRow) -> None:
        """Count a row; utterances weigh by their length, windows are parts of them."""
        if row.kind == "alert":
            self._alerts += 1
        if row.kind != "utterance":
            return
        length = row.end - row.start
        self._utterances += 1
        self._speech += length
        self._shown[row.emotion] += length
        for name, probability in row.probabilities.items():
            self._sums[name] = self._sums.get(name, 0.0) + length * probability

    def record(self, seconds: float) -> dict[str, str]:
        """The line of ``summary.csv``: field -> text; empty where there was no speech.

        Args:
            seconds: length of the recording.
        """
        speech = self._speech
        # A class that the model does not have has no share, not a share of nothing.
        known = {*self._sums, UNCERTAIN}
        shares = [
            f"{self._shown[name] / speech:.4f}" if speech and name in known else ""
            for name in SHOWN
        ]
        means = [
            f"{self._sums[name] / speech:.4f}" if name in self._sums else "" for name in EMOTIONS
        ]
        values: Sequence[str] = (
            self._recording, str(self._channel), f"{seconds:.3f}", f"{speech:.3f}",
            str(self._utterances), *shares, *means, str(self._alerts),
        )  # fmt: skip
        return dict(zip(SUMMARY_FIELDS, values, strict=True))
