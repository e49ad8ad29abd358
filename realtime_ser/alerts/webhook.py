"""Alerts posted to a URL, in a thread of their own that nobody waits for.

docs/alerts.md tells receivers what comes and how to check it.
"""

from __future__ import annotations

import json
import random
import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from realtime_ser.alerts.address import parse_address
from realtime_ser.alerts.flags import alerts_of
from realtime_ser.alerts.post import HttpPost, UnreachableError
from realtime_ser.alerts.rules import parse_rules
from realtime_ser.alerts.signing import ID, SIGNATURE, TIMESTAMP, read_secret, signature
from realtime_ser.sinks.row_format import to_record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from realtime_ser.alerts.post import Answer, Post
    from realtime_ser.clock import Clock
    from realtime_ser.config import AlertConfig
    from realtime_ser.types import TimelineRow

WAITING: Final = 256
"""Alerts that may wait; when more come the oldest are dropped and counted."""
ATTEMPTS: Final = 8
FIRST_WAIT: Final = 1.0
"""Seconds after the first attempt; doubled at each, less up to a half by chance."""
LONGEST_WAIT: Final = 60.0
LONGEST_ASKED: Final = 300.0
"""Seconds that a receiver can have us wait (Retry-After)."""
CLOSING: Final = 5.0
"""Seconds in which alerts that still wait are tried once more when the session ends."""
_LATER: Final = (408, 425, 429)
"""Refusals that may be over when it is tried again, as all from 500 on."""


@dataclass(frozen=True, slots=True)
class _Message:
    id: str
    body: bytes


class WebhookSink:
    """Posts the alerts of rules; other rows it passes over. Implements ``Sink``.

    ``write`` never waits and never fails: what cannot be delivered is in ``trouble`` and ``lost``.
    """

    def __init__(
        self,
        name: str,
        post: Post,
        secret: bytes,
        rules: Mapping[str, str],
        clock: Clock,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Prepare; the thread begins with ``open``.

        Args:
            name: of the receiver, for people.
            post: carries messages to it.
            secret: signs them.
            rules: name -> condition, to be sent along.
            clock: of the waits between attempts, and of the timestamps.
            chance: from 0 to 1, spreads the waits.
        """
        self.trouble: str | None = None
        """What is wrong just now, in words; None when all is well."""
        self.delivered = 0
        self.lost = 0
        """Alerts that were given up."""
        self._name = name
        self._post = post
        self._secret = secret
        self._rules = dict(rules)
        self._clock = clock
        self._chance = chance
        self._waiting: deque[_Message] = deque()
        self._changed = threading.Condition()
        self._ending = threading.Event()
        self._until = 0.0
        """Monotonic seconds up to which messages are tried once the end has come."""
        self._thread: threading.Thread | None = None

    def check(self) -> None:
        """Nothing can be in the way: whether somebody answers shows when there is an alert."""

    def open(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="realtime-ser-webhook", daemon=True)
        self._thread.start()

    def write(self, row: TimelineRow) -> None:
        """Have the alerts of a row posted; returns at once. From any thread."""
        for name in alerts_of(row):
            number = str(uuid4())
            content = {"id": number, "alert": name, "rule": self._rules.get(name), **to_record(row)}
            body = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            with self._changed:
                if len(self._waiting) == WAITING:
                    self._waiting.popleft()
                    self.lost += 1
                self._waiting.append(_Message(number, body.encode("utf-8")))
                self._changed.notify()

    def close(self) -> None:
        """End the thread; may be called twice.

        What waits is tried once more, within ``CLOSING`` seconds; then the attempt that is under
        way has until the time-out of ``post``.
        """
        thread = self._thread
        with self._changed:
            if thread is None or self._ending.is_set():
                return
            self._until = self._clock.monotonic() + CLOSING
            self._ending.set()
            self._changed.notify()
        thread.join(CLOSING)
        self._post.cancel()
        thread.join(CLOSING)

    def verdict(self) -> str | None:
        """One line on what was not delivered, for the end; None when nothing was lost."""
        if not self.lost:
            return None
        return f"alerts.webhook: {self.lost} of {self.lost + self.delivered} alerts were not " + (
            f"delivered to {self._name}; the timeline has them all"
        )

    def _run(self) -> None:
        while (message := self._next()) is not None:
            if self._delivered(message):
                self.delivered += 1
            else:
                self._lose(1)
        self._lose(len(self._waiting))

    def _next(self) -> _Message | None:
        """The oldest message; waits for one. None: the end has come."""
        with self._changed:
            while not self._waiting and not self._ending.is_set():
                self._changed.wait()
            late = self._ending.is_set() and self._clock.monotonic() >= self._until
            return self._waiting.popleft() if self._waiting and not late else None

    def _lose(self, number: int) -> None:
        with self._changed:
            self.lost += number

    def _delivered(self, message: _Message) -> bool:
        """Try until it is taken, refused for good, or there is no more time."""
        for attempt in range(ATTEMPTS):
            last = self._ending.is_set()
            asked = self._try(message)
            if self.trouble is None:
                return True
            if asked is None or last:
                return False
            if attempt < ATTEMPTS - 1:
                wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0**attempt) * (1.0 - self._chance() / 2)
                self._clock.wait(self._ending, max(asked, wait))
        return False

    def _try(self, message: _Message) -> float | None:
        """One attempt, whose outcome ``trouble`` tells.

        Returns:
            Seconds that the receiver asks to wait for the next; None: there shall be none.
        """
        timestamp = str(int(self._clock.utc().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "realtime-ser",
            "Connection": "close",
            ID: message.id,
            TIMESTAMP: timestamp,
            SIGNATURE: signature(self._secret, timestamp, message.body),
        }
        try:
            answer = self._post.send(message.body, headers)
        except UnreachableError as error:
            self.trouble = f"alerts.webhook: {self._name} {error}; alerts are tried again"
            return 0.0
        if 200 <= answer.status < 300:
            self.trouble = None
            return None
        reason = "".join(c for c in answer.reason[:60] if c.isprintable())
        said = f"{answer.status} {reason}".strip()
        if answer.status in _LATER or answer.status >= 500:
            self.trouble = f"alerts.webhook: {self._name} says {said}; alerts are tried again"
            return _asked(answer, self._clock.utc())
        remedy = "redirects are not followed, set its new URL"
        if answer.status >= 400:
            remedy = "such alerts are not tried again, check its URL and the secret"
        self.trouble = f"alerts.webhook: {self._name} says {said}; {remedy}"
        return None


def _asked(answer: Answer, now: datetime) -> float:
    """Seconds of a Retry-After header, which may be a date; what cannot be read asks nothing."""
    text = (answer.retry_after or "").strip()
    if text.isdecimal():
        return min(float(text[:9]), LONGEST_ASKED)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return min(max(0.0, (at - now).total_seconds()), LONGEST_ASKED)


def webhook_of(alerts: AlertConfig, clock: Clock) -> WebhookSink | None:
    """What posts alerts as the settings say; None where they name no webhook.

    Raises:
        ConfigError: the secret cannot be read.
    """
    if not alerts.webhook:
        return None
    address = parse_address(alerts.webhook)
    secret = read_secret(alerts.secret_file)
    rules = {rule.name: rule.condition for rule in parse_rules(alerts.rules)}
    return WebhookSink(str(address), HttpPost(address), secret, rules, clock)
