"""Weights shared by all streams, and a slot of state for each: batched, streaming inference.

One call of ``step`` serves every stream that is due. Streams whose pieces have the same length
share one forward pass; the state of the others is not touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from realtime_ser.errors import ConfigError
from realtime_ser.features import FrontEnd
from realtime_ser.fusion import fuse, mean_logits, scale_scores, weighted_sums
from realtime_ser.networks.inference import prepare
from realtime_ser.slots import Slots
from realtime_ser.types import SAMPLE_RATE, AudioArray, Detail, Prediction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from realtime_ser.models import Model
    from realtime_ser.state import State

AT_ONCE_ON_CPU: Final = 8
"""Pieces in one forward pass: more of them gain nothing, and all wait for the last."""
AT_ONCE: Final = 65_536
"""The same on other devices."""


class Recognizer(Protocol):
    """What the engine needs; ``testing.ConstantRecognizer`` is the fake. Used by one thread."""

    classes: tuple[str, ...]
    unit_samples: int
    """Pieces given to ``step`` are whole multiples of this many samples."""
    at_once: int
    """So many pieces are best recognised together; more are split up."""

    def open(self) -> int:
        """Take a free slot for a stream."""

    def close(self, slot: int) -> None:
        """Give the slot back."""

    def begin(self, slot: int) -> None:
        """A new segment of speech starts: forget the previous one, but not who spoke."""

    def finish(self, slots: Sequence[int]) -> None:
        """Their segments are over; nothing but the speakers needs to be remembered."""

    def step(
        self, slots: Sequence[int], pieces: Sequence[AudioArray], ends: Sequence[bool] = ()
    ) -> list[Prediction]:
        """Advance each slot by its next piece.

        Args:
            slots: distinct slots.
            pieces: one (n,) array a slot, n a positive multiple of ``unit_samples``; lengths may
                differ between slots.
            ends: whether each piece is its segment's last, which is then finished. None by default.
        """


def choose_device(wanted: str) -> torch.device:
    """``auto`` takes CUDA, then MPS, then the CPU.

    Raises:
        ConfigError: the wanted device is unknown or not there.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        return torch.device(next(name for name, there in available.items() if there))
    if wanted not in available:
        raise ConfigError(f"device {wanted}: use auto, {', '.join(available)}")
    if not available[wanted]:
        raise ConfigError(f"device {wanted}: not available on this machine; use --device auto")
    return torch.device(wanted)


class NetworkRecognizer:
    """Runs a model. Implements ``Recognizer``."""

    def __init__(
        self,
        model: Model,
        device: torch.device,
        window: float,
        speaker: State | None = None,
        *,
        adapt: bool = True,
        bfloat16: bool = False,
    ) -> None:
        """Make a recogniser without streams.

        Args:
            model: its network is moved to ``device`` and belongs to the recogniser from then on.
            device: where to run.
            window: seconds that a window's scores look back.
            speaker: as ``memory`` gave it; who every stream is taken to be at its start.
            adapt: False hears every segment as the first of its stream.
            bfloat16: see ``networks.inference.prepare``.

        Raises:
            ConfigError: ``speaker`` does not fit the model, or is nothing that it could remember.
        """
        assert isinstance(model.network, nn.Module)
        self.classes = model.classes
        self.name = model.name
        self.version = model.version
        self.sha256 = model.sha256
        self.adapts = adapt and bool(model.network.remembered)
        self.device = device
        self._network = model.network
        prepare(model.network, device, bfloat16=bfloat16)
        self.at_once = AT_ONCE_ON_CPU if device.type == "cpu" else AT_ONCE
        self._front_end = FrontEnd(model.features, device)
        self._fusion = model.fusion
        self.unit_samples = self._network.frames_per_unit * model.features.hop
        units = round(window * model.features.sample_rate / self.unit_samples)
        self._window_units = max(1, units)
        start = self._initial() | self._checked(speaker)
        remembered = {key: start.pop(key) for key in self._network.remembered}
        self._speakers = Slots(remembered)
        """What is remembered of each stream's speaker."""
        self._segments = Slots(start)
        """The rest, which only streams in speech need: most of their memory."""
        self._seats: dict[int, int] = {}
        """Slot of a stream in speech -> its place among the segments."""

    def open(self) -> int:
        """See ``Recognizer.open``."""
        return self._speakers.open()

    def close(self, slot: int) -> None:
        """See ``Recognizer.close``."""
        self._leave(slot)
        self._speakers.close(slot)

    def begin(self, slot: int) -> None:
        """See ``Recognizer.begin``. The speaker is remembered, if it adapts."""
        self.finish([slot])
        self._seats[slot] = self._segments.open()

    @torch.inference_mode()
    def finish(self, slots: Sequence[int]) -> None:
        """See ``Recognizer.finish``."""
        open_slots = [slot for slot in slots if slot in self._seats]
        if open_slots and self.adapts:
            self._speakers.scatter(open_slots, self._remembered(open_slots))
        for slot in open_slots:
            self._leave(slot)

    @torch.inference_mode()
    def memory(self, slot: int) -> State:
        """What is remembered of a slot's speaker, the current segment included.

        Empty where the network does not adapt.
        """
        known = self._remembered if slot in self._seats else self._speakers.gather
        return {key: value.cpu().clone() for key, value in known([slot]).items()}

    @torch.inference_mode()
    def step(
        self, slots: Sequence[int], pieces: Sequence[AudioArray], ends: Sequence[bool] = ()
    ) -> list[Prediction]:
        """See ``Recognizer.step``."""
        for piece in pieces:
            if len(piece) == 0 or len(piece) % self.unit_samples:
                raise ValueError(f"a piece of {len(piece)} samples is not a multiple of a unit")
        ends = ends or [False] * len(pieces)
        found: dict[int, Prediction] = {}
        for positions in self._groups([len(piece) for piece in pieces], ends):
            group = [slots[i] for i in positions]
            predictions = self._step_together(group, [pieces[i] for i in positions])
            found.update(zip(positions, predictions, strict=True))
            self.finish([slots[i] for i in positions if ends[i]])
        return [found[i] for i in range(len(pieces))]

    def _groups(self, lengths: Sequence[int], ends: Sequence[bool]) -> Iterator[list[int]]:
        """What shares a forward pass: pieces of one length, and shorter ones that end a segment.

        What these are filled up with leaves its trace in the state, which nobody needs any more.
        """
        by_length: dict[int, list[int]] = {}
        for position in sorted(range(len(lengths)), key=lambda i: (ends[i], -lengths[i])):
            length = lengths[position]
            if ends[position]:
                length = min((other for other in by_length if other >= length), default=length)
            by_length.setdefault(length, []).append(position)
        for positions in by_length.values():
            for start in range(0, len(positions), self.at_once):
                yield positions[start : start + self.at_once]

    def _step_together(
        self, slots: Sequence[int], pieces: Sequence[AudioArray]
    ) -> list[Prediction]:
        """One forward pass for pieces of one length, and shorter ones that end their segments."""
        samples, units = self._filled_up(pieces)
        seats = [self._seat(slot) for slot in slots]
        state = self._speakers.gather(slots) | self._segments.gather(seats)
        frames = units * self._network.frames_per_unit
        features, after_features = self._front_end.step(samples, state, frames)
        evidence, after_network = self._network.step(features, state, units)
        counts = torch.arange(evidence.shape[1], device=self.device) < units[:, None]
        sums = weighted_sums(evidence) * counts[..., None, None]
        joined = torch.cat([state["recent_sums"], sums], dim=1)
        # Of what was heard, without what a piece was filled up with.
        newest = units[:, None] + torch.arange(self._window_units, device=self.device)
        recent = joined[torch.arange(len(slots), device=self.device)[:, None], newest]
        total = state["total_sums"] + sums.sum(dim=1)
        after = after_features | after_network | {"recent_sums": recent, "total_sums": total}
        self._segments.scatter(seats, after)

        adapted = self._network.adapted_units(state)
        known, fusion = self._fusion.known(adapted), self._fusion
        scales = scale_scores(mean_logits(recent.sum(dim=1)))
        window = fuse(scales, fusion.window, fusion.window_known, known).cpu().numpy()
        whole = scale_scores(mean_logits(total))
        utterance = fuse(whole, fusion.utterance, fusion.utterance_known, known).cpu().numpy()
        of_scales, of_whole = scales.cpu().numpy(), whole.cpu().numpy()
        embedding = self._network.embedding(after_network).cpu().numpy()
        seconds = self.unit_samples / SAMPLE_RATE
        heard = (adapted * seconds).cpu().tolist()
        return [
            Prediction(
                window[i], utterance[i], of_scales[i], heard[i], Detail(of_whole[i], embedding[i])
            )
            for i in range(len(slots))
        ]

    def _filled_up(self, pieces: Sequence[AudioArray]) -> tuple[Tensor, Tensor]:
        """(batch, n) samples, and how many units of each piece there are: (batch,)."""
        samples = np.zeros((len(pieces), max(len(piece) for piece in pieces)), dtype=np.float32)
        for row, piece in zip(samples, pieces, strict=True):
            row[: len(piece)] = piece
        units = torch.tensor([len(piece) // self.unit_samples for piece in pieces])
        return torch.from_numpy(samples).to(self.device), units.to(self.device)

    def _remembered(self, slots: Sequence[int]) -> State:
        """Of the speakers of streams in speech, their current segments included."""
        segments = self._segments.gather([self._seats[slot] for slot in slots])
        return self._network.remember(self._speakers.gather(slots) | segments)

    def _seat(self, slot: int) -> int:
        """Of a stream in speech; its first segment may begin unsaid."""
        if slot not in self._seats:
            self.begin(slot)
        return self._seats[slot]

    def _leave(self, slot: int) -> None:
        """Give up the place among the segments, if there is one."""
        if slot in self._seats:
            self._segments.close(self._seats.pop(slot))

    def _initial(self) -> State:
        """State of a slot that has heard nothing: all zeros."""
        scales, width = self._network.n_scales, self._network.n_classes + 1
        shape = (1, self._window_units, scales, width)
        return (
            self._front_end.initial_state(1)
            | self._network.initial_state(1, self.device)
            | {
                "recent_sums": torch.zeros(shape, device=self.device),
                "total_sums": torch.zeros(1, scales, width, device=self.device),
            }
        )

    def _checked(self, speaker: State | None) -> State:
        """The memory of a speaker, on the device; empty where none is given."""
        if speaker is None:
            return {}
        if not self._network.could_remember(speaker):
            raise ConfigError(
                "the baseline is damaged or does not fit the model; run 'realtime-ser calibrate' "
                "again"
            )
        return {key: value.to(self.device) for key, value in speaker.items()}
