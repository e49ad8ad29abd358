"""One stream's rules: when they fire. No clock but the times of the rows.

docs/alerts.md says in full what "for 5 s" means; in short: seconds of speech count, silence and
uncertain rows do not, and speech against the rule takes back twice its length.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from realtime_ser.alerts.flags import alert_flag
from realtime_ser.alerts.rules import ANY_NEGATIVE, PLANE, Held, Moved
from realtime_ser.types import EMOTIONS, NEGATIVE, UNCERTAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from realtime_ser.alerts.rules import Rule
    from realtime_ser.types import TimelineRow

TAKES_BACK: Final = 2.0
"""Seconds that a second of speech against a rule takes from what has been held for it."""
STEADY: Final = 5.0
"""Seconds of speech whose mean has to fall or rise; a quarter of the rule's time where shorter."""
_TINY: Final = 1e-6
"""Sums of hops are not exact."""


class AlertWatch:
    """Watches the rows of one stream."""

    def __init__(
        self,
        rules: Sequence[Rule] = (),
        *,
        cool_down: float = 60.0,
        margin: float = 0.1,
        pause: float = 10.0,
    ) -> None:
        """Begin to watch; nothing has been heard.

        Args:
            rules: in the order in which their alerts come.
            cool_down: seconds after an alert in which its rule raises no other.
            margin: how far a measure has to fall short of its limit to speak against the rule.
            pause: seconds without anything for a rule after which what it has held is forgotten.
        """
        self._heard_until = 0.0
        self._watched: list[tuple[Rule, _HeldMemory | _MovedMemory]] = [
            (
                rule,
                _HeldMemory(rule, cool_down, margin, pause)
                if isinstance(rule, Held)
                else _MovedMemory(rule, cool_down),
            )
            for rule in rules
        ]

    def push(self, row: TimelineRow) -> list[TimelineRow]:
        """Take the next row; returns the alerts that it completes, to stand right behind it.

        Args:
            row: of the stream, in order of ``end``. Only window rows are watched.
        """
        if row.kind != "window":
            return []
        # A window looks back over several hops; what earlier rows have not covered is news.
        start = max(row.start, self._heard_until)
        self._heard_until = row.end
        alerts = []
        for rule, memory in self._watched:
            began = memory.hear(row, start)
            if began is not None:
                flags = (*row.flags, alert_flag(rule.name))
                alerts.append(replace(row, kind="alert", start=began, flags=flags))
        return alerts


class _HeldMemory:
    """Of a measure that has to be beyond a limit for some time."""

    def __init__(self, rule: Held, cool_down: float, margin: float, pause: float) -> None:
        self._rule = rule
        self._limit = 0.5 if rule.limit is None else rule.limit
        lowest = -1.0 if rule.measure in PLANE else 0.0
        room = 1.0 - self._limit if rule.below else self._limit - lowest
        # A limit near the end of its scale must leave room to speak against it.
        self._margin = min(margin, room / 2)
        self._cool_down = cool_down
        self._pause = pause
        self._quiet_until = 0.0
        self._held = 0.0
        """Seconds for the rule, less what speech against it has taken back."""
        self._began = 0.0
        self._spoken_for_until = 0.0
        self._fired = False

    def hear(self, row: TimelineRow, start: float) -> float | None:
        """When what the row completes began; None: it completes nothing.

        Args:
            row: a window.
            start: from here on it is news.
        """
        value = _measured(self._rule, row)
        if value is None:
            return None
        if start - self._spoken_for_until > self._pause:
            self._forget()
        beyond = self._limit - value if self._rule.below else value - self._limit
        holds = beyond >= 0.0
        if holds or (self._fired and beyond >= -self._margin):
            self._spoken_for_until = row.end
        if holds:
            self._began = start if self._held == 0.0 else self._began
            self._held = min(self._held + row.end - start, self._rule.seconds)
        elif beyond < -self._margin:
            self._held -= TAKES_BACK * (row.end - start)
            if self._held <= _TINY:
                self._forget()
        complete = holds and self._held >= self._rule.seconds - _TINY
        if self._fired or not complete or row.end < self._quiet_until - _TINY:
            return None
        self._fired = True
        self._quiet_until = row.end + self._cool_down
        return self._began

    def _forget(self) -> None:
        self._held, self._fired = 0.0, False


class _MovedMemory:
    """Of a measure whose mean over some speech has to fall or rise."""

    def __init__(self, rule: Moved, cool_down: float) -> None:
        self._rule = rule
        self._steady = min(STEADY, rule.seconds / 4)
        self._sign = 1.0 if rule.rising else -1.0
        self._cool_down = cool_down
        self._quiet_until = 0.0
        self._newest: deque[tuple[float, float, float]] = deque()
        """End, length and value of the newest speech."""
        self._means: deque[tuple[float, float]] = deque()
        """When and how far, in the direction of the rule; the first is the furthest behind."""

    def hear(self, row: TimelineRow, start: float) -> float | None:
        """See ``_HeldMemory.hear``."""
        value = _measured(self._rule, row)
        if value is None:
            return None
        oldest = row.end - self._rule.seconds - _TINY
        mean = self._mean(row.end, row.end - start, self._sign * value, oldest)
        while self._means and self._means[0][0] < oldest:
            self._means.popleft()
        if mean is None:
            return None
        while self._means and self._means[-1][1] >= mean:
            self._means.pop()  # it can be the furthest behind no more
        self._means.append((row.end, mean))
        began, furthest = self._means[0]
        moved = mean - furthest >= self._rule.by - _TINY
        if not moved or row.end < self._quiet_until - _TINY:
            return None
        self._quiet_until = row.end + self._cool_down
        self._means = deque([(row.end, mean)])  # anew from where it has got to
        return began

    def _mean(self, end: float, length: float, value: float, oldest: float) -> float | None:
        """Of the newest ``steady`` seconds of speech; None before there are as many."""
        newest = self._newest
        newest.append((end, length, value))
        total = sum(length for _, length, _ in newest)
        while newest[0][0] < oldest or total - newest[0][1] >= self._steady - _TINY:
            total -= newest.popleft()[1]
        if total < self._steady - _TINY:
            return None
        return sum(length * value for _, length, value in newest) / total


def _measured(rule: Rule, row: TimelineRow) -> float | None:
    """What a row says to a rule, rounded as it is written; None: nothing."""
    measure = rule.measure
    value: float | None
    if measure == "confidence":
        value = row.confidence
    elif row.emotion == UNCERTAIN:
        return None
    elif measure in EMOTIONS:
        value = row.probabilities.get(measure)
    elif measure in PLANE:
        value = row.arousal if measure == "arousal" else row.valence
    else:
        negative = [row.probabilities.get(name, 0.0) for name in NEGATIVE]
        if measure != ANY_NEGATIVE:
            value = sum(negative)
        elif isinstance(rule, Held) and rule.limit is not None:
            value = max(negative)
        else:
            value = float(row.emotion in NEGATIVE)
    return None if value is None else round(value, 4)
