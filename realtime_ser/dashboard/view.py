"""What part of the floor is looked at, and in which order: it outlives the screen that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtime_ser.dashboard.ranking import Ranking, concern
from realtime_ser.types import NEGATIVE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from realtime_ser.dashboard.calls import Call, Key

FILTERS: Final = ("all", "alerts", "negative", "customers")
SORTS: Final = ("attention", "time negative", "length", "name")
_STEP: Final = 10.0
"""Seconds in negative emotion that count as the same, so that rows do not jump about."""


class FloorView:
    """Filter, search, order and selection."""

    def __init__(self) -> None:
        self.filter = FILTERS[0]
        self.sort = SORTS[0]
        self.search = ""
        self.rows: list[Call] = []
        """In the order in which they are shown."""
        self._ranking = Ranking()
        self._frozen: list[Key] | None = None
        self._selected: Key | None = None
        self._asked = (self.filter, self.search)
        """What the selected call was chosen under."""

    @property
    def frozen(self) -> bool:
        """Rows stay where they are."""
        return self._frozen is not None

    @property
    def selected(self) -> int | None:
        """Number of the selected row; the first until one is chosen. None: there is no row."""
        if not self.rows:
            return None
        return next((i for i, call in enumerate(self.rows) if call.key == self._selected), 0)

    def select(self, row: int) -> None:
        """Choose a row, which stays chosen wherever it goes; numbers beyond the ends mean these."""
        if self.rows:
            self._selected = self.rows[min(max(0, row), len(self.rows) - 1)].key

    def choose(self, key: Key) -> bool:
        """Choose a call; False where it is not there any more."""
        there = any(call.key == key for call in self.rows)
        if there:
            self._selected = key
        return there

    def release(self) -> None:
        """No row is chosen: the first one counts, whichever it is."""
        self._selected = None

    def update(self, calls: Iterable[Call]) -> None:
        """Look at the calls anew."""
        known = list(calls)
        self._ranking.update(known)
        wanted = self.search.casefold().split()
        # The chosen call stays in sight until another one or another filter is chosen: somebody is
        # about to open it.
        asked = (self.filter, self.search)
        kept = self._selected if asked == self._asked else None
        self._asked = asked
        matching = [
            call
            for call in known
            if (self._passes(call) and _has(call, wanted)) or call.key == kept
        ]
        ordered = self._ordered(matching)
        if self._frozen is not None:
            there = {call.key for call in known}
            self._frozen = [key for key in self._frozen if key in there]
            place = {key: number for number, key in enumerate(self._frozen)}
            # New ones stand below, in their order, and stay where they have appeared.
            ordered.sort(key=lambda call: place.get(call.key, len(place)))
            self._frozen += [call.key for call in ordered if call.key not in place]
        if self._selected is not None and not any(c.key == self._selected for c in ordered):
            self._keep_place(ordered)
        self.rows = ordered

    def level(self, call: Call) -> int:
        """Of attention; see ``ranking``."""
        return self._ranking.level(call)

    def next_filter(self) -> None:
        """The next of ``FILTERS``."""
        self.filter = FILTERS[(FILTERS.index(self.filter) + 1) % len(FILTERS)]

    def next_sort(self) -> None:
        """The next of ``SORTS``; an order that is held is let go."""
        self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]
        self._frozen = None

    def freeze(self) -> None:
        """Hold the order, or let it go."""
        self._frozen = [call.key for call in self.rows] if self._frozen is None else None

    def _passes(self, call: Call) -> bool:
        if self.filter == "alerts":
            return call.alert is not None
        if self.filter == "negative":
            return call.now in NEGATIVE or concern(call) > 0.0
        if self.filter == "customers":
            return call.role.casefold() in ("customer", "caller")
        return True

    def _ordered(self, calls: list[Call]) -> list[Call]:
        ordered = self._ranking.ordered(calls)
        if self.sort == "time negative":
            ordered.sort(key=lambda call: -int(call.negative / _STEP))
        elif self.sort == "length":
            ordered.sort(key=lambda call: (call.started, call.key))
        elif self.sort == "name":
            ordered.sort(key=lambda call: (call.name.casefold(), call.key))
        return ordered

    def _keep_place(self, ordered: list[Call]) -> None:
        """What was selected has gone: the row that takes its place is."""
        at = next((i for i, call in enumerate(self.rows) if call.key == self._selected), 0)
        self._selected = ordered[min(at, len(ordered) - 1)].key if ordered else None


def _has(call: Call, wanted: list[str]) -> bool:
    """All words are in what the call says of itself."""
    return all(word in call.words for word in wanted)
