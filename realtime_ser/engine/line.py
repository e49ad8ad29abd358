"""One stream of a floor: what its owner writes to, and who is told of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from realtime_ser.engine.analysis import Stream

if TYPE_CHECKING:
    from realtime_ser.stats import StreamStatus
    from realtime_ser.types import AudioArray, TimelineRow


@dataclass(frozen=True, slots=True)
class Account:
    """Where the samples of a stream are, at 16 kHz: received = analysed + dropped + waiting."""

    received: int
    analysed: int
    dropped: int
    """Of the oldest, because analysis could not keep up; at the end of an aborted floor also
    what was still waiting, for the detector or as speech for the network."""

    @property
    def waiting(self) -> int:
        """Neither analysed nor dropped yet."""
        return self.received - self.analysed - self.dropped


class Listener(Protocol):
    """Is told of one stream, by the floor's output thread; must return at once."""

    def speech_started(self, start: float) -> None:
        """Somebody began to speak, ``start`` seconds after the stream's begin."""

    def row(self, row: TimelineRow) -> None:
        """A row of the timeline."""

    def ended(self, account: Account) -> None:
        """Nothing more will come."""


class StreamInput(Protocol):
    """One stream, for whoever has its audio. One thread at a time writes and closes."""

    def write(self, samples: AudioArray, captured: float) -> None:
        """Append audio; never waits.

        Args:
            samples: (n,) at 16 kHz.
            captured: monotonic seconds at which the last of them was captured.
        """

    def close(self) -> None:
        """No more audio comes; what was written is still analysed. May be called twice."""

    def account(self) -> Account:
        """Where the samples are."""

    def status(self) -> StreamStatus:
        """For screens."""


@dataclass(slots=True, eq=False)
class Line(Stream):
    """Implements ``StreamInput``."""

    listener: Listener = field(kw_only=True)
    slot: int = -1
    over: bool = False
    """What waits will never be heard."""
    failed: bool = False
    """The listener has raised something."""
    unheard: int = 0
    """Samples that waited for inference when it was over."""
    told: int = -1
    """Sample at which the newest speech that the listener knows of started."""
    written: float = math.inf
    """Monotonic seconds at which its newest audio was captured."""
    decisive_sample: int = 0
    """The pipeline's, when it last heard something."""

    def write(self, samples: AudioArray, captured: float) -> None:
        """See ``StreamInput.write``."""
        self.written = captured
        self.ring.write(samples, captured)

    def close(self) -> None:
        """See ``StreamInput.close``."""
        self.ring.close()

    def worth_hearing(self, patience: int) -> bool:
        """Whether something may become due, or ``patience`` samples have come; for the gate."""
        return self.ring.worth_reading(self.decisive_sample, patience)

    def on_hold(self, since: float) -> bool:
        """Whether nothing was written since then, and something is still open; for the gate."""
        return self.written < since and (self.pipeline.speaking or self.ring.available > 0)

    def account(self) -> Account:
        """See ``StreamInput.account``."""
        received, dropped, waiting = self.ring.totals()
        if self.over:
            lost = waiting + self.unheard
            return Account(received, received - dropped - lost, dropped + lost)
        return Account(received, received - dropped - waiting, dropped)

    def status(self) -> StreamStatus:
        """See ``StreamInput.status``."""
        return self.pipeline.status()
