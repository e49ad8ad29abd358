"""The text of a rule -> what is to be watched. docs/alerts.md tells users the same.

RULE      := [NAME ":"] CONDITION
CONDITION := MEASURE (">=" | "<=") X "for" N "s"
           | "any" "negative" [">=" X] "for" N "s"
           | ("arousal" | "valence") ("falling" | "rising") "by" X "within" N "s"
MEASURE   := an emotion | "arousal" | "valence" | "confidence" | "negative"
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from realtime_ser.alerts.flags import NAME
from realtime_ser.errors import ConfigError
from realtime_ser.types import EMOTIONS, NEGATIVE

if TYPE_CHECKING:
    from collections.abc import Sequence

ANY_NEGATIVE: Final = "any negative"
PLANE: Final = ("arousal", "valence")
"""Measures from -1 to 1; the others go from 0 to 1."""
MEASURES: Final = (*EMOTIONS, *PLANE, "confidence", "negative")
SHORTEST: Final = 0.1
LONGEST: Final = 3600.0
"""Seconds."""
_LONGEST_TEXT: Final = 200
_NAMED: Final = re.compile(r"\s*([^:]*?)\s*:(.*)", re.DOTALL)
_WORD: Final = re.compile(r">=|<=|-?\d+(?:\.\d+)?|[^\W\d_]+|\S")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Held:
    """Fires when a measure has been beyond a limit for so long."""

    name: str
    measure: str
    """One of ``MEASURES``, or ``ANY_NEGATIVE``: the greatest of the negative emotions."""
    limit: float | None
    """None with ``ANY_NEGATIVE``: a row counts that shows one of them."""
    seconds: float
    below: bool = False
    """At most the limit, rather than at least."""

    def __str__(self) -> str:
        return f"{self.name}: {self.condition}"

    @property
    def condition(self) -> str:
        """The rule without its name."""
        limit = ""
        if self.limit is not None:
            limit = f" {'<=' if self.below else '>='} {_shown(self.limit)}"
        return f"{self.measure}{limit} for {_shown(self.seconds)} s"

    @property
    def classes(self) -> tuple[str, ...]:
        """The emotions that it looks at, of which a model has to know one; empty: any will do."""
        if self.measure in EMOTIONS:
            return (self.measure,)
        return NEGATIVE if self.measure in ("negative", ANY_NEGATIVE) else ()


@dataclass(frozen=True, slots=True)
class Moved:
    """Fires when arousal or valence has fallen or risen by so much within a time."""

    name: str
    measure: str
    """One of ``PLANE``."""
    by: float
    seconds: float
    rising: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {self.condition}"

    @property
    def condition(self) -> str:
        """The rule without its name."""
        how = "rising" if self.rising else "falling"
        return f"{self.measure} {how} by {_shown(self.by)} within {_shown(self.seconds)} s"

    @property
    def classes(self) -> tuple[str, ...]:
        """Any emotions will do."""
        return ()


Rule = Held | Moved


def parse_rules(texts: Sequence[str]) -> tuple[Rule, ...]:
    """Rules with names of their own.

    Raises:
        ConfigError: see ``parse_rule``; or two of one name.
    """
    rules = [parse_rule(text) for text in texts]
    names = [rule.name for rule in rules]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise ConfigError(
                f"rule {texts[number]!r}: another one is named {name}, too; "
                "put a name of its own before it, as in 'loud: angry >= 0.8 for 5 s'"
            )
    return tuple(rules)


def parse_rule(text: str) -> Rule:
    """The rule of a text; one without a name gets one from what it says.

    Raises:
        ConfigError: it is none; the line names the word that is wrong.
    """
    if len(text) > _LONGEST_TEXT:
        raise ConfigError(f"rule {text[:40] + '...'!r}: is longer than {_LONGEST_TEXT} characters")
    named = _NAMED.fullmatch(text)
    if named is not None and not NAME.fullmatch(named[1]):
        raise ConfigError(
            f"rule {text!r}: {named[1]!r} is no name; use up to 60 of a-z, 0-9, _ and - before ':'"
        )
    words = _Words(text, text if named is None else named[2])
    rule = _condition(words)
    words.end()
    return replace(rule, name=_default_name(rule) if named is None else named[1])


def _condition(words: _Words) -> Rule:
    measure = words.one_of(*MEASURES, "any")
    if measure == "any":
        words.one_of("negative")
        at_least = words.one_of(">=", "for") == ">="
        limit = words.number(0.0, 1.0) if at_least else None
        if at_least:
            words.one_of("for")
        return Held("", ANY_NEGATIVE, limit, _duration(words))
    moves = ("falling", "rising") if measure in PLANE else ()
    relation = words.one_of(">=", "<=", *moves)
    if relation in moves:
        words.one_of("by")
        by = words.number(0.0, 2.0, above=True)
        words.one_of("within")
        return Moved("", measure, by, _duration(words), rising=relation == "rising")
    limit = words.number(-1.0 if measure in PLANE else 0.0, 1.0)
    words.one_of("for")
    return Held("", measure, limit, _duration(words), below=relation == "<=")


def _duration(words: _Words) -> float:
    seconds = words.number(SHORTEST, LONGEST)
    words.one_of("s")
    return seconds


def _default_name(rule: Rule) -> str:
    if isinstance(rule, Moved):
        how = "rising" if rule.rising else "falling"
        words = f"{rule.measure} {how} within {_shown(rule.seconds)} s"
    else:
        low = "low " if rule.below else ""
        words = f"{low}{rule.measure} for {_shown(rule.seconds)} s"
    return words.replace(" ", "-").replace(".", "_")[:60]


def _shown(number: float) -> str:
    """Without an exponent, exactly: what is read again gives the same number."""
    return format(Decimal(repr(number)).normalize(), "f")


class _Words:
    """The words of a rule, taken from left to right."""

    def __init__(self, rule: str, text: str) -> None:
        self._rule = rule
        self._rest: list[str] = _WORD.findall(text)[::-1]

    def one_of(self, *wanted: str) -> str:
        """The next word, which is one of these."""
        word = self._rest.pop() if self._rest else None
        if word in wanted:
            return word
        close = difflib.get_close_matches(word or "", wanted, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        known = f"one of {', '.join(wanted)}" if len(wanted) > 3 else " or ".join(map(repr, wanted))
        raise self._error(word, known + hint)

    def number(self, low: float, high: float, *, above: bool = False) -> float:
        """The next word, which is a number from ``low`` (or above it) to ``high``."""
        word = self._rest.pop() if self._rest else None
        if word is None or not _NUMBER.fullmatch(word):
            raise self._error(word, "a number")
        number = float(word)
        if not low <= number <= high or (above and number == low):
            begins = f"above {low:g}, up to" if above else f"{low:g} to"
            raise ConfigError(f"rule {self._rule!r}: {word} is not {begins} {high:g}")
        return number

    def end(self) -> None:
        """Nothing may follow."""
        if self._rest:
            raise self._error(self._rest.pop(), "the end of the rule")

    def _error(self, word: str | None, wanted: str) -> ConfigError:
        if word is None:
            return ConfigError(f"rule {self._rule!r}: ends where there must be {wanted}")
        return ConfigError(f"rule {self._rule!r}: {word!r} stands in the place of {wanted}")
