"""All calls of a server on one screen: what its feed says, who needs attention, how it is drawn.

``calls`` and ``fields`` read the feed, ``picture`` keeps it, ``ranking`` and ``view`` order it: no
terminal, no network. ``feed`` and ``link`` bring it, the rest draws it.
"""
