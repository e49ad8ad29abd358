from __future__ import annotations

import importlib.util
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
import torch
import webrtcvad
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from realtime_ser.config import Config, VadConfig
from realtime_ser.errors import ModelError
from realtime_ser.gain import AutomaticGain, Heard
from realtime_ser.segments import Segmenter
from realtime_ser.silero import BLOCK, CONTEXT, STATE, SileroVad
from realtime_ser.types import SAMPLE_RATE, AudioArray, SpeechBoundary, SpeechStarted
from realtime_ser.vad import Vad, make_vad
from tests.signals import pink_noise, silence, speech_like, tone, white_noise

Backend = Literal["webrtc", "silero", "cascade"]
BACKENDS: tuple[Backend, ...] = ("webrtc", "silero", "cascade")
SHARED = Path(__file__).resolve().parents[3] / "shared"


def conversation() -> AudioArray:
    """Silence, speech, noise, speech; longer than the cascade's hangover between."""
    parts = [silence(1.0), speech_like(1.5), white_noise(1.0, dbfs=-50.0), silence(0.8)]
    return np.concatenate([*parts, speech_like(1.2, pitch=210.0, seed=1), silence(0.5)])


AUDIO = conversation()


@pytest.fixture(scope="module", params=BACKENDS)
def vad(request: pytest.FixtureRequest) -> Vad:
    return make_vad(VadConfig(backend=request.param))


def boundaries(vad: Vad, config: Config, audio: AudioArray) -> list[SpeechBoundary]:
    segmenter = Segmenter(config.segments, config.vad.threshold, config.vad.release)
    stream = vad.stream()
    decisions = stream.push(audio) + stream.flush()
    found = [boundary for decision in decisions for boundary in segmenter.push(decision)]
    return found + segmenter.flush()


def wheel(name: str) -> Path:
    """A file inside the silero-vad wheel, without importing it."""
    spec = importlib.util.find_spec("silero_vad")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "data" / name


def test_the_network_equals_the_wheels_own() -> None:
    """The wheel's TorchScript holds newer weights, so it is given those that this package uses."""
    weights = load_file(wheel("silero_vad_16k.safetensors"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        theirs = torch.jit.load(wheel("silero_vad.jit"))
    slots = [name for name in theirs.state_dict() if name.startswith("_model.")]
    assert len(slots) == len(weights)
    renamed = {
        "stft.forward_basis_buffer": "stft_conv.weight",
        **{f"encoder.{n}.reparam_conv.{k}": f"conv{n + 1}.{k}"
           for n in range(4) for k in ("weight", "bias")},
        **{f"decoder.rnn.{p}_{s}": f"lstm_cell.{p}_{s}"
           for p in ("weight", "bias") for s in ("ih", "hh")},
        "decoder.decoder.2.weight": "final_conv.weight",
        "decoder.decoder.2.bias": "final_conv.bias",
    }  # fmt: skip
    theirs.load_state_dict(
        {slot: weights[renamed[slot.removeprefix("_model.")]] for slot in slots}, strict=False
    )
    blocks = AutomaticGain()(AUDIO[: len(AUDIO) // BLOCK * BLOCK].reshape(-1, BLOCK)).blocks
    with torch.inference_mode():
        expected = [theirs(torch.from_numpy(block), SAMPLE_RATE).item() for block in blocks]
    found = by_the_network(SileroVad(), blocks)[:, 0]
    assert max(expected) > 0.9
    assert min(expected) < 0.1
    np.testing.assert_allclose(found, expected, atol=1e-4)


def by_the_network(network: SileroVad, blocks: AudioArray) -> AudioArray:
    """(n, BLOCK) consecutive blocks, every one of them heard -> (n, pitches) probabilities."""
    h = c = np.zeros((len(network.pitches), STATE), dtype=np.float32)
    found = []
    for encoded in network.encode(with_context(blocks)):
        h, c = network.recur(encoded, h, c)
        found.append(network.decide(h))
    return np.stack(found)


def test_a_second_pitch_changes_nothing_of_the_first() -> None:
    blocks = AutomaticGain()(AUDIO[: len(AUDIO) // BLOCK * BLOCK].reshape(-1, BLOCK)).blocks
    both = by_the_network(SileroVad((1.0, 0.75)), blocks)
    np.testing.assert_allclose(both[:, :1], by_the_network(SileroVad(), blocks), atol=1e-5)
    assert np.abs(both[:, 1] - both[:, 0]).max() > 0.1


def test_a_second_pitch_hears_a_voice_that_is_too_high() -> None:
    audio = np.concatenate([speech_like(1.5, pitch=700.0, seed=seed) for seed in range(6)])
    once, twice, cascade = (
        np.mean([d.probability > config.threshold for d in make_vad(config).stream().push(audio)])
        for config in (VadConfig(second_pitch=1.0), VadConfig(), VadConfig(backend="cascade"))
    )
    assert twice > once + 0.5
    assert cascade > once + 0.5


def with_context(blocks: AudioArray) -> AudioArray:
    """(n, BLOCK) -> (n, CONTEXT + BLOCK): each after the end of the one before."""
    flat = np.pad(blocks.ravel(), (CONTEXT, 0))
    return np.lib.stride_tricks.sliding_window_view(flat, CONTEXT + BLOCK)[::BLOCK]


def test_a_batch_of_streams_equals_each_alone() -> None:
    network = SileroVad()
    streams = [AUDIO[n * 7000 : n * 7000 + 20 * BLOCK] for n in range(16_000 // 7000, 7)]
    blocks = np.stack([with_context(AutomaticGain()(x.reshape(-1, BLOCK)).blocks) for x in streams])
    h = c = np.zeros((5, STATE), dtype=np.float32)
    together = []
    for index in range(20):
        h, c = network.recur(network.encode(blocks[:, index])[:, 0], h, c)
        probabilities = network.decide(h)
        together.append(probabilities)
    vad = make_vad(VadConfig(backend="silero", second_pitch=1.0))
    alone = [[d.probability for d in vad.stream().push(x)] for x in streams]
    np.testing.assert_allclose(np.array(together).T, alone, atol=1e-5)


def test_decisions_lie_end_to_end_and_cover_everything(vad: Vad) -> None:
    stream = vad.stream()
    audio = AUDIO[: 40 * BLOCK + 100]
    decisions = stream.push(audio)
    assert [d.start_sample for d in decisions] == [n * BLOCK for n in range(40)]
    assert [d.end_sample for d in decisions] == [(n + 1) * BLOCK for n in range(40)]
    (tail,) = stream.flush()
    assert (tail.start_sample, tail.end_sample) == (40 * BLOCK, len(audio))
    assert stream.flush() == []
    assert all(0.0 <= d.probability <= 1.0 for d in [*decisions, tail])


@given(sizes=st.lists(st.integers(0, 9000), min_size=1, max_size=12))
@settings(deadline=None, max_examples=15)
def test_any_block_size_equals_any_other(vad: Vad, sizes: list[int]) -> None:
    whole = vad.stream()
    expected = whole.push(AUDIO) + whole.flush()
    stream = vad.stream()
    found = []
    position = 0
    while position < len(AUDIO):
        for size in [*sizes, 1000]:
            found += stream.push(AUDIO[position : position + size])
            position += size
    found += stream.flush()
    assert [(d.start_sample, d.end_sample) for d in found] == [
        (d.start_sample, d.end_sample) for d in expected
    ]
    np.testing.assert_allclose(
        [d.probability for d in found], [d.probability for d in expected], atol=1e-5
    )


@pytest.mark.parametrize("decibels", [-20.0, 20.0])
def test_a_softer_or_louder_stream_is_the_same_speech(vad: Vad, decibels: float) -> None:
    audio = AUDIO + white_noise(len(AUDIO) / SAMPLE_RATE, dbfs=-50.0)
    other = (audio * np.float32(10.0 ** (decibels / 20.0))).astype(np.float32)
    found, expected = (
        [decision.probability for decision in vad.stream().push(one)] for one in (other, audio)
    )
    assert max(expected) > 0.9
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_nothing_looks_ahead(vad: Vad) -> None:
    audio = AUDIO.copy()
    before = vad.stream().push(audio)
    audio[60 * BLOCK :] = white_noise(len(audio) / SAMPLE_RATE)[60 * BLOCK :]
    after = vad.stream().push(audio)
    np.testing.assert_allclose(
        [d.probability for d in before[:60]], [d.probability for d in after[:60]], atol=1e-5
    )
    assert before[60:] != after[60:]


def test_streams_of_one_vad_do_not_disturb_each_other(vad: Vad) -> None:
    expected = vad.stream().push(AUDIO)
    one, other = vad.stream(), vad.stream()
    found = []
    for start in range(0, len(AUDIO), BLOCK):
        found += one.push(AUDIO[start : start + BLOCK])
        other.push(AUDIO[-start - BLOCK :][:BLOCK])
    np.testing.assert_allclose(
        [d.probability for d in found], [d.probability for d in expected], atol=1e-5
    )


def test_after_a_skip_a_stream_is_as_new(vad: Vad) -> None:
    stream = vad.stream()
    stream.push(AUDIO[:30_000])
    stream.skip_to(100_000)
    found = stream.push(AUDIO[:20_000])
    expected = vad.stream().push(AUDIO[:20_000])
    assert [d.start_sample for d in found] == [100_000 + d.start_sample for d in expected]
    assert [d.probability for d in found] == [d.probability for d in expected]


def test_webrtc_gives_the_share_of_voiced_frames() -> None:
    """Against a loop over the frames of the whole signal; a frame counts once it is complete."""
    vad = webrtcvad.Vad(1)
    heard = AutomaticGain()(AUDIO[: len(AUDIO) // BLOCK * BLOCK].reshape(-1, BLOCK)).blocks.ravel()
    pcm = np.rint(heard * 32768.0).astype(np.int16)
    voiced = np.repeat(
        [vad.is_speech(frame.tobytes(), SAMPLE_RATE) for frame in frames_of_10_ms(pcm)], 160
    )
    expected = [
        voiced[start : (start + BLOCK) // 160 * 160].mean()
        for start in range(0, len(AUDIO) - BLOCK + 1, BLOCK)
    ]
    stream = make_vad(VadConfig(backend="webrtc", webrtc_mode=1)).stream()
    found = [decision.probability for decision in stream.push(AUDIO)]
    assert len(set(expected)) > 3
    np.testing.assert_allclose(found, expected, atol=1e-6)


def frames_of_10_ms(pcm: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    return pcm[: len(pcm) // 160 * 160].reshape(-1, 160)


def test_samples_beyond_full_scale_are_clipped_not_wrapped() -> None:
    vad = make_vad(VadConfig(backend="webrtc", webrtc_mode=3))
    blocks = AUDIO[: 100 * BLOCK].reshape(-1, BLOCK)
    loud = 40.0 * blocks
    above = np.zeros(len(blocks), dtype=np.float32)
    found = [
        vad.detector()(Heard(heard, above)).tolist()
        for heard in (loud, np.clip(loud, -1.0, 1.0), blocks)
    ]
    assert found[0] == found[1]
    assert found[0] != found[2]


@pytest.mark.parametrize("pause", [silence(5.0), white_noise(5.0, dbfs=-50.0), tone(5.0, 440.0)])
def test_the_network_rests_in_steady_sounds(
    monkeypatch: pytest.MonkeyPatch, pause: AudioArray
) -> None:
    blocks = []
    encode = SileroVad.encode
    monkeypatch.setattr(
        SileroVad, "encode", lambda self, some: blocks.append(len(some)) or encode(self, some)
    )
    stream = make_vad(VadConfig(backend="silero")).stream()
    stream.push(pause[: 3 * SAMPLE_RATE])
    blocks.clear()
    stream.push(pause[3 * SAMPLE_RATE :])
    assert blocks == []


def test_a_rest_changes_nothing_of_the_speech_after_it() -> None:
    """Against the network that hears everything, at both pitches."""
    audio = np.concatenate([AUDIO, AUDIO])
    audio += white_noise(len(audio) / SAMPLE_RATE, dbfs=-60.0)
    blocks = AutomaticGain()(audio[: len(audio) // BLOCK * BLOCK].reshape(-1, BLOCK)).blocks
    expected = by_the_network(SileroVad((1.0, VadConfig().second_pitch)), blocks).max(axis=1)
    found = [d.probability for d in make_vad(VadConfig(backend="silero")).stream().push(audio)]
    rested = np.array(found[: len(expected)]) == 0.0
    assert rested.sum() > 20
    assert expected[rested].max() < 0.1
    np.testing.assert_allclose(
        np.array(found[: len(expected)])[~rested], expected[~rested], atol=0.05
    )


def test_the_cascade_rests_where_webrtc_hears_nothing() -> None:
    vad = make_vad(VadConfig(backend="cascade"))
    assert {d.probability for d in vad.stream().push(silence(3.0))} == {0.0}


def test_the_cascade_keeps_listening_through_short_pauses() -> None:
    """Many pauses, each shorter than the hangover, do not add up to a closed gate."""
    parts = [[speech_like(0.4, seed=n), silence(0.25)] for n in range(8)]
    audio = np.concatenate([part for pair in parts for part in pair])
    found = make_vad(VadConfig(backend="cascade")).stream().push(audio)
    expected = make_vad(VadConfig(backend="silero")).stream().push(audio)
    np.testing.assert_allclose(
        [d.probability for d in found], [d.probability for d in expected], atol=1e-5
    )


def test_the_cascade_agrees_with_silero_on_speech() -> None:
    config = Config()
    found, expected = (
        boundaries(make_vad(VadConfig(backend=backend)), config, AUDIO)
        for backend in ("cascade", "silero")
    )
    assert len(expected) == 4
    for one, other in zip(found, expected, strict=True):
        assert type(one) is type(other)
        assert sample_of(one) == pytest.approx(sample_of(other), abs=BLOCK)


def sample_of(boundary: SpeechBoundary) -> int:
    if isinstance(boundary, SpeechStarted):
        return boundary.start_sample
    return boundary.end_sample


@pytest.mark.parametrize(
    "audio",
    [
        silence(4.0),
        white_noise(4.0),
        pink_noise(4.0),
        tone(4.0, 440.0),
        tone(4.0, 150.0, dbfs=-6.0),
    ],
    ids=["silence", "white noise", "pink noise", "tone", "loud low tone"],
)
@pytest.mark.parametrize("backend", ["silero", "cascade"])
def test_what_is_not_speech_gives_no_segment(backend: Backend, audio: AudioArray) -> None:
    assert boundaries(make_vad(VadConfig(backend=backend)), Config(), audio) == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_speech_gives_a_segment_where_it_is(backend: Backend) -> None:
    audio = np.concatenate([silence(1.0), speech_like(2.0), silence(1.0)])
    found = boundaries(make_vad(VadConfig(backend=backend)), Config(), audio)
    assert len(found) == 2
    start, end = found
    assert isinstance(start, SpeechStarted)
    assert not isinstance(end, SpeechStarted)
    assert start.start_sample / SAMPLE_RATE == pytest.approx(1.0, abs=0.3)
    assert end.end_sample / SAMPLE_RATE == pytest.approx(3.0, abs=0.4)


@pytest.mark.shared
@pytest.mark.parametrize("emotion", ["ANG", "SAD", "NEU"])
def test_the_default_hears_an_actor(emotion: str) -> None:
    if not SHARED.is_dir():
        pytest.skip("needs the recordings in ../shared")
    soundfile = pytest.importorskip("soundfile")
    clips = sorted((SHARED / "corpora" / "crema-d").glob(f"1001_DFA_{emotion}_XX.opus"))
    audio, sample_rate = soundfile.read(clips[0], dtype="float32")
    assert sample_rate == SAMPLE_RATE
    padded = np.pad(audio, (SAMPLE_RATE, SAMPLE_RATE))
    config = Config()
    found = boundaries(make_vad(config.vad), config, padded)
    assert len(found) == 2
    assert isinstance(found[0], SpeechStarted)
    assert SAMPLE_RATE // 2 < found[0].start_sample < SAMPLE_RATE + len(audio)


@pytest.mark.shared
@pytest.mark.parametrize("kind", ["rain", "helicopter"])
def test_the_default_hears_nobody_in_recorded_noise(kind: str) -> None:
    if not SHARED.is_dir():
        pytest.skip("needs the recordings in ../shared")
    soundfile = pytest.importorskip("soundfile")
    config = Config()
    vad = make_vad(config.vad)
    for file in sorted((SHARED / "background" / "noise" / kind).iterdir())[:8]:
        audio, sample_rate = soundfile.read(file, dtype="float32")
        assert sample_rate == SAMPLE_RATE
        assert boundaries(vad, config, audio) == [], file.name


def test_missing_weights_are_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install silero-vad") as caught:
        make_vad(VadConfig(backend="silero"))
    assert "\n" not in str(caught.value)
    make_vad(VadConfig(backend="webrtc"))


def test_broken_weights_are_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "silero_vad" / "data"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "silero_vad_16k.safetensors").write_bytes(b"not weights")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match="cannot be read") as caught:
        make_vad(VadConfig(backend="silero"))
    assert "\n" not in str(caught.value)


def test_neither_torch_nor_the_silero_package_is_imported() -> None:
    code = (
        "import sys; from realtime_ser.vad import make_vad;"
        "from realtime_ser.config import VadConfig; make_vad(VadConfig(backend='cascade'));"
        "sys.exit(bool({'torch', 'silero_vad'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
