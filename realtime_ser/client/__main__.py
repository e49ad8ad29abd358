"""``python -m realtime_ser.client URL FILE... --streams 100``: load, in real time."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from realtime_ser.client.load import make_load, summary
from realtime_ser.client.recordings import ENCODINGS, read_recording
from realtime_ser.errors import RealtimeSerError


def main() -> int:
    """Send, and print what became of it; 2 for what cannot be used, 1 where a call failed."""
    arguments = _parser().parse_args()
    roles = arguments.roles.split(",") if arguments.roles else None
    channels = None if roles is None else len(roles)
    try:
        recordings = [
            read_recording(file, arguments.encoding, arguments.rate, channels)
            for file in arguments.files
        ]
        heard = asyncio.run(
            make_load(
                arguments.url,
                recordings,
                arguments.streams,
                token=os.environ.get("REALTIME_SER_TOKEN"),
                roles=roles,
            )
        )
    except RealtimeSerError as error:
        sys.stderr.write(f"realtime-ser: {error}\n")
        return 2
    sys.stdout.write("\n".join(summary(heard)) + "\n")
    return 1 if any(one.error is not None for one in heard) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m realtime_ser.client",
        description="Send recordings to realtime-ser serve in real time, many at once. "
        "REALTIME_SER_TOKEN is the token.",
    )
    parser.add_argument("url", help="such as ws://127.0.0.1:8765")
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="recordings, sent in turn by the calls"
    )
    parser.add_argument(
        "--streams", type=int, default=1, metavar="N", help="calls at once (default: 1)"
    )
    parser.add_argument(
        "--encoding", choices=ENCODINGS, default="mulaw", help="that is sent (default: mulaw)"
    )
    parser.add_argument(
        "--rate", type=int, default=8000, metavar="HZ", help="that is sent (default: 8000)"
    )
    parser.add_argument(
        "--roles",
        metavar="ROLE,...",
        help="one a channel, such as customer,agent (default: speakers without a role)",
    )
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
