"""Threads and queues around the chains of streams. The only room that owns any.

``Engine`` runs one source; ``Floor`` runs streams that come and go, as those of a server.
"""

from realtime_ser.engine.floor import Floor
from realtime_ser.engine.run import Engine

__all__ = ["Engine", "Floor"]
