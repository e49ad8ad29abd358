from __future__ import annotations

import importlib.util
import struct
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from realtime_ser.errors import ModelError
from realtime_ser.networks.speech_trunk import SpeechTrunk
from realtime_ser.training.pretrained import load_trunk
from tests.models import save_untrained

WIDTH, LAYERS = 64, 2


def trunk(width: int = WIDTH, layers: int = LAYERS) -> SpeechTrunk:
    torch.manual_seed(5)
    return SpeechTrunk(10, layers=layers, described=1, width=width, heads=2, block=5, reach=10)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    file = Path(__file__).parents[2] / "scripts" / "import_whisper.py"
    spec = importlib.util.spec_from_file_location("import_whisper", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_trunk_comes_out_of_a_model(tmp_path: Path) -> None:
    folder = save_untrained(tmp_path / "model", voice=8, seed=3)
    one, other = trunk(), trunk()
    load_trunk(one, str(folder))
    load_trunk(other, str(folder / "model.safetensors"))
    same = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in same)
    assert not torch.equal(one.first.weight, trunk().first.weight)


@pytest.mark.parametrize("other", [trunk(width=32), trunk(layers=3)])
def test_a_trunk_of_another_size_is_refused(tmp_path: Path, other: SpeechTrunk) -> None:
    folder = save_untrained(tmp_path / "model", voice=8)
    with pytest.raises(ModelError, match="no speech trunk of this size"):
        load_trunk(other, str(folder))


def test_a_model_without_a_trunk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no speech trunk"):
        load_trunk(trunk(), str(save_untrained(tmp_path / "model", voice=0)))


def converted(layers: int) -> dict[str, np.ndarray]:
    """An encoder as CTranslate2 names it, every value different."""
    shapes: dict[str, tuple[int, ...]] = {
        "conv1/weight": (WIDTH, 80, 3), "conv1/bias": (WIDTH,),
        "conv2/weight": (WIDTH, WIDTH, 3), "conv2/bias": (WIDTH,),
    }  # fmt: skip
    for layer in range(layers):
        for part, out, into in (
            ("self_attention/linear_0", 3 * WIDTH, WIDTH),
            ("self_attention/linear_1", WIDTH, WIDTH),
            ("ffn/linear_0", 4 * WIDTH, WIDTH),
            ("ffn/linear_1", WIDTH, 4 * WIDTH),
        ):
            shapes |= {f"layer_{layer}/{part}/weight": (out, into)}
            shapes |= {f"layer_{layer}/{part}/bias": (out,)}
        for part in ("self_attention/layer_norm", "ffn/layer_norm"):
            shapes |= {f"layer_{layer}/{part}/{end}": (WIDTH,) for end in ("gamma", "beta")}
    rng = np.random.default_rng(0)
    return {f"encoder/{k}": rng.standard_normal(s).astype(np.float16) for k, s in shapes.items()}


def file_of(variables: dict[str, np.ndarray]) -> bytes:
    """The layout of CTranslate2's model.bin, binary version 6."""

    def name(text: str) -> bytes:
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    content = struct.pack("<I", 6) + name("WhisperSpec") + struct.pack("<I", 3)
    content += struct.pack("<I", len(variables))
    for key, value in variables.items():
        content += name(key) + struct.pack("<B", value.ndim)
        content += b"".join(struct.pack("<I", n) for n in value.shape)
        content += struct.pack("<BI", 4, value.nbytes) + value.tobytes()
    return content


def test_whisper_is_read_and_fits(script: ModuleType) -> None:
    variables = converted(layers=3)
    weights = script.trunk_weights(script.read_variables(file_of(variables)), LAYERS)
    made = trunk()
    made.load_state_dict(weights)
    widened = variables["encoder/layer_1/ffn/linear_0/weight"].astype(np.float32)
    np.testing.assert_array_equal(made.layers[1].widen.weight.numpy(), widened)
    gains = variables["encoder/layer_0/self_attention/layer_norm/gamma"].astype(np.float32)
    np.testing.assert_array_equal(made.layers[0].attention_norm.weight.numpy(), gains)
