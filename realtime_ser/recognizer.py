"""Weights shared by all streams, and a slot of state for each: batched, streaming inference.

One call of ``step`` serves every stream that is due. Streams whose pieces have the same length
share one forward pass; the state of the others is not touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

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
    from collections.abc import Iterable, Iterator, Sequence

    from realtime_ser.models import Model
    from realtime_ser.state import State

MOST_AT_ONCE = 16
"""Pieces in one forward pass on a CPU: what more of them need no longer fits its caches."""


class Recognizer(Protocol):
    """What the engine needs; ``testing.ConstantRecognizer`` is the fake. Used by one thread."""

    classes: tuple[str, ...]
    unit_samples: int
    """Pieces given to ``step`` are whole multiples of this many samples."""

    def open(self) -> int:
        """Take a free slot for a stream."""

    def close(self, slot: int) -> None:
        """Give the slot back."""

    def begin(self, slot: int) -> None:
        """A new segment of speech starts: forget the previous one, but not who spoke."""

    def finish(self, slot: int) -> None:
        """The segment is over; nothing but its speaker needs to be remembered."""

    def step(self, slots: Sequence[int], pieces: Sequence[AudioArray]) -> list[Prediction]:
        """Advance each slot by its next piece.

        Args:
            slots: distinct slots.
            pieces: one (n,) array a slot, n a positive multiple of ``unit_samples``; lengths may
                differ between slots.
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
        self._front_end = FrontEnd(model.features, device)
        self._fusion = model.fusion
        self.unit_samples = self._network.frames_per_unit * model.features.hop
        units = round(window * model.features.sample_rate / self.unit_samples)
        self._window_units = max(1, units)
        start = self._initial() | self._checked(speaker)
        of_network = set(self._network.initial_state(1, device))
        self._in_segment = [key for key in of_network if key not in self._network.remembered]
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
        self.finish(slot)
        self._seats[slot] = self._segments.open()

    @torch.inference_mode()
    def finish(self, slot: int) -> None:
        """See ``Recognizer.finish``."""
        if slot in self._seats:
            if self.adapts:
                self._speakers.scatter([slot], self._remembered(slot))
            self._leave(slot)

    @torch.inference_mode()
    def memory(self, slot: int) -> State:
        """What is remembered of a slot's speaker, the current segment included.

        Empty where the network does not adapt.
        """
        return {key: value.cpu().clone() for key, value in self._remembered(slot).items()}

    @torch.inference_mode()
    def step(self, slots: Sequence[int], pieces: Sequence[AudioArray]) -> list[Prediction]:
        """See ``Recognizer.step``."""
        by_length: dict[int, list[int]] = {}
        for position, piece in enumerate(pieces):
            if len(piece) == 0 or len(piece) % self.unit_samples:
                raise ValueError(f"a piece of {len(piece)} samples is not a multiple of a unit")
            by_length.setdefault(len(piece), []).append(position)
        found: dict[int, Prediction] = {}
        for positions in self._groups(by_length.values()):
            batch = np.stack([pieces[i] for i in positions])
            predictions = self._step_equal([slots[i] for i in positions], torch.from_numpy(batch))
            found.update(zip(positions, predictions, strict=True))
        return [found[i] for i in range(len(pieces))]

    def _groups(self, same_length: Iterable[list[int]]) -> Iterator[list[int]]:
        """What shares a forward pass."""
        for positions in same_length:
            size = MOST_AT_ONCE if self.device.type == "cpu" else len(positions)
            for start in range(0, len(positions), size):
                yield positions[start : start + size]

    def _step_equal(self, slots: Sequence[int], samples: Tensor) -> list[Prediction]:
        """One forward pass for pieces of one length: samples (batch, n)."""
        seats = [self._seat(slot) for slot in slots]
        state = self._speakers.gather(slots) | self._segments.gather(seats)
        features, after_features = self._front_end.step(samples.to(self.device), state)
        evidence, after_network = self._network.step(features, state)
        sums = weighted_sums(evidence)
        recent = torch.cat([state["recent_sums"], sums], dim=1)[:, -self._window_units :]
        total = state["total_sums"] + sums.sum(dim=1)
        after = after_features | after_network | {"recent_sums": recent, "total_sums": total}
        units = self._network.adapted_units(state)
        self._segments.scatter(seats, after)

        known, fusion = self._fusion.known(units), self._fusion
        scales = scale_scores(mean_logits(recent.sum(dim=1)))
        window = fuse(scales, fusion.window, fusion.window_known, known).cpu().numpy()
        whole = scale_scores(mean_logits(total))
        utterance = fuse(whole, fusion.utterance, fusion.utterance_known, known).cpu().numpy()
        of_scales, of_whole = scales.cpu().numpy(), whole.cpu().numpy()
        embedding = self._network.embedding(after_network).cpu().numpy()
        seconds = self.unit_samples / SAMPLE_RATE
        adapted = (units * seconds).cpu().tolist()
        return [
            Prediction(
                window[i], utterance[i], of_scales[i], adapted[i], Detail(of_whole[i], embedding[i])
            )
            for i in range(len(slots))
        ]

    def _remembered(self, slot: int) -> State:
        """Of a slot's speaker, the current segment included."""
        known = self._speakers.gather([slot])
        if slot not in self._seats:
            return known
        segment = self._segments.gather([self._seats[slot]])
        state = known | {key: segment[key] for key in self._in_segment}
        after = self._network.next_segment(state)
        return {key: after[key] for key in known}

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
