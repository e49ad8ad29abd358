"""A screen in a browser on the same machine: ``realtime-ser live --web``, ``dashboard --web``.

``textual-serve`` brings the terminal of the page and the protocol to the screen's process; here is
who may look, and that one looks at a time.
"""
