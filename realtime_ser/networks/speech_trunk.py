"""A trunk that has heard hundreds of thousands of hours of speech.

The first layers of the encoder of Whisper (Radford et al. 2022, arXiv 2212.04356; OpenAI's weights,
MIT licence), frozen. What they find in order to write speech down also tells how it is spoken. Two
things differ from the original, so that it can follow a stream: a token attends to nothing later
than its own block (half a second) and to nothing older than its reach, and convolutions look
backwards only (a shift of 10 ms). Pieces of whole blocks therefore give what the whole gives; a
piece that ends inside a block is taken for the end of it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realtime_ser.features import TRUNK_BANDS

if TYPE_CHECKING:
    from realtime_ser.state import State

FRAMES_PER_TOKEN = 2
KERNEL = 3
LONGEST_PERIOD = 10_000.0
"""Of the sinusoids that tell positions (Vaswani et al. 2017, arXiv 1706.03762)."""
POSITIONS = 1500
"""That Whisper knows, 30 s; later tokens stand at the last one."""


class EncoderLayer(nn.Module):
    """Self-attention and two linear layers, each beside what it gets, normalised before."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(
        self, x: Tensor, keys: Tensor, values: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Advance.

        Args:
            x: (batch, n, width)
            keys: (batch, heads, m, width / heads) of earlier tokens.
            values: of earlier tokens, too.
            bias: (batch, 1, n, m + n): 0 for whom is attended to, else minus infinity.

        Returns:
            (batch, n, width), and the keys and the values of all m + n tokens.
        """
        joined = self.query_key_value(self.attention_norm(x))
        by_head = torch.unflatten(joined, 2, (3, self._heads, -1)).permute(2, 0, 3, 1, 4)
        query, new_keys, new_values = by_head.contiguous()
        keys = torch.cat([keys, new_keys], dim=2)
        values = torch.cat([values, new_values], dim=2)
        x = x + self.attended(_attend(query, keys, values, bias))
        return x + self.narrow(F.gelu(self.widen(self.norm(x)))), keys, values


class SpeechTrunk(nn.Module):
    """Log-mel frames -> mean and deviation of the cells of its last layers, unit by unit."""

    _positions: Tensor
    """(POSITIONS, width): what is added to a token to tell its place."""

    def __init__(
        self,
        frames_per_unit: int,
        *,
        layers: int,
        described: int,
        width: int,
        heads: int,
        block: int,
        reach: int,
    ) -> None:
        """Make a trunk without weights.

        Args:
            frames_per_unit: an even number of frames.
            layers: how many.
            described: so many of the last layers are described.
            width: cells of a layer.
            heads: of the attention; ``width`` is a multiple of it.
            block: units that are heard together.
            reach: units that a token attends to, its block included.

        Raises:
            ValueError: sizes that do not go together.
        """
        super().__init__()
        if (
            frames_per_unit % FRAMES_PER_TOKEN
            or not 1 <= described <= layers
            or not 1 <= block <= reach
        ):
            raise ValueError("the trunk's sizes do not go together")
        self._unit = frames_per_unit // FRAMES_PER_TOKEN
        self._n_described = described
        self._block = block * self._unit
        self._reach = reach * self._unit
        self._kept = self._reach - self._unit
        self._width = width
        self._heads = heads
        self.width = 2 * described * width
        """Values that describe a unit."""
        self.first = nn.Linear(KERNEL * TRUNK_BANDS, width)
        self.second = nn.Linear(KERNEL * width, width)
        """Convolutions over time, as products with frames side by side."""
        self.layers = nn.ModuleList(EncoderLayer(width, heads) for _ in range(layers))
        self.register_buffer("_positions", _sinusoids(POSITIONS, width), persistent=False)
        self.requires_grad_(False)

    def initial_state(self, batch_size: int, device: torch.device) -> State:
        """All zeros: no token yet."""

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(batch_size, *shape, device=device, dtype=self._positions.dtype)

        return {
            "trunk_tokens": torch.zeros(batch_size, device=device),
            "trunk_frames": zeros(KERNEL - 1, TRUNK_BANDS),
            "trunk_found": zeros(KERNEL - FRAMES_PER_TOKEN, self._width),
        } | {
            key: zeros(self._heads, self._kept, self._width // self._heads)
            for number in range(len(self.layers))
            for key in _past(number)
        }

    @torch.no_grad()
    def step(
        self, frames: Tensor, state: State, units: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Advance by whole units.

        Args:
            frames: (batch, n * frames_per_unit, TRUNK_BANDS).
            state: left unchanged.
            units: (batch,) how many of the n count; None: all. What follows them is not heard, and
                the state after it is of no use.

        Returns:
            (batch, n, width): the means, then the deviations within the unit; and the state after.
        """
        frames = frames.to(self._positions.dtype)
        joined = torch.cat([state["trunk_frames"], frames], dim=1)
        found = F.gelu(self.first(_side_by_side(joined, 1)))
        found = torch.cat([state["trunk_found"], found], dim=1)
        x = F.gelu(self.second(_side_by_side(found, FRAMES_PER_TOKEN)))
        before, n = state["trunk_tokens"], x.shape[1]
        place = before[:, None] + torch.arange(n, device=x.device)
        x = x + self._positions[place.clamp(max=POSITIONS - 1).long()]
        bias = self._bias(place, before + (n if units is None else units * self._unit))
        after: State = {}
        outputs: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            past = _past(number)
            x, *all_tokens = layer(x, *(state[key] for key in past), bias)
            after |= {key: found[:, :, n:] for key, found in zip(past, all_tokens, strict=True)}
            outputs.append(x)
        cells = torch.unflatten(
            torch.cat(outputs[-self._n_described :], dim=2).float(), 1, (-1, self._unit)
        )
        mean = cells.mean(dim=2, keepdim=True)
        deviation = (cells - mean).square_().mean(dim=2).sqrt_()
        return torch.cat([mean[:, :, 0], deviation], dim=2), after | {
            "trunk_frames": joined[:, joined.shape[1] - (KERNEL - 1) :],
            "trunk_found": found[:, -1:],
            "trunk_tokens": before + n,
        }

    def _bias(self, place: Tensor, end: Tensor) -> Tensor:
        """(batch, 1, n, kept + n): minus infinity for what is out of reach, later than the block or
        before the start.

        Args:
            place: (batch, n) of the tokens.
            end: (batch,) how many tokens there are, without padding.
        """
        last = (torch.floor(place / self._block) + 1.0) * self._block
        last = last.minimum(end[:, None])[..., None]
        keys = torch.arange(-self._kept, place.shape[1], device=place.device)
        key = (place[:, :1] + keys)[:, None]
        heard = (key < last) & (key >= (last - self._reach).clamp(min=0.0))
        return torch.zeros(heard.shape, device=heard.device).masked_fill_(~heard, -torch.inf)[
            :, None
        ]


def _attend(query: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
    """Scaled dot-product attention: (batch, heads, n, size) queries -> (batch, n, heads * size).

    As products of all heads at once with weights in float32: for many streams in bfloat16 two to
    three times as fast as torch's own on a CPU, and no slower in float32.
    """
    batch, heads, _, size = query.shape
    scores = torch.bmm(query.flatten(0, 1), keys.flatten(0, 1).transpose(1, 2))
    scores = torch.unflatten(scores, 0, (batch, heads))
    weights = torch.add(bias, scores, alpha=size**-0.5).softmax(dim=3).to(values.dtype)
    found = torch.bmm(weights.flatten(0, 1), values.flatten(0, 1))
    return torch.unflatten(found, 0, (batch, heads)).transpose(1, 2).flatten(2)


def _past(number: int) -> tuple[str, str]:
    """The state's keys for a layer's earlier tokens: keys, values."""
    return f"trunk_keys{number}", f"trunk_values{number}"


def _side_by_side(x: Tensor, step: int) -> Tensor:
    """(batch, n, width) -> (batch, m, KERNEL * width): every ``step``, neighbours as one row.

    As ``Tensor.unfold`` does it, but neighbour by neighbour, which copies whole stretches.
    """
    n = x.shape[1] - KERNEL + 1
    return torch.cat([x[:, tap : tap + n : step] for tap in range(KERNEL)], dim=2)


def _sinusoids(n: int, width: int) -> Tensor:
    """(n, width): sines, then cosines."""
    half = width // 2
    steps = torch.arange(half) / (half - 1)
    angle = torch.arange(n)[:, None] * torch.exp(-math.log(LONGEST_PERIOD) * steps)
    return torch.cat([angle.sin(), angle.cos()], dim=1)
