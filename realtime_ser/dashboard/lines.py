"""The floor as lines of text, for pipes and screen readers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from realtime_ser.dashboard.feed import Feed, FeedRefusedError
from realtime_ser.dashboard.picture import FloorPicture
from realtime_ser.dashboard.view import FloorView
from realtime_ser.ui.times import clock_text, percent_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from realtime_ser.clock import Clock
    from realtime_ser.dashboard.calls import Call, Floor
    from realtime_ser.dashboard.feed import Connect
    from realtime_ser.dashboard.fields import Record

PATIENCE: Final = 10.0
"""Seconds in which the server must have said how its floor is."""
_HEAD: Final = (
    f"# {'call':<24} {'ch':>2} {'role':<8} {'time':>7} {'emotion':<9} {'sure':>5} "
    f"{'negative':>8} alert"
)


async def floor_lines(connect: Connect, clock: Clock) -> list[str]:
    """How the floor is now, a line a call, those that need attention first.

    Args:
        connect: to the feed of the floor.
        clock: of the pauses between tries.

    Raises:
        FeedRefusedError: the server does not want us, or there is none.
    """
    picture = FloorPicture(clock)

    def take(message: Record) -> bool:
        picture.take(message)
        return picture.floor is not None

    async def give_up(_: float) -> None:
        raise FeedRefusedError(feed.trouble)

    feed = Feed(connect, take, clock, give_up)
    try:
        async with asyncio.timeout(PATIENCE):
            await feed.run()
    except TimeoutError:
        raise FeedRefusedError(f"the server has said nothing for {PATIENCE:g} s") from None
    if picture.floor is None:
        raise FeedRefusedError(feed.refusal)
    view = FloorView()
    view.update(picture.calls.values())
    return [*_totals(picture.floor), _HEAD, *map(_line, view.rows)]


def _totals(floor: Floor) -> Iterator[str]:
    shares = ", ".join(f"{name} {percent_text(share)}" for name, share in floor.shares)
    yield (
        f"# calls {floor.streams}/{floor.capacity}, speaking {floor.speaking}, "
        f"load {percent_text(floor.load)}, hop {floor.hop:g} s, dropped {floor.dropped:.1f} s, "
        f"refused {floor.refused}"
    )
    if shares:
        yield f"# now: {shares}"


def _line(call: Call) -> str:
    emotion = (call.now or "-") if call.live else "ended"
    sure = "-" if call.confidence is None or call.now is None else f"{call.confidence:.2f}"
    alert = "-"
    if call.alert is not None:
        alert = f"{call.alert.name} {clock_text(call.duration - call.alert.end)} ago"
    return (
        f"  {call.name:<24} {call.channel:>2} {call.role:<8} {clock_text(call.duration):>7} "
        f"{emotion:<9} {sure:>5} {clock_text(call.negative):>8} {alert}"
    )
