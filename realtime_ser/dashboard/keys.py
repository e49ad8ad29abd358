"""The keys of the dashboard, and what its help says of the rest."""

from __future__ import annotations

from typing import Final

from realtime_ser.ui.keys import Key

KEYS: Final = (
    Key("enter", "open", "Open", "open the call: its live screen", "enter", footer=True),
    Key("slash", "search", "Search", "search in names, roles and metadata", "/", footer=True),
    Key("f", "filter", "Filter", "all, with alerts, negative, customers", "f", footer=True),
    Key("s", "sort", "Sort", "by attention, time negative, length, name", "s", footer=True),
    Key("p", "hold", "Hold", "hold the order, or let it go", "p", footer=True),
    Key("e", "emoji", "Emoji", "emoji on or off", "e"),
    Key("t", "light", "Light / dark", "light or dark", "t"),
    Key("question_mark", "help", "Help", "this help", "?", footer=True),
    Key("q", "quit", "Quit", "leave; the server goes on", "q", footer=True),
)
"""In the order of the help."""

MOVES: Final = (
    ("up,k", -1), ("down,j", 1), ("pageup", -1_000), ("pagedown", 1_000),
    ("home,g", -1_000_000), ("end,G", 1_000_000),
)  # fmt: skip
"""Keys and the rows by which they move; a thousand stands for a page."""

GESTURES: Final = (
    ("↑ ↓  j k", "select a call; PgUp, PgDn, Home and End, too"),
    ("click, twice", "select a call, open it; the wheel scrolls"),
    ("esc", "end the search; back to the first call"),
    ("ctrl p", "all commands"),
)
WORDS: Final = (
    ("▲  ●", "an alert within a minute; strongly negative"),
    ("by attention", "▲ newest first, then how negative the last minute was,"),
    ("", "in levels: a call rises at once and sinks after 10 s"),
    ("last 5 min", "height is confidence; grey uncertain; empty silence"),
    ("negative", "minutes shown as angry, disgust, fear or sad"),
    ("load", "how busy the server is; near 100 % it is full"),
    ("hop", "seconds between two looks; longer when overloaded"),
    ("dropped", "sound left out because the server was behind"),
    ("refused", "calls that the server had no room for"),
)
