"""What the screen asks of whoever runs: the engine, a desk with controls, or a replay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from realtime_ser.stats import Health


class Monitor(Protocol):
    """Something that runs, as the screen sees it. None of these may block."""

    def health(self) -> Health:
        """A picture of the whole; asked for about ten times a second."""

    def pause(self) -> None:
        """Stop to listen."""

    def resume(self) -> None:
        """Listen again."""

    def stop(self) -> None:
        """Begin to end: what has been captured so far still becomes rows."""


class Player(Monitor, Protocol):
    """Something that was recorded, and can be moved in where ``Health.seekable`` says so."""

    def seek(self, seconds: float) -> None:
        """Go on at another moment. Slow.

        Raises:
            RealtimeSerError: not now.
        """

    @property
    def speed(self) -> float:
        """Of playing, times that at which it was recorded: 0.25 to 16."""

    @speed.setter
    def speed(self, factor: float) -> None: ...


class Choice(Protocol):
    """Something that can be picked."""

    @property
    def value(self) -> str:
        """As typed on the command line."""

    @property
    def text(self) -> str:
        """For a list."""


class Controls(Player, Protocol):
    """What a user can change while it runs.

    *Slow* ones take up to seconds; the screen calls them from a thread, one at a time. Those raise
    ``RealtimeSerError`` with a line for the user, and everything is as before then.
    """

    @property
    def source(self) -> str:
        """What is listened to, as typed."""

    @property
    def model(self) -> str:
        """What recognises, as typed."""

    @property
    def classes(self) -> Sequence[str]:
        """Of the model, in its order."""

    @property
    def uncertain_below(self) -> float:
        """Confidence under which rows say ``uncertain``."""

    @uncertain_below.setter
    def uncertain_below(self, confidence: float) -> None: ...

    @property
    def logs(self) -> tuple[str, ...]:
        """The files that are written."""

    def now(self) -> float:
        """Seconds of audio that have been heard: what ``mark`` takes."""

    def mark(self, note: str, seconds: float) -> bool:
        """Mark a moment in the timeline; False when it could not be taken.

        Raises:
            RealtimeSerError: a file cannot be written.
        """

    def sources(self) -> Sequence[Choice]:
        """Microphones. Slow."""

    def models(self) -> Sequence[Choice]:
        """Models."""

    def listen_to(self, source: str) -> None:
        """Switch to another source. Slow."""

    def use_model(self, name: str) -> None:
        """Switch to another model. Slow."""

    @property
    def calibration(self) -> float:
        """Seconds of speech that a voice is learned from."""

    def calibrate(self, name: str, on_heard: Callable[[float], None]) -> None:
        """Learn the voice of a speaker; what ``on_heard(seconds)`` raises ends it. Slow."""

    def start_log(self, name: str) -> None:
        """Write one more file. Slow."""

    def stop_log(self, name: str) -> None:
        """Write a file no more. Slow."""
