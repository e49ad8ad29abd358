"""G.711, the telephone's two codes of 8 bits a sample: mu-law and A-law (ITU-T G.711, 1988).

The inner values are those of ITU-T G.191's 14-bit mu-law and 13-bit A-law, scaled to 16 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from realtime_ser.types import AudioArray

Law = Literal["mulaw", "alaw"]
Codes = npt.NDArray[np.uint8]

_FULL_SCALE = 32768.0
_MULAW_BIAS = 132
_MULAW_CLIP = 32635


def decode(codes: Codes, law: Law) -> AudioArray:
    """Codes of any shape -> samples of that shape within [-1, 1]."""
    return _TABLES[law][codes]


def encode(samples: AudioArray, law: Law) -> Codes:
    """Samples of any shape, clipped to [-1, 1] -> codes of that shape."""
    linear = np.clip(np.round(samples.astype(np.float64) * _FULL_SCALE), -32768, 32767)
    return _ENCODERS[law](linear.astype(np.int32))


def _mulaw_table() -> AudioArray:
    inverted = ~np.arange(256, dtype=np.uint8)
    mantissa = (inverted & 0x0F).astype(np.int32)
    exponent = (inverted >> 4 & 0x07).astype(np.int32)
    magnitude = ((mantissa * 8 + _MULAW_BIAS) << exponent) - _MULAW_BIAS
    return _signed(magnitude, negative=(inverted & 0x80) != 0)


def _alaw_table() -> AudioArray:
    toggled = np.arange(256, dtype=np.uint8) ^ 0x55
    mantissa = (toggled & 0x0F).astype(np.int32)
    exponent = (toggled >> 4 & 0x07).astype(np.int32)
    magnitude = np.where(
        exponent == 0,
        mantissa * 16 + 8,
        (mantissa * 16 + 0x108) << np.maximum(exponent - 1, 0),
    )
    return _signed(magnitude, negative=(toggled & 0x80) == 0)


def _signed(magnitude: npt.NDArray[np.int32], negative: npt.NDArray[np.bool_]) -> AudioArray:
    return (np.where(negative, -magnitude, magnitude) / _FULL_SCALE).astype(np.float32)


def _encode_mulaw(linear: npt.NDArray[np.int32]) -> Codes:
    negative = linear < 0
    magnitude = np.minimum(np.abs(linear), _MULAW_CLIP) + _MULAW_BIAS
    exponent = np.frexp(magnitude)[1] - 8  # the biased magnitude has 8 to 15 bits
    mantissa = magnitude >> (exponent + 3) & 0x0F
    codes: Codes = (np.where(negative, 0x80, 0) | exponent << 4 | mantissa).astype(np.uint8)
    return ~codes


def _encode_alaw(linear: npt.NDArray[np.int32]) -> Codes:
    negative = linear < 0
    # One's complement, so that -1 shares the innermost step with 0.
    magnitude = np.where(negative, ~linear, linear) >> 3
    exponent = np.maximum(np.frexp(magnitude)[1] - 5, 0)
    mantissa = magnitude >> np.maximum(exponent, 1) & 0x0F
    codes: Codes = (exponent << 4 | mantissa | np.where(negative, 0, 0x80)).astype(np.uint8)
    return codes ^ np.uint8(0x55)


_TABLES = {"mulaw": _mulaw_table(), "alaw": _alaw_table()}
_ENCODERS = {"mulaw": _encode_mulaw, "alaw": _encode_alaw}
