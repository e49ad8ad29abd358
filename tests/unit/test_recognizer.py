from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from realtime_ser.errors import ConfigError
from realtime_ser.fusion import Fusion, FusionConfig, fuse, mean_logits, weighted_sums
from realtime_ser.models import load_model
from realtime_ser.recognizer import NetworkRecognizer, choose_device
from realtime_ser.slots import AT_A_TIME
from realtime_ser.state import State
from realtime_ser.types import AudioArray, Prediction
from tests.models import save_untrained
from tests.signals import speech_like

CPU = torch.device("cpu")


def made(folder: Path, kind: str) -> NetworkRecognizer:
    voice = 8 if kind == "with trunk" else 0
    model = load_model(save_untrained(folder / "model", voice=voice))
    return NetworkRecognizer(model, CPU, window=1.0)


@pytest.fixture(params=["without trunk", "with trunk"])
def recognizer(tmp_path: Path, request: pytest.FixtureRequest) -> NetworkRecognizer:
    return made(tmp_path, request.param)


@pytest.fixture
def forgetting(tmp_path: Path) -> NetworkRecognizer:
    return made(tmp_path, "without trunk")


@pytest.fixture
def adapting(tmp_path: Path) -> NetworkRecognizer:
    return made(tmp_path, "with trunk")


def alone(recognizer: NetworkRecognizer, pieces: list[AudioArray]) -> list[Prediction]:
    slot = recognizer.open()
    recognizer.begin(slot)
    found = [recognizer.step([slot], [piece])[0] for piece in pieces]
    recognizer.close(slot)
    return found


def cut(samples: AudioArray, units: list[int], unit: int) -> list[AudioArray]:
    ends = np.cumsum(units) * unit
    return [samples[end - n * unit : end] for n, end in zip(units, ends, strict=True)]


def close(a: Prediction, b: Prediction) -> bool:
    return bool(
        np.allclose(a.window, b.window, atol=1e-5)
        and np.allclose(a.utterance, b.utterance, atol=1e-5)
        and np.allclose(a.scales, b.scales, atol=1e-5)
    )


def test_streaming_equals_offline(recognizer: NetworkRecognizer) -> None:
    samples = speech_like(2.4)
    unit = recognizer.unit_samples
    (whole,) = alone(recognizer, [samples])
    for split in ([5, 5, 5, 5, 4], [10, 5, 9], [20, 4]):
        assert close(alone(recognizer, cut(samples, split, unit))[-1], whole)


def test_batched_equals_single_though_lengths_and_phases_differ(
    recognizer: NetworkRecognizer,
) -> None:
    unit = recognizer.unit_samples
    splits = [[5, 5, 5], [3, 5, 2], [5, 1, 9], [1, 1, 1], [5, 5, 1], [2, 2, 2]]
    audio = [cut(speech_like(1.6, seed=i), s, unit) for i, s in enumerate(splits)]
    slots = [recognizer.open() for _ in splits]
    for slot in slots:
        recognizer.begin(slot)
    for step in range(3):
        order = slots if step % 2 else slots[::-1]
        pieces = [audio[slots.index(slot)][step] for slot in order]
        answers = dict(zip(order, recognizer.step(order, pieces), strict=True))
    for i, slot in enumerate(slots):
        assert close(answers[slot], alone(recognizer, audio[i])[-1])


@pytest.mark.parametrize("adapt", [True, False])
def test_a_piece_that_ends_a_segment_shares_a_pass_and_hears_nothing_beside_itself(
    tmp_path: Path, *, adapt: bool
) -> None:
    """Of a segment that goes on, of shorter and longer last ones, and what comes after them."""
    model = load_model(save_untrained(tmp_path / "model", voice=8))
    recognizer = NetworkRecognizer(model, CPU, window=1.0, adapt=adapt)
    unit = recognizer.unit_samples
    splits = [[5, 5, 5], [5, 2, 5], [5, 4, 5], [5, 7, 5], [5, 1, 5]]
    ends = [[False] * 3, *([[False, True, True]] * 4)]
    audio = [cut(speech_like(1.8, seed=i), s, unit) for i, s in enumerate(splits)]

    def hear(members: list[int]) -> list[list[Prediction]]:
        slots = [recognizer.open() for _ in members]
        found = [
            recognizer.step(slots, [audio[i][k] for i in members], [ends[i][k] for i in members])
            for k in range(3)
        ]
        for slot in slots:
            recognizer.close(slot)
        return found

    together = hear(list(range(len(splits))))
    for i in range(len(splits)):
        for answers, (answer,) in zip(together, hear([i]), strict=True):
            assert close(answers[i], answer)
            assert answers[i].adapted == pytest.approx(answer.adapted)
            np.testing.assert_allclose(
                answers[i].detail.embedding, answer.detail.embedding, atol=1e-5
            )


def test_a_stream_that_is_not_due_is_left_alone(recognizer: NetworkRecognizer) -> None:
    unit = recognizer.unit_samples
    first, second = cut(speech_like(1.0), [5, 5], unit)
    waiting, busy = recognizer.open(), recognizer.open()
    recognizer.step([waiting], [first])
    for seed in range(3):
        recognizer.step([busy], [speech_like(0.5, seed=seed)])
    (answer,) = recognizer.step([waiting], [second])
    assert close(answer, alone(recognizer, [first, second])[-1])


def test_a_new_segment_forgets_the_one_before(forgetting: NetworkRecognizer) -> None:
    slot = forgetting.open()
    forgetting.step([slot], [speech_like(2.0, seed=1)])
    forgetting.begin(slot)
    (answer,) = forgetting.step([slot], [speech_like(1.0)])
    assert close(answer, alone(forgetting, [speech_like(1.0)])[-1])
    assert answer.adapted == 0.0


def test_a_new_segment_remembers_the_speaker(adapting: NetworkRecognizer) -> None:
    slot = adapting.open()
    adapting.begin(slot)
    (first,) = adapting.step([slot], [speech_like(2.0, seed=1)])
    adapting.begin(slot)
    (second,) = adapting.step([slot], [speech_like(1.0)])
    assert (first.adapted, second.adapted) == (0.0, pytest.approx(2.0))
    assert not close(second, alone(adapting, [speech_like(1.0)])[-1])
    adapting.begin(slot)
    (third,) = adapting.step([slot], [speech_like(1.0)])
    assert third.adapted == pytest.approx(3.0)


def test_one_that_is_not_to_adapt_hears_every_segment_as_the_first(tmp_path: Path) -> None:
    model = load_model(save_untrained(tmp_path / "model", voice=8))
    recognizer = NetworkRecognizer(model, CPU, window=1.0, adapt=False)
    slot, piece = recognizer.open(), speech_like(1.0)[: 10 * recognizer.unit_samples]
    found = []
    for _ in range(2):
        recognizer.begin(slot)
        found.append(recognizer.step([slot], [piece])[0])
    assert close(*found)
    assert [one.adapted for one in found] == [0.0, 0.0]


def test_a_segment_is_not_compared_with_itself(adapting: NetworkRecognizer) -> None:
    """However it is cut, and though a stream beside it has a past of its own."""
    unit = adapting.unit_samples
    past, now = speech_like(2.0, seed=1), speech_like(1.2, seed=2)
    answers = []
    for split in ([12], [5, 5, 2]):
        slot, other = adapting.open(), adapting.open()
        adapting.begin(slot)
        adapting.step([slot], [past])
        adapting.step([other], [speech_like(1.0, seed=9)])
        adapting.begin(slot)
        for piece in cut(now, split, unit):
            answer = adapting.step([other, slot], [piece, piece])[1]
        answers.append(answer)
        adapting.close(slot)
        adapting.close(other)
    assert close(*answers)


def known_speaker(recognizer: NetworkRecognizer) -> State:
    """What is remembered of somebody after some sentences."""
    slot = recognizer.open()
    for seed in range(2):
        recognizer.begin(slot)
        recognizer.step([slot], [speech_like(2.0, seed=seed)])
    return recognizer.memory(slot)


def test_a_stream_starts_from_what_is_known_of_its_speaker(
    adapting: NetworkRecognizer, tmp_path: Path
) -> None:
    known = known_speaker(adapting)
    again = NetworkRecognizer(load_model(tmp_path / "model"), CPU, 1.0, known)
    assert alone(again, [speech_like(1.0)])[0].adapted == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("key", "damage"),
    [
        ("speaker_units", lambda x: x - 1000.0),
        ("speaker_units", lambda x: x + 1e30),
        ("speaker_weight", lambda x: -x),
        ("speaker_weight", lambda x: x + 1e30),
        ("speaker_squares", lambda x: -x - 1.0),
        ("speaker_squares", lambda x: x + 1e30),
        ("speaker_sums", lambda x: x - 1e30),
        ("speaker_sums", lambda x: x * torch.nan),
        ("block_units", lambda x: x - 1000.0),
        ("block_weight", lambda x: x - 1000.0),
        ("block_sums", lambda x: x + 1e30),
        ("block_squares", lambda x: x - 1000.0),
        ("speaker_sums", lambda x: x[..., :-1]),
        ("speaker_sums", lambda x: x.double()),
        ("speaker_sums", lambda x: x > 0.0),
        ("more", lambda _: torch.zeros(1)),
        ("speaker_units", None),
        (None, None),
    ],
)
def test_a_memory_that_no_speech_leaves_is_refused(
    adapting: NetworkRecognizer,
    tmp_path: Path,
    key: str | None,
    damage: Callable[[torch.Tensor], torch.Tensor] | None,
) -> None:
    known = {} if key is None else known_speaker(adapting)
    if key is not None:
        damaged = None if damage is None else damage(known.get(key, torch.zeros(1)))
        known = {k: v for k, v in (known | {key: damaged}).items() if v is not None}
    model = load_model(tmp_path / "model")
    with pytest.raises(ConfigError, match=r"baseline is damaged or does not fit .* again"):
        NetworkRecognizer(model, CPU, 1.0, known)


def test_a_slot_given_back_comes_out_clean(recognizer: NetworkRecognizer) -> None:
    slot = recognizer.open()
    recognizer.step([slot], [speech_like(1.0, seed=3)])
    recognizer.close(slot)
    assert recognizer.open() == slot
    (answer,) = recognizer.step([slot], [speech_like(1.0)])
    assert close(answer, alone(recognizer, [speech_like(1.0)])[-1])


def test_the_window_looks_back_only_so_far(recognizer: NetworkRecognizer) -> None:
    """Evidence older than the window weighs nothing; the utterance keeps it."""
    answers = alone(recognizer, [speech_like(0.5, seed=i) for i in range(4)])
    assert np.allclose(answers[1].window, answers[1].utterance, atol=1e-5)
    assert not np.allclose(answers[3].window, answers[3].utterance, atol=1e-6)


def test_probabilities_are_probabilities(recognizer: NetworkRecognizer) -> None:
    (answer,) = alone(recognizer, [speech_like(1.0)])
    assert answer.window.sum() == pytest.approx(1.0, abs=1e-5)
    assert answer.utterance.sum() == pytest.approx(1.0, abs=1e-5)
    assert np.allclose(answer.scales.sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("length", [0, 1, 1601])
def test_pieces_are_whole_units(recognizer: NetworkRecognizer, length: int) -> None:
    with pytest.raises(ValueError, match="not a multiple of a unit"):
        recognizer.step([recognizer.open()], [np.zeros(length, np.float32)])


def test_silence_gives_finite_scores(recognizer: NetworkRecognizer) -> None:
    (answer,) = alone(recognizer, [np.zeros(16_000, np.float32)])
    assert np.isfinite(answer.window).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_equals_cpu(tmp_path: Path) -> None:
    folder = save_untrained(tmp_path / "model", voice=8)
    answers = [
        alone(NetworkRecognizer(load_model(folder), torch.device(name), 1.0), [speech_like(2.0)])[0]
        for name in ("cpu", "cuda")
    ]
    assert np.allclose(answers[0].window, answers[1].window, atol=1e-3)


def test_a_device_that_is_not_there_is_said() -> None:
    missing = next(
        name
        for name, there in (
            ("cuda", torch.cuda.is_available()),
            ("mps", torch.backends.mps.is_available()),
        )
        if not there
    )
    with pytest.raises(ConfigError, match=f"device {missing}: not available"):
        choose_device(missing)


def test_weights_of_units_make_a_weighted_mean() -> None:
    evidence = torch.tensor([[[2.0, 0.0, 0.0]], [[0.0, 2.0, float(np.log(3.0))]]])
    mean = mean_logits(weighted_sums(evidence).sum(dim=0))
    torch.testing.assert_close(mean, torch.tensor([[0.5, 1.5]]))


def test_fusion_weighs_scales_and_temperature_softens() -> None:
    scores = torch.tensor([[[0.9, 0.1], [0.2, 0.8]]])
    nobody = torch.zeros(1)
    sharp = fuse(scores, Fusion((0.75, 0.25), 1.0), Fusion((0.0, 1.0), 9.0), nobody)
    torch.testing.assert_close(sharp, torch.tensor([[0.725, 0.275]]))
    soft = fuse(scores, Fusion((0.75, 0.25), 2.0), Fusion((0.0, 1.0), 9.0), nobody)
    assert 0.5 < soft[0, 0] < sharp[0, 0]


def test_fusion_goes_from_the_strangers_to_the_speakers() -> None:
    scores = torch.tensor([[0.9, 0.1], [0.2, 0.8]]).expand(3, 2, 2)
    parts = Fusion((1.0, 0.0), 1.0), Fusion((0.0, 1.0), 1.0)
    config = FusionConfig(*parts, *parts, half=20.0)
    known = config.known(torch.tensor([0.0, 20.0, 1e9]))
    assert known.tolist() == [0.0, 0.5, 1.0]
    found = fuse(scores, *parts, known)
    torch.testing.assert_close(found[:, 0], torch.tensor([0.9, 0.55, 0.2]))


def test_a_stream_between_two_segments_holds_its_speaker_only(
    adapting: NetworkRecognizer,
) -> None:
    piece = speech_like(0.5)
    slots = [adapting.open() for _ in range(30)]
    for slot in slots:  # one after the other: they share a place among the segments
        adapting.begin(slot)
        adapting.step([slot], [piece])
        known = adapting.memory(slot)
        adapting.finish([slot])
        for key, value in adapting.memory(slot).items():
            torch.testing.assert_close(value, known[key])
    assert adapting._segments.open() < AT_A_TIME, "each took a place of its own"


def test_bfloat16_says_nearly_the_same(tmp_path: Path) -> None:
    full = made(tmp_path, "with trunk")
    light = NetworkRecognizer(load_model(tmp_path / "model"), CPU, 1.0, bfloat16=True)
    pieces = [speech_like(0.5, seed=i) for i in range(4)]
    for one, other in zip(alone(full, pieces), alone(light, pieces), strict=True):
        np.testing.assert_allclose(one.window, other.window, atol=0.03)
