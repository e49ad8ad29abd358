"""Calls over the network: audio in over WebSocket, timelines out. See docs/serve.md."""
