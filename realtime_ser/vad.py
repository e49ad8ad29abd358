"""[3] Is this block of 32 ms speech?

``Vad`` holds what streams share (settings, weights); ``VadStream`` is what one stream remembers.

Backends:
    webrtc: Gaussian mixtures on six bands (the VAD of WebRTC). Cheap, but takes steady noise and
        tones for speech. The probability is the share of the block that its 10 ms frames call
        voiced.
    silero: a small recurrent network (see ``silero.py``) that rejects noise, tones and music,
        heard at the voice's own pitch and, for voices too high for it, at ``second_pitch``. It
        rests in steady noise and in silence: once it has taken ``HANGOVER`` blocks no louder than
        the noise for no speech, the probability is 0 until a block is louder; then the network
        runs over the ``WARM_UP`` blocks before and judges again.
    cascade: webrtc is the gate, silero the judge. While webrtc has heard nothing for more than
        ``HANGOVER`` blocks the probability is 0 and the network rests; in the block in which
        webrtc hears something again, the network runs over the ``WARM_UP`` blocks before and
        then judges. With the gate open the probability is silero's alone, at both pitches; what the
        gate saves is the network's cost in quiet.

All of them hear the stream at a level of its own (``gain.py``), so that a microphone turned up or
down changes nothing.
"""

from __future__ import annotations

from collections import deque
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import numpy.typing as npt
import webrtcvad

from realtime_ser.gain import AutomaticGain, Heard, hear_all
from realtime_ser.resting import HANGOVER, WARM_UP, Judge, Resting, judge_all
from realtime_ser.silero import BLOCK, SileroVad
from realtime_ser.types import SAMPLE_RATE, AudioArray, SpeechDecision

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from realtime_ser.config import VadConfig

_WEBRTC_FRAME: Final = 160
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

    def judge(self, detectors: Sequence[_Detector], heard: Sequence[Heard]) -> list[list[float]]:
        """Probabilities of speech in the next blocks of each detector that is given."""
        resting = [detector for detector in detectors if isinstance(detector, Resting)]
        if self._silero is not None and len(resting) == len(detectors):
            return judge_all(self._silero, resting, heard)
        return [detector(one).tolist() for detector, one in zip(detectors, heard, strict=True)]

    def detector(self) -> _Detector:
        """A backend that has heard nothing yet."""
        if self._silero is None:
            return _Webrtc(self._config.webrtc_mode)
        if self._config.backend == "silero":
            return Resting(self._silero)
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
        self.vad = vad
        self.gain = AutomaticGain()
        self.detector = vad.detector()
        self._position = 0
        self._rest: AudioArray = np.zeros(0, dtype=np.float32)

    def push(self, samples: AudioArray) -> list[SpeechDecision]:
        """Take the next (n,) samples; decisions on the blocks that they complete."""
        return decide_all([(self, samples)])[0]

    def flush(self) -> list[SpeechDecision]:
        """The audio ends or is interrupted: decide on what is left, as if silence followed."""
        rest = self._rest
        if len(rest) == 0:
            return []
        ((decision,),) = decide_all([(self, np.zeros(BLOCK - len(rest), dtype=np.float32))])
        self._position = decision.start_sample + len(rest)
        return [SpeechDecision(decision.start_sample, self._position, decision.probability)]

    def judged_at(self, sample: int) -> int:
        """The sample at which a block ends that has ``sample``, and that is not judged yet."""
        blocks = max(1, -(-(sample - self._position) // BLOCK))
        return self._position + blocks * BLOCK

    def skip_to(self, sample: int) -> None:
        """The next pushed sample has this index; what was heard before is forgotten."""
        self.gain = AutomaticGain()
        self.detector = self.vad.detector()
        self._position = sample
        self._rest = self._rest[:0]

    def complete(self, samples: AudioArray) -> AudioArray:
        """(n, BLOCK): the blocks that the next samples complete; the rest is kept."""
        audio = np.concatenate([self._rest, samples.astype(np.float32, copy=False)])
        whole = len(audio) // BLOCK
        self._rest = audio[whole * BLOCK :].copy()
        return audio[: whole * BLOCK].reshape(whole, BLOCK)

    def decisions(self, probabilities: Iterable[float]) -> list[SpeechDecision]:
        """On the next blocks."""
        found = []
        for probability in probabilities:
            end = self._position + BLOCK
            found.append(SpeechDecision(self._position, end, probability))
            self._position = end
        return found


def decide_all(pushes: Sequence[tuple[VadStream, AudioArray]]) -> list[list[SpeechDecision]]:
    """``VadStream.push`` for many streams of one ``Vad`` at once: cheaper than one by one.

    Args:
        pushes: streams, each with its next (n,) samples.
    """
    parts = [stream.complete(samples) for stream, samples in pushes]
    counts = [len(part) for part in parts]
    if not sum(counts):
        return [[] for _ in pushes]
    streams = [stream for stream, _ in pushes]
    heard = hear_all([stream.gain for stream in streams], np.concatenate(parts), counts)
    ends = list(accumulate(counts))
    each = [
        Heard(heard.blocks[end - count : end], heard.above_noise[end - count : end])
        for count, end in zip(counts, ends, strict=True)
    ]
    probabilities = streams[0].vad.judge([stream.detector for stream in streams], each)
    return [s.decisions(p) for s, p in zip(streams, probabilities, strict=True)]


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


class _Cascade:
    def __init__(self, gate: _Webrtc, network: SileroVad) -> None:
        self._gate = gate
        self._network = network
        self._judge: Judge | None = None
        self._quiet = 0
        self._recent: deque[AudioArray] = deque(maxlen=WARM_UP)

    def __call__(self, heard: Heard) -> Probabilities:
        blocks, voiced = heard.blocks, self._gate(heard) > 0.0
        probabilities = np.zeros(len(blocks), dtype=np.float32)
        run = 0  # first block of the run that the judge has not heard yet
        for i, block in enumerate(blocks):
            if voiced[i]:
                self._quiet = 0
                if self._judge is None:
                    self._judge = Judge(self._network)
                    if self._recent:
                        self._judge(np.stack(self._recent))
                    run = i
            else:
                self._quiet += 1
                if self._judge is not None and self._quiet > HANGOVER:
                    if i > run:
                        probabilities[run:i] = self._judge(blocks[run:i])
                    self._judge = None
            self._recent.append(block)
        if self._judge is not None:
            probabilities[run:] = self._judge(blocks[run:])
        return probabilities
