"""A client of ``realtime-ser serve``: sends a call, and gets its timeline while it goes on.

    async with Client("ws://127.0.0.1:8765", token=token) as client:
        ready = await client.start("call-42", sample_rate=8000, encoding="mulaw",
                                   channels=["customer", "agent"])
        async with asyncio.TaskGroup() as group:
            group.create_task(feed(client))      # await client.send(audio) ..., client.stop()
            async for message in client:         # speech_start, window, utterance, alert, end
                print(message)

For a recording there is ``stream_recording``; ``python -m realtime_ser.client URL FILE...
--streams 100`` makes load.
"""

from realtime_ser.client.connection import Client, ServerError
from realtime_ser.client.recordings import stream_recording

__all__ = ["Client", "ServerError", "stream_recording"]
