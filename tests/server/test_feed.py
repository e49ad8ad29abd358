from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from websockets.asyncio.client import ClientConnection

from realtime_ser.engine.line import Account
from realtime_ser.server import book
from realtime_ser.server.feed import Changes
from realtime_ser.testing import ManualClock
from tests.server.serving import PATIENCE, START, listen_to, serving, spoken, until
from tests.server.test_parts import Line

FLOOR = {
    "streams", "capacity", "speaking", "load", "hop", "usual_hop", "latency_ms", "dropped",
    "refused", "uptime", "model", "shares",
}  # fmt: skip
STREAM = {
    "stream", "channel", "role", "metadata", "started", "state", "duration", "speaking",
    "level_dbfs", "emotion", "confidence", "valence", "speech", "negative", "recent", "alert",
    "alerts", "dropped",
}  # fmt: skip


async def following(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        return json.loads(await socket.recv())  # type: ignore[no-any-return]


async def test_a_dashboard_sees_a_call_come_and_go() -> None:
    async with serving() as stage, stage.socket("/v1/feed") as feed:
        snapshot = await following(feed)
        assert (snapshot["type"], snapshot["streams"]) == ("snapshot", [])
        assert set(snapshot["floor"]) == FLOOR
        async with stage.socket() as socket:
            await socket.send(
                json.dumps(START | {"stream": "a", "channels": ["customer"], "metadata": {"q": 1}})
            )
            await socket.send(spoken())
            seen: dict[str, Any] = {}
            while not seen.get("negative"):
                update = await following(feed)
                assert update["type"] == "update"
                for seen in update["streams"]:
                    assert set(seen) == STREAM
            assert (seen["stream"], seen["channel"], seen["state"]) == ("a", 0, "live")
            assert (seen["role"], seen["metadata"]) == ("customer", {"q": 1})
            assert (seen["emotion"], seen["confidence"]) == ("angry", 0.7)
            assert update["floor"]["shares"] == {"angry": 1.0}
            assert (await stage.streams())["floor"]["streams"] == 1
            await socket.send('{"type":"stop"}')
            await listen_to(socket)
        while not update["ended"]:
            update = await following(feed)
        assert update["ended"] == [["a", 0]]
        (last,) = update["streams"]
        assert (last["state"], last["duration"], last["speaking"]) == ("ended", 3.2, False)
        assert 0 < last["negative"] <= last["speech"] < last["duration"]


async def test_one_stream_is_shown_with_its_history() -> None:
    async with serving() as stage, stage.socket() as socket:
        await socket.send(json.dumps(START | {"stream": "a/b ü"}))
        await socket.send(spoken())
        await until(lambda: stage.floor.health().rows >= 4)
        async with stage.socket("/v1/feed?stream=a/b%20%C3%BC&channel=0") as feed:
            history = await following(feed)
            assert history["type"] == "history"
            assert history["stream"]["stream"] == "a/b ü"
            assert [row["type"] for row in history["rows"]].count("window") >= 3
            await socket.send(spoken(1.0))
            await socket.send('{"type":"stop"}')
            talk = await listen_to(socket)
            now = history["rows"]
            rest = await listen_to(feed)
            now += rest.messages
            assert (now[-1]["type"], rest.code) == ("end", 1000)
        async with stage.socket("/v1/feed?stream=a/b%20%C3%BC") as feed:
            (history,) = (await listen_to(feed)).messages  # of one that has ended
            assert history["stream"]["state"] == "ended"
            assert len(history["rows"]) == rest.messages[-1]["rows"]
        shown = [row for row in now if row["type"] != "speech_start"]
        assert shown == [m for m in talk.messages if m["type"] not in ("ready", "speech_start")]
        assert any(row["type"] == "speech_start" for row in now)


async def test_an_unknown_stream_is_refused() -> None:
    async with serving() as stage:
        for query in ("stream=none", "stream=", "stream=a&channel=x", "stream=a&channel=99999999"):
            async with stage.socket(f"/v1/feed?{query}") as feed:
                talk = await listen_to(feed)
                assert (talk.error, talk.code) == ("unknown", 1008)


async def test_each_end_is_told_once() -> None:
    async with serving() as stage, stage.socket("/v1/feed") as feed:
        await following(feed)
        versions = []
        for number in range(3):
            await stage.call(spoken(0.5), stream=f"call-{number}")
        while len(versions) < 3:
            update = await following(feed)
            versions += [
                entry["stream"] for entry in update["streams"] if entry["state"] == "ended"
            ]
        assert versions == ["call-0", "call-1", "call-2"]


def test_a_slow_dashboard_gets_the_newest_picture_not_a_backlog() -> None:
    shelf, line = book.Book(), Line()
    stream = book.Entry(("a", 0), "customer", {}, datetime.now(UTC), line)  # type: ignore[arg-type]
    shelf.add(stream)
    changes = Changes(shelf)
    assert changes.since_last() is None
    for second in range(100):  # nobody asks meanwhile
        line.received = float(second)
        stream.look(10.0 * second)
    news = json.loads(f"{{{changes.since_last()}}}")
    assert [entry["duration"] for entry in news["streams"]] == [99.0]
    assert changes.since_last() is None
    stream.end(Account(160_000, 160_000, 0), 2000.0)
    news = json.loads(f"{{{changes.since_last()}}}")
    assert (news["streams"][0]["state"], news["ended"]) == ("ended", [["a", 0]])
    again = book.Entry(("a", 0), "customer", {}, datetime.now(UTC), line)  # type: ignore[arg-type]
    shelf.add(again)  # a call of the same name, before the old one is forgotten
    news = json.loads(f"{{{changes.since_last()}}}")
    assert (news["streams"][0]["state"], news["ended"]) == ("live", [])
    again.end(Account(0, 0, 0), 3000.0)
    shelf.sweep(3000.0 + book.ENDED_FOR)
    assert json.loads(f"{{{changes.since_last()}}}") == {"streams": [], "ended": [["a", 0]]}
    assert changes.since_last() is None


async def test_ending_sends_dashboards_away() -> None:
    async with serving() as stage, stage.socket("/v1/feed") as feed:
        await following(feed)
        stage.stop.set()
        talk = await listen_to(feed)
        assert (talk.error, talk.code) == ("ending", 1001)


async def test_streams_that_ended_are_forgotten_after_a_while() -> None:
    async with serving() as stage:
        await stage.call(spoken(0.5))
        (entry,) = stage.server.book
        clock = ManualClock(entry.ended_at or 0.0)
        stage.server.book.sweep(clock.monotonic() + book.ENDED_FOR / 2)
        assert len(list(stage.server.book)) == 1
        clock.advance(book.ENDED_FOR)
        stage.server.book.sweep(clock.monotonic())
        assert list(stage.server.book) == []


async def test_ended_calls_are_forgotten_though_nobody_looks() -> None:
    async with serving() as stage:
        stage.server.book.ended_for = 0.2
        await stage.call(spoken(0.5))
        assert len(list(stage.server.book)) == 1
        await until(lambda: not list(stage.server.book))
