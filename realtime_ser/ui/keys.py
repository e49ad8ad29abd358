"""The keys of the screen: one list for the bindings, the footer, the palette and the help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that can be done."""

    keys: str
    """As Textual names them, with commas between."""
    action: str
    name: str
    """In the footer and the command palette."""
    help: str
    shown: str
    """The key as people write it."""
    footer: bool = False
    needs: str = ""
    """What the session must have: ``controls``, ``player``, or nothing."""

    @property
    def binding(self) -> Binding:
        """For Textual."""
        return Binding(
            self.keys, self.action, self.name, key_display=self.shown, show=self.footer
        )  # fmt: skip


KEYS: Final = (
    Key("space", "pause", "Pause", "pause or resume", "space", footer=True),
    Key("m", "mark", "Mark", "mark this moment with a note", "m", footer=True, needs="controls"),
    Key("l", "log", "Log", "write a timeline, or stop it", "l", footer=True, needs="controls"),
    Key("d", "source", "Device", "listen to another device", "d", footer=True, needs="controls"),
    Key("f", "recording", "Recording", "listen to a recording", "f", needs="controls"),
    Key("o", "model", "Model", "choose the model", "o", needs="controls"),
    Key("c", "calibrate", "Calibrate", "learn the voice of who speaks", "c", needs="controls"),
    Key("left_square_bracket", "threshold(-0.02)", "Sooner sure", "less is uncertain", "[",
        needs="controls"),
    Key("right_square_bracket", "threshold(0.02)", "Later sure", "more is uncertain", "]",
        needs="controls"),
    Key("plus,equals_sign", "zoom(-1)", "Zoom in", "closer", "+"),
    Key("minus", "zoom(1)", "Zoom out", "further away, up to an hour", "-"),
    Key("0", "zoom(0)", "Zoom to fit", "as the width suggests", "0"),
    Key("comma", "seek(-10)", "Back", "10 s back in a recording", ",", footer=True,
        needs="player"),
    Key("full_stop", "seek(10)", "On", "10 s on in a recording", ".", footer=True, needs="player"),
    Key("j", "jump", "Jump to the cursor", "play from the cursor", "j", needs="player"),
    Key("less_than_sign", "speed(0.5)", "Slower", "play at half the speed", "<", needs="player"),
    Key("greater_than_sign", "speed(2)", "Faster", "play at twice the speed", ">", needs="player"),
    Key("x", "export", "Export", "what is in sight as SVG, PNG and CSV", "x"),
    Key("v", "curves", "Curves", "arousal, valence and loudness on or off", "v"),
    Key("e", "emoji", "Emoji", "emoji on or off", "e"),
    Key("t", "light", "Light / dark", "light or dark", "t"),
    Key("question_mark", "help", "Help", "this help", "?", footer=True),
    Key("q", "quit", "Quit", "end: what was heard is still written", "q", footer=True),
)  # fmt: skip
"""In the order of the help."""
