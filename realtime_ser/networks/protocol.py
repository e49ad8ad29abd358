"""What every network promises, so that nobody else needs to know which one runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from realtime_ser.features import Features
    from realtime_ser.state import State


class StreamingNetwork(Protocol):
    """A network that is fed features piece by piece and gives evidence after every unit.

    A unit is the smallest piece of features the network can take (``frames_per_unit`` frames).
    Feeding a signal in any split into whole units gives the same evidence.
    """

    frames_per_unit: int
    units_together: int
    """A piece should end with a whole multiple of these: what is heard together with nothing later
    than a piece's end is otherwise cut short, and recognised worse."""
    n_scales: int
    n_classes: int
    remembered: tuple[str, ...]
    """Keys of the state that outlive a segment: what is known of the speaker."""

    def check_weights(self) -> None:
        """Refuse weights and buffers that no training leaves.

        Raises:
            ValueError: names one, and what is wrong with it.
        """

    def initial_state(self, batch_size: int, device: torch.device) -> State:
        """State of ``batch_size`` streams before their first unit."""

    def remember(self, state: State) -> State:
        """What is remembered of the speaker once a segment is over: the keys ``remembered``.

        Args:
            state: of the segment's end; left unchanged.
        """

    def next_segment(self, state: State) -> State:
        """State before the first unit of a stream's next segment.

        Args:
            state: after the segment before; left unchanged.

        Returns:
            Zeros but for what is remembered of the speaker.
        """

    def could_remember(self, remembered: State) -> bool:
        """Whether speech could have left this in the memory.

        Args:
            remembered: of one stream: the keys ``remembered``, from anywhere.
        """

    def adapted_units(self, state: State) -> Tensor:
        """(batch,) units of the speaker's speech that evidence is adapted to."""

    def embedding(self, state: State) -> Tensor:
        """(batch, n): what the segment so far has become in the network's memory."""

    def step(
        self, features: Features, state: State, units: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Advance by ``n`` units.

        Args:
            features: of n * frames_per_unit frames.
            state: with what the previous call changed; left unchanged.
            units: (batch,) how many of the n count; None: all. The rest is padding: no evidence
                before it depends on it, and nothing that ``remember`` and ``embedding`` make of the
                state after it. Whatever else is in that state must not be used.

        Returns:
            evidence: (batch, n, n_scales, n_classes + 1): logits of the classes and, last, the
                logarithm of the weight this unit carries in an average over time.
            state: what of it these units changed.
        """

    def slow_part(
        self, features: Features, state: State, units: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """The part of ``step`` that training does not change, so that training can keep its result.

        Returns:
            (batch, n, width), width 0 where everything is trained; and its state after.
        """

    def fast_part(
        self, mel: Tensor, slow: Tensor, state: State, units: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """The rest of ``step``: ``mel`` of the features and the result of ``slow_part``."""
