from __future__ import annotations

import hashlib
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
import tomli_w
import torch
from safetensors.torch import load, save

from realtime_ser.assembly import load_recognizer
from realtime_ser.config import load_config
from realtime_ser.errors import ConfigError, ModelError
from realtime_ser.features import FeatureConfig
from realtime_ser.fusion import Fusion, FusionConfig
from realtime_ser.models import (
    description_sha256,
    find_model,
    list_models,
    load_model,
    restore_rows,
    round_rows,
)
from realtime_ser.networks import build_network
from realtime_ser.networks.multiscale_config import MultiscaleLstmConfig
from realtime_ser.networks.multiscale_lstm import MultiscaleLstm
from tests.models import CLASSES, KNOWN, SMALL, STRANGER, save_untrained

ONE_SCALE = {
    "half": 10.0,
    **{
        key: {"weights": [1.0], "temperature": 1.0}
        for key in ("window", "window_known", "utterance", "utterance_known")
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_untrained(tmp_path / "model")


def edit(folder: Path, key: str, value: object) -> None:
    file = folder / "model.toml"
    content = tomllib.loads(file.read_text())
    content[key] = value
    file.write_text(tomli_w.dumps(content))


def test_what_is_saved_is_loaded(folder: Path) -> None:
    model = load_model(folder)
    assert model.classes == CLASSES
    assert model.fusion == FusionConfig(STRANGER, KNOWN, STRANGER, KNOWN, half=10.0)
    assert isinstance(model.network, torch.nn.Module)
    assert not model.network.training


def test_the_version_changes_with_anything_in_the_description(folder: Path) -> None:
    before = load_model(folder).version
    assert len(before) == 8
    assert before == description_sha256(folder)[:8]
    edit(folder, "scores", {"uar": 0.5})
    assert load_model(folder).version != before


def test_matrices_are_kept_as_bytes_and_the_rest_as_it_is(tmp_path: Path) -> None:
    folder = save_untrained(tmp_path / "model", voice=8)
    torch.manual_seed(0)
    network = build_network("multiscale_lstm", SMALL | {"voice": 8})
    matrices = {name for name, value in network.named_parameters() if value.ndim > 1}
    original = network.state_dict()
    stored = load((folder / "model.safetensors").read_bytes())
    loaded = load_model(folder).network.state_dict()  # type: ignore[attr-defined]
    assert set(loaded) == set(original)
    for name, value in loaded.items():
        assert stored[name].dtype == (torch.int8 if name in matrices else value.dtype), name
        assert value.dtype == original[name].dtype, name
        if name in matrices:
            step = original[name].flatten(1).abs().amax(dim=1) / 127
            error = (value - original[name]).flatten(1).abs().amax(dim=1)
            assert (error <= 0.51 * step).all(), name
        elif "running" not in name:
            torch.testing.assert_close(value, original[name])


def test_what_was_rounded_stays_as_it_is() -> None:
    matrix = restore_rows(*round_rows(torch.randn(7, 5, 3)))
    torch.testing.assert_close(restore_rows(*round_rows(matrix)), matrix, rtol=1e-6, atol=0.0)


def test_the_default_model_is_shipped_and_loads() -> None:
    assert "default" in [path.name for path in list_models()]
    assert load_model(find_model("default")).classes == CLASSES


def test_an_unknown_name_lists_the_shipped_ones() -> None:
    with pytest.raises(ModelError, match=r"'nonesuch'.*shipped models:.*default"):
        find_model("nonesuch")


def test_altered_weights_are_refused(folder: Path) -> None:
    file = folder / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(ModelError, match="sha256 differs"):
        load_model(folder)


def test_missing_weights_are_said(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors: cannot be read"):
        load_model(folder)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("format", 99, "format is 99, this version reads 4"),
        ("classes", ["angry", "bored"], "classes must be some of"),
        ("classes", ["angry", "sad"], "do not fit the network"),
        ("sample_rate", 8000, "sample_rate must be 16000"),
        ("network", "perceptron", "'perceptron' is unknown"),
        ("hyper", {"hidden": 11}, r"hyper\.n_classes is missing; train or install"),
        ("fusion", ONE_SCALE, "do not fit the network"),
        ("features", {"colour": 1}, "unknown key 'colour'"),
        ("hyper", 3, r"table \[hyper\] is missing"),
        ("classes", [["angry"], "sad"], "classes must be some of"),
        ("classes", ["angry", "angry", "sad", "fear", "happy", "neutral"], "each once"),
    ],
)
def test_a_foreign_description_is_refused(
    folder: Path, key: str, value: object, words: str
) -> None:
    edit(folder, key, value)
    with pytest.raises(ModelError, match=words):
        load_model(folder)


def test_weights_of_another_size_are_refused(folder: Path) -> None:
    edit(
        folder,
        "hyper",
        tomllib.loads((folder / "model.toml").read_text())["hyper"] | {"hidden": 11},
    )
    with pytest.raises(ModelError, match=r"model\.safetensors: does not fit model\.toml"):
        load_model(folder)


class Killed(BaseException):
    """What is left of a process that was killed here."""


@pytest.mark.parametrize("last", ["first file", "second file"])
def test_a_model_is_whole_until_the_new_one_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    before = load_model(folder).sha256
    write = Path.write_bytes

    def killed(file: Path, content: bytes) -> None:
        write(file, content[: len(content) // 2])
        if last == "first file" or b"[hyper]" in content:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", killed)
        with pytest.raises(Killed):
            save_untrained(folder, seed=1)
    assert load_model(folder).sha256 == before
    assert sorted(file.name for file in folder.iterdir()) == ["model.safetensors", "model.toml"]
    save_untrained(folder, seed=1)
    assert load_model(folder).sha256 != before


def test_who_reads_between_the_two_files_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def killed(file: Path, target: Path) -> None:
        replace(file, target)
        raise Killed

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(Killed):
        save_untrained(folder, seed=1)
    with pytest.raises(ModelError, match="sha256 differs"):
        load_model(folder)


def test_a_description_that_is_not_toml_is_refused(folder: Path) -> None:
    (folder / "model.toml").write_bytes(b"\xff\xfe = nonsense")
    with pytest.raises(ModelError, match=r"model\.toml: cannot be read"):
        load_model(folder)


@pytest.mark.parametrize(
    ("table", "key", "value", "words"),
    [
        ("features", "n_mels", 40, r"features\.n_mels = 40, but the network takes 64"),
        ("features", "level_block", None, r"features\.level_block is missing; train or install"),
        ("features", "hop", 0, r"features\.hop = 0 is outside 1 to 400"),
        ("features", "hop", 401, r"features\.hop = 401 is outside"),
        ("features", "window", "a", r"features\.window = 'a' is not a whole number"),
        ("features", "window", 600, r"features\.window = 600 is outside 2 to 512"),
        ("features", "n_fft", True, r"features\.n_fft = True is not a whole number"),
        ("features", "f_min", 9000.0, r"features\.f_min = 9000\.0 is outside"),
        ("features", "f_max", float("nan"), r"features\.f_max = nan is outside"),
        ("features", "floor", 0.0, r"features\.floor = 0\.0 is outside"),
        ("features", "dynamic_range", float("inf"), r"features\.dynamic_range = inf is outside"),
        ("features", "sample_rate", 8000, r"features\.sample_rate = 8000 is outside"),
        ("fusion", "half", "soon", r"fusion\.half = 'soon' is not a number"),
        ("fusion", "half", 0, r"fusion\.half = 0 is outside"),
        ("fusion", "whole", [1.0], r"\[fusion\]: unknown key 'whole'"),
        ("fusion", "window", [1.0], r"table \[fusion\.window\] is missing"),
        ("fusion", "utterance_known", None, r"table \[fusion\.utterance_known\] is missing"),
        ("hyper", "trunk_heads", None, r"hyper\.trunk_heads is missing; train or install"),
        ("hyper", "memory", float("inf"), "memory = inf is outside"),
        ("hyper", "hidden", "many", "hidden = 'many' is not a whole number"),
        ("hyper", "channels", [4, "x", 8, 8], "channels = 'x' is not a whole number"),
        ("hyper", "hidden", -1, "multiscale_lstm: cannot be built"),
        ("hyper", "segment_units", [], "multiscale_lstm: cannot be built"),
        ("hyper", "n_classes", -7, "multiscale_lstm: cannot be built"),
        ("hyper", "frames_per_unit", 0, r"frames_per_unit = 0 is outside 1 to 10000"),
        ("hyper", "frames_per_unit", 2000, r"frames_per_unit = 2000 makes a unit of 320000"),
        ("hyper", "hidden", 10**9, r"hidden = 10+ is outside 1 to 1024"),
        ("hyper", "trunk_layers", 10**9, r"trunk_layers = 10+ is outside 1 to 32"),
        ("hyper", "segment_units", [4, 10**9, 0], r"segment_units = 10+ is outside 0 to 1000"),
        ("hyper", "segment_units", [*range(1, 99), 0], r"number of segment_units = 99 is outside"),
        ("hyper", "trunk_reach", 2**64, r"cannot be read \(a whole number is longer than 64 bits"),
        ("hyper", "frames_per_unit", 5, r"\[hyper\] and \[features\] do not fit"),
        ("hyper", "frames_per_unit", 1, r"\[hyper\] and \[features\] do not fit"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(
    folder: Path, table: str, key: str, value: object, words: str
) -> None:
    settings = tomllib.loads((folder / "model.toml").read_text())[table]
    edit(folder, table, {k: v for k, v in (settings | {key: value}).items() if v is not None})
    with pytest.raises(ModelError, match=rf"model\.toml: .*{words}") as refused:
        load_model(folder)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("weights", ["x"], r"weights = 'x' is not a number"),
        ("weights", 1.0, r"weights = 1\.0 is not a list"),
        ("weights", [1.2, -0.1, -0.1], r"weights = 1\.2 is outside"),
        ("weights", [0.4, 0.3, float("nan")], r"weights = nan is outside"),
        ("weights", [0.4, 0.3, 0.2], r"weights sum to 0\.9 instead of 1"),
        ("weights", None, r"weights is missing"),
        ("temperature", 0, r"temperature = 0\.0 is outside"),
    ],
)
def test_a_fusion_that_cannot_be_used_is_named(
    folder: Path, key: str, value: object, words: str
) -> None:
    fusion = tomllib.loads((folder / "model.toml").read_text())["fusion"]
    part = {k: v for k, v in (fusion["window_known"] | {key: value}).items() if v is not None}
    edit(folder, "fusion", fusion | {"window_known": part})
    with pytest.raises(ModelError, match=rf"model\.toml: fusion\.window_known\.{words}"):
        load_model(folder)


def test_weights_that_sum_to_1_but_for_rounding_are_fine(folder: Path) -> None:
    fusion = tomllib.loads((folder / "model.toml").read_text())["fusion"]
    thirds = {"weights": [0.333, 0.333, 0.333], "temperature": 1}
    edit(folder, "fusion", fusion | {"window": thirds})
    assert load_model(folder).fusion.window == Fusion((0.333, 0.333, 0.333), 1.0)


def fill(folder: Path, name: str, value: float) -> None:
    """Put one number in the place of a weight or buffer, as somebody might who knows the hash."""
    content = load((folder / "model.safetensors").read_bytes())
    content[name].view(-1)[-1] = value
    (folder / "model.safetensors").write_bytes(save(content))
    edit(folder, "sha256", hashlib.sha256(save(content)).hexdigest())


INFINITE, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("mel.embed.weight.scale", NAN, "mel.embed.weight is not finite"),
        ("heads.bias", INFINITE, "heads.bias is not finite"),
        ("within", -1.0, "within is outside 1e-06 to"),
        ("within", 0.0, "within is outside"),
        ("spread", 0.0, "spread is outside"),
        ("spread", 1e38, "spread is outside"),
        ("spread", NAN, "spread is not finite"),
        ("centre", NAN, "centre is not finite"),
        ("voiceprint", NAN, "voiceprint is not finite"),
        ("voice_limit", NAN, "voice_limit is not finite"),
        ("voice_limit", -INFINITE, "voice_limit is not finite"),
        ("familiarity.limit", INFINITE, "familiarity.limit is not finite"),
        ("familiarity.direction", NAN, "familiarity.direction is not finite"),
        ("mel.norms.0.running_var", -9.0, "train or install"),
    ],
)
def test_weights_that_give_no_numbers_are_refused(
    tmp_path: Path, name: str, value: float, words: str
) -> None:
    folder = save_untrained(tmp_path / "model", voice=8)
    fill(folder, name, value)
    with pytest.raises(ModelError, match=f"the weights give no numbers.*{words}") as refused:
        load_model(folder)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value"), [("voice_limit", INFINITE), ("familiarity.limit", -INFINITE)]
)
def test_a_limit_may_be_infinite(tmp_path: Path, name: str, value: float) -> None:
    folder = save_untrained(tmp_path / "model", voice=8)
    fill(folder, name, value)
    assert load_model(folder).classes == CLASSES


def test_a_known_speaker_is_tried_before_a_model_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that only a speaker's second segment meets."""
    folder = save_untrained(tmp_path / "model", voice=8)
    monkeypatch.setattr(MultiscaleLstm, "check_weights", lambda _: None)
    fill(folder, "within", NAN)
    with pytest.raises(ModelError, match="the weights give no numbers; train"):
        load_model(folder)


def test_what_is_saved_states_every_parameter(folder: Path) -> None:
    saved = tomllib.loads((folder / "model.toml").read_text())
    assert set(saved["hyper"]) == {field.name for field in fields(MultiscaleLstmConfig)}
    assert saved["hyper"]["frames_per_unit"] == MultiscaleLstmConfig().frames_per_unit
    assert set(saved["features"]) == {field.name for field in fields(FeatureConfig)}


def test_the_level_is_that_of_what_is_heard_together(tmp_path: Path) -> None:
    folder = save_untrained(tmp_path / "model", voice=8)
    features = tomllib.loads((folder / "model.toml").read_text())["features"]
    edit(folder, "features", features | {"level_block": 20})
    with pytest.raises(ModelError, match=r"level_block = 20, but the network hears 50 frames"):
        load_model(folder)


def test_a_hop_that_cuts_what_is_heard_together_is_refused() -> None:
    flags = {"recognizer.model": "default", "recognizer.device": "cpu"}
    config = load_config(environment={}, flags=flags | {"recognizer.hop": 0.2})
    with pytest.raises(
        ConfigError, match=r"hop = 0\.2: model default hears 0\.5 s together; use a"
    ):
        load_recognizer(config)


def test_a_hop_that_is_no_multiple_of_the_unit_is_refused(folder: Path) -> None:
    hyper = tomllib.loads((folder / "model.toml").read_text())["hyper"]
    edit(folder, "hyper", hyper | {"frames_per_unit": 16})
    wanted = {"recognizer.model": str(folder), "recognizer.device": "cpu"}
    with pytest.raises(
        ConfigError, match=r"recognizer\.hop = 0\.5: model untrained .* 0\.16 s"
    ) as no:
        load_recognizer(load_config(environment={}, flags=wanted))
    assert "a multiple of 0.8 s" in str(no.value)
    flags = wanted | {"recognizer.hop": 0.8}
    assert load_recognizer(load_config(environment={}, flags=flags)).unit_samples == 2560
