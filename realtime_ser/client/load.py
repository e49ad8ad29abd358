"""Many recordings at once, and what became of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import numpy as np

from realtime_ser.client.connection import Client, ServerError
from realtime_ser.client.recordings import BLOCK, Heard, Recording, send_recording

if TYPE_CHECKING:
    from collections.abc import Sequence

PERCENTILES: Final = (50, 95, 99)
JOINED: Final = 15
"""Calls a second that begin, where there are more: a server gets to know their load."""


async def make_load(
    url: str,
    recordings: Sequence[Recording],
    streams: int,
    *,
    token: str | None = None,
    roles: Sequence[str] | None = None,
) -> list[Heard]:
    """Send recordings in turn, so many calls at once; their beginnings are spread over a second,
    or more seconds where there are more than ``JOINED``.

    Args:
        url: of the server.
        recordings: each call sends one of them.
        streams: calls.
        token: where the server demands one.
        roles: of their channels.
    """

    async def one(number: int) -> Heard:
        await asyncio.sleep(number / min(streams, JOINED))
        try:
            async with Client(url, token=token) as client:
                recording = recordings[number % len(recordings)]
                return await send_recording(client, recording, roles=roles)
        except ServerError as error:
            return Heard(error=str(error))

    return list(await asyncio.gather(*(one(number) for number in range(streams))))


def summary(heard: Sequence[Heard]) -> list[str]:
    """Lines on the account of all samples and on the latency."""
    ends = [end for one in heard for end in one.ends]
    received, analysed, dropped = (
        sum(round(end[name] * 16_000) for end in ends) / 16_000
        for name in ("received", "analysed", "dropped")
    )
    rows = sum(len(one.rows) for one in heard)
    lines = [
        f"{len(heard)} calls, {len(ends)} channels analysed, {rows} rows",
        f"audio: {received:.3f} s received, {analysed:.3f} s analysed, {dropped:.3f} s dropped, "
        f"{received - analysed - dropped:.3f} s unaccounted for",
    ]
    told = [row["latency_ms"] for one in heard for row in one.rows if row["type"] == "window"]
    delays = [1000.0 * delay for one in heard for delay in one.delays]
    for name, values in (
        ("the server says", [value for value in told if value is not None]),
        (f"from the sample's own time to here, blocks of {1000 * BLOCK:g} ms", delays),
    ):
        if values:
            shown = ", ".join(
                f"p{p} {value:.0f} ms"
                for p, value in zip(PERCENTILES, np.percentile(values, PERCENTILES), strict=True)
            )
            lines.append(f"latency of window rows, {name}: {shown}")
    lines += sorted({f"error: {one.error}" for one in heard if one.error is not None})
    return lines
