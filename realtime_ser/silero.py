"""The Silero voice activity network for 16 kHz, in numpy.

The weights are those inside the ``silero-vad`` wheel (MIT licence, Copyright (c) 2020-present
Silero Team, https://github.com/snakers4/silero-vad); the package itself is not imported, because
its import takes seconds. The network follows the wheel's own description of it: 64 samples of
context before each block of 512, a short-time Fourier transform (window 256, step 128; there it is
a convolution), four convolutions, an LSTM cell and one sigmoid.

It is written as numpy matrix products, because on arrays this small torch takes twice the time, and
the wheel's own TorchScript four times.

It knows few voices as high as a woman's who shouts, and may not take one for speech. So it can
listen at several pitches at once: bin k of the spectrum is then read at k / pitch, as if the voice
were that much lower. This is linear in the spectrum and so becomes part of the first convolution's
weights; a second pitch costs half as much time again, and no second transform.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file

from realtime_ser.errors import ModelError

BLOCK: Final = 512
"""Samples that one probability covers."""
CONTEXT: Final = 64
"""Samples of the previous block that the network sees again."""
STATE: Final = 128
"""Width of the recurrent state."""

_WEIGHTS = "data/silero_vad_16k.safetensors"
_FFT = 256
_FFT_STEP = 128
_BINS = _FFT // 2 + 1
_BATCH = 64
"""Blocks encoded at once: keeps the intermediate arrays of a long push small."""

_ONE = np.float32(1.0)
_HALF = np.float32(0.5)

FloatArray = npt.NDArray[np.float32]


class SileroVad:
    """Read-only weights; every method is a pure function and may be shared by threads.

    Args:
        pitches: what the voice's pitch is multiplied by before it is judged, up to 1; P of them.

    Raises:
        ModelError: the wheel's weights are missing or cannot be read.
    """

    def __init__(self, pitches: tuple[float, ...] = (1.0,)) -> None:
        self.pitches = pitches
        file = _weights_file()
        try:
            weights = load_file(file)
        except (OSError, SafetensorError) as error:
            raise ModelError(
                f"{file}: cannot be read ({error}); reinstall it with pip install silero-vad"
            ) from error
        # (in, out) matrices; a convolution's kernel becomes (taps x channels in, channels out).
        # The rows of this convolution are cosines and sines under a window; that of 0 Hz is the
        # window itself. A fast Fourier transform gives the same in less time.
        self._window = weights["stft_conv.weight"][0, 0].copy()
        first = _unrolled(weights["conv1.weight"], taps=(0, 1, 2))
        self._conv1 = np.concatenate([_at_pitch(first, pitch) for pitch in pitches], axis=1)
        self._conv2 = _unrolled(weights["conv2.weight"], taps=(0, 1, 2))
        # Only these taps ever meet something that is not zero padding.
        self._conv3 = _unrolled(weights["conv3.weight"], taps=(1, 2))
        self._conv4 = _unrolled(weights["conv4.weight"], taps=(1,))
        self._bias = {n: weights[f"conv{n}.bias"] for n in (1, 2, 3, 4)}
        self._bias[1] = np.tile(self._bias[1], len(pitches))
        # sigmoid(x) = (tanh(x / 2) + 1) / 2: with halved rows one tanh serves all four gates.
        half = np.full((4, STATE), 0.5, dtype=np.float32)
        half[2] = 1.0
        scale = half.reshape(-1, 1)
        self._input = np.ascontiguousarray((weights["lstm_cell.weight_ih"] * scale).T)
        self._recurrent = np.ascontiguousarray((weights["lstm_cell.weight_hh"] * scale).T)
        bias = weights["lstm_cell.bias_ih"] + weights["lstm_cell.bias_hh"]
        self._gate_bias = bias * scale[:, 0]
        self._out = weights["final_conv.weight"][0, :, 0]
        self._out_bias = weights["final_conv.bias"][0]

    def encode(self, blocks: FloatArray) -> FloatArray:
        """Everything before the recurrence.

        Args:
            blocks: (n, CONTEXT + BLOCK) samples at 16 kHz.

        Returns:
            (n, P, 4 * STATE) input part of the LSTM's gates, at each pitch.
        """
        parts = [self._encode(blocks[i : i + _BATCH]) for i in range(0, len(blocks), _BATCH)]
        nothing = np.zeros((0, len(self.pitches), 4 * STATE), dtype=np.float32)
        return np.concatenate(parts) if parts else nothing

    def recur(
        self, encoded: FloatArray, h: FloatArray, c: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """One step of the LSTM for n streams or pitches.

        Args:
            encoded: (n, 4 * STATE), rows of what ``encode`` gave.
            h: (n, STATE) output state.
            c: (n, STATE) cell state.

        Returns:
            New ``h`` and ``c``.
        """
        gates = np.tanh(encoded + _product(h, self._recurrent))
        gate_in, forget = gates[:, :STATE], gates[:, STATE : 2 * STATE]
        cell, gate_out = gates[:, 2 * STATE : 3 * STATE], gates[:, 3 * STATE :]
        new_c = _HALF * ((forget + _ONE) * c + (gate_in + _ONE) * cell)
        return _HALF * (gate_out + _ONE) * np.tanh(new_c), new_c

    def decide(self, h: FloatArray) -> FloatArray:
        """(n, STATE) output states -> (n,) probabilities of speech."""
        score = np.maximum(h, 0.0) @ self._out + self._out_bias
        return np.asarray(0.5 * np.tanh(0.5 * score) + 0.5, dtype=np.float32)

    def _encode(self, blocks: FloatArray) -> FloatArray:
        n = len(blocks)
        mirrored = np.empty((n, 5, _FFT_STEP), dtype=np.float32)
        flat = mirrored.reshape(n, 5 * _FFT_STEP)
        flat[:, : CONTEXT + BLOCK] = blocks
        flat[:, CONTEXT + BLOCK :] = blocks[:, -2 : -2 - CONTEXT : -1]
        windows = np.empty((n, 4, _FFT), dtype=np.float32)
        windows[:, :, :_FFT_STEP] = mirrored[:, :4]
        windows[:, :, _FFT_STEP:] = mirrored[:, 1:]
        spectrum = np.fft.rfft(windows * self._window)
        magnitude = np.abs(spectrum).astype(np.float32, copy=False)

        # Each output position sees (before, here, after); what lies outside is zero.
        seen1 = np.zeros((n, 4, 3, _BINS), dtype=np.float32)
        seen1[:, 1:, 0] = magnitude[:, :3]
        seen1[:, :, 1] = magnitude
        seen1[:, :3, 2] = magnitude[:, 1:]
        x = self._layer(1, seen1.reshape(4 * n, -1), self._conv1)
        # From here on every pitch is a block of its own.
        pitches = len(self.pitches)
        n, width = n * pitches, x.shape[1] // pitches
        x = x.reshape(-1, 4, pitches, width).swapaxes(1, 2).reshape(n, 4 * width)
        seen2 = np.zeros((n, 2, 3 * width), dtype=np.float32)
        seen2[:, 0, width:] = x[:, : 2 * width]
        seen2[:, 1] = x[:, width:]
        x = self._layer(2, seen2.reshape(2 * n, -1), self._conv2).reshape(n, -1)
        x = self._layer(3, x, self._conv3)
        x = self._layer(4, x, self._conv4)
        x = _product(x, self._input)
        x += self._gate_bias
        return x.reshape(-1, pitches, 4 * STATE)

    def _layer(self, number: int, x: FloatArray, kernel: FloatArray) -> FloatArray:
        y: FloatArray = x @ kernel
        y += self._bias[number]
        return np.maximum(y, np.float32(0.0), out=y)


def _product(x: FloatArray, matrix: FloatArray) -> FloatArray:
    """``x @ matrix``; a live stream has two rows, which take half of the time one by one."""
    return np.stack([x[0] @ matrix, x[1] @ matrix]) if len(x) == 2 else x @ matrix


def _unrolled(kernel: FloatArray, taps: tuple[int, ...]) -> FloatArray:
    """(out, in, 3) kernel -> (taps x in, out) matrix."""
    return np.ascontiguousarray(np.concatenate([kernel[:, :, tap].T for tap in taps]))


def _at_pitch(kernel: FloatArray, pitch: float) -> FloatArray:
    """(3 taps x _BINS, out) matrix that reads bin k of a spectrum at k / pitch, interpolated."""
    read = np.arange(_BINS) / pitch
    below = np.floor(read).astype(int)
    lower = np.zeros((_BINS + 1, _BINS), dtype=np.float32)
    for k in np.flatnonzero(below < _BINS):
        lower[below[k], k] = 1.0 - (read[k] - below[k])
        lower[below[k] + 1, k] = read[k] - below[k]
    return np.concatenate([lower[:_BINS] @ tap for tap in np.split(kernel, 3)])


def _weights_file() -> Path:
    spec = importlib.util.find_spec("silero_vad")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        if (file := Path(folder) / _WEIGHTS).is_file():
            return file
    raise ModelError(
        "silero-vad: its weights are not installed; install them with pip install silero-vad"
        " or set vad.backend = webrtc"
    )
