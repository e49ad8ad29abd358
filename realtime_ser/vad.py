"""[3] Is this block of 32 ms speech?

``Vad`` holds what streams share (settings, weights); ``VadStream`` is what one stream remembers.

Backends:
    webrtc: Gaussian mixtures on six bands (the VAD of WebRTC). Cheap, but takes steady noise and
        tones for speech. The probability is the share of the block that its 10 ms frames call
        voiced.
    silero: a small recurrent network (see ``silero.py``) that rejects noise, tones and music,
        heard at the voice's own pitch and, for voices too high for it, at ``second_pitch``. It
        rests in steady noise and in silence: once it has taken ``_HANGOVER`` blocks no louder than
        the noise for no speech, the probability is 0 until a block is louder; then the network
        runs over the ``_WARM_UP`` blocks before and judges again.
    cascade: webrtc is the gate, silero the judge. While webrtc has heard nothing for more than
        ``_HANGOVER`` blocks the probability is 0 and the network rests; in the block in which
        webrtc hears something again, the network runs over the ``_WARM_UP`` blocks before and
        then judges. With the gate open the probability is silero's alone, at both pitches; what the
        gate saves is the network's cost in quiet.

All of them hear the stream at a level of its own (``gain.py``), so that a microphone turned up or
down changes nothing.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import numpy.typing as npt
import webrtcvad

from realtime_ser.gain import AutomaticGain, Heard
from realtime_ser.silero import BLOCK, CONTEXT, STATE, SileroVad
from realtime_ser.types import SAMPLE_RATE, AudioArray, SpeechDecision

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from realtime_ser.config import VadConfig

_WEBRTC_FRAME: Final = 160
_HANGOVER: Final = 12
_WARM_UP: Final = 8
_LOUDER: Final = 3.0
"""dB above the noise from which on a sound may be speech."""
_NO_SPEECH: Final = 0.1
"""Probability below which the network is sure that nobody speaks."""
_AT_ONCE: Final = 16
"""Blocks encoded together, of which some may turn out to lie in a rest."""

Probabilities = npt.NDArray[np.float32]


class _Detector(Protocol):
    """One stream's memory of one backend."""

    def __call__(self, heard: Heard) -> Probabilities:
        """n consecutive blocks of BLOCK samples -> (n,) probabilities of speech."""


class Vad:
    """What the streams of one configuration share.

    Raises:
        ModelError: the backend needs the silero weights and they are not installed.
    """

    def __init__(self, config: VadConfig) -> None:
        self._config = config
        pitches = (1.0,) if config.second_pitch == 1.0 else (1.0, config.second_pitch)
        self._silero = None if config.backend == "webrtc" else SileroVad(pitches)

    def stream(self) -> VadStream:
        """A stream that starts at sample 0."""
        return VadStream(self)

    def detector(self) -> _Detector:
        """A backend that has heard nothing yet."""
        if self._silero is None:
            return _Webrtc(self._config.webrtc_mode)
        if self._config.backend == "silero":
            return _Resting(self._silero)
        return _Cascade(_Webrtc(self._config.webrtc_mode), self._silero)


def make_vad(config: VadConfig) -> Vad:
    """The voice activity detector that ``config`` asks for.

    Raises:
        ModelError: the backend needs the silero weights and they are not installed.
    """
    return Vad(config)


class VadStream:
    """One stream: audio in blocks of any size in, a decision for every 512 samples out.

    How the audio is cut into pushes changes no sample index, and no probability by more than
    rounding (1e-5).
    """

    def __init__(self, vad: Vad) -> None:
        self._vad = vad
        self._gain = AutomaticGain()
        self._detector = vad.detector()
        self._position = 0
        self._rest: AudioArray = np.zeros(0, dtype=np.float32)

    def push(self, samples: AudioArray) -> list[SpeechDecision]:
        """Take the next (n,) samples; decisions on the blocks that they complete."""
        audio = np.concatenate([self._rest, samples.astype(np.float32, copy=False)])
        whole = len(audio) // BLOCK
        self._rest = audio[whole * BLOCK :].copy()
        return self._decide(audio[: whole * BLOCK].reshape(whole, BLOCK))

    def flush(self) -> list[SpeechDecision]:
        """The audio ends or is interrupted: decide on what is left, as if silence followed."""
        rest = self._rest
        if len(rest) == 0:
            return []
        self._rest = rest[:0]
        (decision,) = self._decide(np.pad(rest, (0, BLOCK - len(rest))).reshape(1, BLOCK))
        self._position = decision.start_sample + len(rest)
        return [SpeechDecision(decision.start_sample, self._position, decision.probability)]

    def skip_to(self, sample: int) -> None:
        """The next pushed sample has this index; what was heard before is forgotten."""
        self._gain = AutomaticGain()
        self._detector = self._vad.detector()
        self._position = sample
        self._rest = self._rest[:0]

    def _decide(self, blocks: AudioArray) -> list[SpeechDecision]:
        if len(blocks) == 0:
            return []
        decisions = []
        for probability in self._detector(self._gain(blocks)).tolist():
            end = self._position + BLOCK
            decisions.append(SpeechDecision(self._position, end, probability))
            self._position = end
        return decisions


def decide_all(
    heard: Sequence[tuple[VadStream, AudioArray]],
) -> list[list[SpeechDecision]]:
    """``VadStream.push`` for many streams."""
    return [stream.push(samples) for stream, samples in heard]


class _Webrtc:
    def __init__(self, mode: int) -> None:
        self._vad = webrtcvad.Vad(mode)
        self._rest: npt.NDArray[np.int16] = np.zeros(0, dtype=np.int16)

    def __call__(self, heard: Heard) -> Probabilities:
        return np.array([self._block(block) for block in heard.blocks], dtype=np.float32)

    def _block(self, block: AudioArray) -> float:
        """The frames that are complete vote, each with the samples it shares with the block."""
        quantised = np.clip(np.rint(block * 32768.0), -32768, 32767).astype(np.int16)
        old = len(self._rest)
        audio = np.concatenate([self._rest, quantised])
        whole = len(audio) - len(audio) % _WEBRTC_FRAME
        voiced = 0
        for start in range(0, whole, _WEBRTC_FRAME):
            frame = audio[start : start + _WEBRTC_FRAME]
            if self._vad.is_speech(frame.tobytes(), SAMPLE_RATE):
                voiced += start + _WEBRTC_FRAME - max(start, old)
        self._rest = audio[whole:]
        return voiced / (whole - old)


class _Silero:
    """The network and what it remembers of one stream."""

    def __init__(self, network: SileroVad) -> None:
        self._network = network
        self._context: AudioArray = np.zeros(CONTEXT, dtype=np.float32)
        self._h = np.zeros((len(network.pitches), STATE), dtype=np.float32)
        self._c = np.zeros((len(network.pitches), STATE), dtype=np.float32)

    def __call__(self, blocks: AudioArray) -> Iterator[float]:
        """Probability of speech in each of consecutive (n, BLOCK) blocks: the highest of pitches.

        What is not asked for has not been heard.
        """
        before = np.concatenate([self._context[None], blocks[:-1, -CONTEXT:]])
        encoded = self._network.encode(np.concatenate([before, blocks], axis=1))
        for block, gates in zip(blocks, encoded, strict=True):
            self._h, self._c = self._network.recur(gates, self._h, self._c)
            self._context = block[-CONTEXT:].copy()
            yield float(self._network.decide(self._h).max())


class _Resting:
    """The network alone, at rest where nothing is louder than the noise."""

    def __init__(self, network: SileroVad) -> None:
        self._judge = _Silero(network)
        self._quiet = 0
        self._missed: deque[AudioArray] = deque(maxlen=_WARM_UP)

    def __call__(self, heard: Heard) -> Probabilities:
        louder = heard.above_noise > _LOUDER
        probabilities = np.zeros(len(louder), dtype=np.float32)
        i = 0
        while i < len(louder):
            if self._quiet < _HANGOVER:
                for probability in self._judge(heard.blocks[i : i + _AT_ONCE]):
                    probabilities[i] = probability
                    certain = probability < _NO_SPEECH and not louder[i]
                    self._quiet = self._quiet + 1 if certain else 0
                    i += 1
                    if self._quiet == _HANGOVER:
                        break
            elif louder[i]:
                self._wake()
            else:
                self._missed.append(heard.blocks[i])
                i += 1
        return probabilities

    def _wake(self) -> None:
        self._quiet = 0
        if self._missed:
            list(self._judge(np.stack(self._missed)))
            self._missed.clear()


class _Cascade:
    def __init__(self, gate: _Webrtc, network: SileroVad) -> None:
        self._gate = gate
        self._network = network
        self._judge: _Silero | None = None
        self._quiet = 0
        self._recent: deque[AudioArray] = deque(maxlen=_WARM_UP)

    def __call__(self, heard: Heard) -> Probabilities:
        blocks, voiced = heard.blocks, self._gate(heard) > 0.0
        probabilities = np.zeros(len(blocks), dtype=np.float32)
        run = 0  # first block of the run that the judge has not heard yet
        for i, block in enumerate(blocks):
            if voiced[i]:
                self._quiet = 0
                if self._judge is None:
                    self._judge = _Silero(self._network)
                    if self._recent:
                        list(self._judge(np.stack(self._recent)))
                    run = i
            else:
                self._quiet += 1
                if self._judge is not None and self._quiet > _HANGOVER:
                    if i > run:
                        probabilities[run:i] = list(self._judge(blocks[run:i]))
                    self._judge = None
            self._recent.append(block)
        if self._judge is not None:
            probabilities[run:] = list(self._judge(blocks[run:]))
        return probabilities
