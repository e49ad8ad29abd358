"""The part of the screen that acts: what the user does to the session, and how it went."""

from __future__ import annotations

import time
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from textual.app import App
from textual.message import Message

from realtime_ser.errors import RealtimeSerError
from realtime_ser.ui.dialogs import AskScreen, PickScreen
from realtime_ser.ui.shown import Learning
from realtime_ser.ui.times import clock_text, percent_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from realtime_ser.ui.monitor import Choice, Controls, Player

Outcome = Literal["quit", "interrupted", "failed"]
"""Why the screen closed: ``q``, Ctrl-C, or the engine failed (its ``join`` raises the error)."""

SLOWEST: Final = 0.25
FASTEST: Final = 16.0
T = TypeVar("T")
_SECONDS: Final = 4.0
"""That a line stays."""
_LONGER_SECONDS: Final = 8.0


class SlowDone(Message):
    """What was done in a thread has ended."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self.then = then


class OperableApp(App[Outcome]):
    """Has controls, a player, or neither; asks the user and calls them."""

    def __init__(self, controls: Controls | None, player: Player | None) -> None:
        super().__init__()
        self.controls = controls
        self.player = player
        self.doing = ""
        """What takes a moment just now."""
        self.learning: Learning | None = None
        """Whose voice is learned just now."""
        self._given_up = False
        self._stays_until = 0.0

    def slow(self, doing: str, call: Callable[[], T], then: Callable[[T], None]) -> None:
        """Call something in a thread, one at a time, and go on with what it returns.

        An error is told, and ``then`` is not called.
        """
        if self.doing:
            self.tell(f"still busy: {self.doing}", "warning")
            return
        self.doing, self._given_up = doing, False
        self.run_worker(partial(self._call, call, then), thread=True)

    def _call(self, call: Callable[[], T], then: Callable[[T], None]) -> None:
        try:
            result = call()
        except RealtimeSerError as error:
            self.post_message(SlowDone(partial(self.tell, str(error), "error")))
        else:
            self.post_message(SlowDone(partial(then, result)))

    def on_slow_done(self, message: SlowDone) -> None:
        """Go on, in the screen's own thread."""
        self.doing, self.learning = "", None
        message.then()

    def tell(
        self,
        text: str,
        severity: Literal["information", "warning", "error"] = "information",
        *,
        stays: bool = False,
    ) -> None:
        """A line that goes away by itself, in the place of the one before.

        Errors, and what ``stays``, are not replaced before they have been seen.
        """
        now = time.monotonic()
        if now >= self._stays_until:
            self.clear_notifications()
        stays = stays or severity == "error"
        seconds = _LONGER_SECONDS if stays else _SECONDS
        if stays:
            self._stays_until = now + seconds
        self.notify(text, severity=severity, markup=False, timeout=seconds)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What cannot be done here has no key."""
        if action in ("mark", "log", "source", "recording", "model", "calibrate", "threshold"):
            return self.controls is not None
        if action in ("seek", "jump", "speed"):
            return self.player is not None and self._seekable()
        return True

    def action_mark(self) -> None:
        """Mark this moment; the note may follow at leisure, the moment is that of the key."""
        controls = self.controls
        assert controls is not None
        at, run = controls.now(), controls.health().run

        def mark(note: str | None) -> None:
            if note is None:
                return
            if controls.health().run != run:
                self.tell("the source has changed meanwhile; mark anew", "warning")
                return
            try:
                marked = controls.mark(note, at)
            except RealtimeSerError as error:
                self.tell(str(error), "error")
                return
            if marked:
                where = "" if controls.logs else "  (in no file: l writes one)"
                self.tell(f"marked {clock_text(at)}  {note}".rstrip() + where)
            else:
                self.tell("nothing runs that could be marked", "error")

        title = f"mark {clock_text(at)}"
        self.push_screen(AskScreen(title, "note, or nothing", may_be_empty=True), mark)

    def action_log(self) -> None:
        """Write a timeline, or stop what is written."""
        controls = self.controls
        assert controls is not None
        if controls.logs:
            name = controls.logs[-1]
            self.slow(
                f"closing {name}",
                partial(controls.stop_log, name),
                lambda _: self.tell(f"{name} is written no more"),
            )
            return

        def begin(name: str | None) -> None:
            if name:
                self.slow(
                    f"opening {name}",
                    partial(controls.start_log, name),
                    lambda _: self.tell(f"rows go to {name} from now on"),
                )

        proposed = f"timeline-{datetime.now():%Y%m%d-%H%M%S}.csv"
        self.push_screen(AskScreen("write rows to", "FILE.csv or FILE.jsonl", proposed), begin)

    def action_source(self) -> None:
        """Listen to another device."""
        controls = self.controls
        assert controls is not None
        self.slow("looking for devices", controls.sources, self._pick_source)

    def _pick_source(self, found: Sequence[Choice]) -> None:
        assert self.controls is not None
        self.push_screen(PickScreen("listen to", found, self.controls.source), self._listen_to)

    def action_recording(self) -> None:
        """Listen to a recording."""
        self.push_screen(AskScreen("listen to", "path of a recording"), self._listen_to)

    def _listen_to(self, source: str | None) -> None:
        controls = self.controls
        assert controls is not None
        if source:
            self.slow(
                f"switching to {source}",
                partial(controls.listen_to, source),
                lambda _: self.source_changed(source),
            )

    def action_model(self) -> None:
        """Choose the model."""
        controls = self.controls
        assert controls is not None

        def use(name: str | None) -> None:
            if name and name != controls.model:
                self.slow(
                    f"loading model {name}",
                    partial(controls.use_model, name),
                    lambda _: self.model_changed(name),
                )

        self.push_screen(PickScreen("model", controls.models(), controls.model), use)

    def source_changed(self, name: str) -> None:
        """Another source is listened to from now on."""
        self.tell(f"listening to {name}")

    def model_changed(self, name: str) -> None:
        """Another model recognises from now on."""
        self.tell(f"model {name} from now on")

    def action_calibrate(self) -> None:
        """Learn the voice of who speaks."""
        controls = self.controls
        assert controls is not None

        def learn(name: str | None) -> None:
            if name:
                self.slow(
                    f"learning {name}'s voice",
                    partial(controls.calibrate, name, partial(self._heard, name)),
                    lambda _: self.tell(f"{name}'s voice is known, and used from now on"),
                )

        self.push_screen(AskScreen("whose voice is it?", "name"), learn)

    def _heard(self, name: str, seconds: float) -> None:
        """From the thread that listens.

        Raises:
            RealtimeSerError: the user wants no more.
        """
        if self._given_up:
            raise RealtimeSerError(f"{name} is not known: given up")
        assert self.controls is not None
        self.learning = Learning(name, seconds, self.controls.calibration)

    def give_up(self) -> None:
        """End what takes long, where it can be ended."""
        self._given_up = True

    def action_threshold(self, by: float) -> None:
        """Be sure sooner or later."""
        controls = self.controls
        assert controls is not None
        controls.uncertain_below += by
        self.tell(f"uncertain below {percent_text(controls.uncertain_below)}")

    def action_seek(self, by: float) -> None:
        """Go back or on in a recording."""
        self._seek_to(self.played() + by)

    def _seek_to(self, seconds: float) -> None:
        player = self.player
        assert player is not None
        to = max(0.0, seconds)
        if self.controls is None:  # a replay belongs to the screen's thread, and jumps at once
            player.seek(to)
        else:
            self.slow(f"going to {clock_text(to)}", partial(player.seek, to), _nothing)

    def action_speed(self, factor: float) -> None:
        """Play slower or faster."""
        player = self.player
        assert player is not None
        player.speed = min(FASTEST, max(SLOWEST, player.speed * factor))
        self.tell(f"{player.speed:g} times as fast as it was")

    def played(self) -> float:
        """Seconds of the recording that have been played."""
        assert self.player is not None
        return max((s.position for s in self.player.health().streams), default=0.0)

    def _seekable(self) -> bool:
        return self.player is not None and self.player.health().seekable


def _nothing(_: Any) -> None:
    """What was done shows by itself."""
