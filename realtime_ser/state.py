"""What streams remember inside the network and its front end."""

from __future__ import annotations

from torch import Tensor

State = dict[str, Tensor]
"""Named tensors whose first axis is the stream (slot) axis; zeros mean that nothing was heard."""
