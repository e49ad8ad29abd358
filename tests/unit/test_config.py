from __future__ import annotations

import json
import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest

from realtime_ser.config import Config, load_config
from realtime_ser.errors import ConfigError

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def write(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return file


def message(file: Path | None = None, **layers: dict[str, object]) -> str:
    """The text of the error that these layers give; it is one line."""
    layers.setdefault("environment", {})
    with pytest.raises(ConfigError) as caught:
        load_config(file, **layers)  # type: ignore[arg-type]
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_default_file_lists_every_key_with_its_default() -> None:
    with (CONFIGS / "default.toml").open("rb") as file:
        assert tomllib.load(file) == json.loads(json.dumps(asdict(Config())))  # tuples as lists


def test_default_file_says_the_unit_or_choices_of_every_key() -> None:
    lines = (CONFIGS / "default.toml").read_text(encoding="utf-8").splitlines()
    keys = [line for line in lines if " = " in line and not line.startswith("#")]
    assert keys
    assert [line for line in keys if "#" not in line] == []


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.toml")), ids=lambda file: file.stem)
def test_shipped_files_load(file: Path) -> None:
    config = load_config(file, {})
    assert (config == Config()) == (file.stem == "default")


def test_later_layers_win(tmp_path: Path) -> None:
    file = write(tmp_path, "[recognizer]\nhop = 1.0\nwindow = 5.0\n[vad]\nthreshold = 0.6\n")
    config = load_config(
        file,
        {"REALTIME_SER_RECOGNIZER_HOP": "2.0", "REALTIME_SER_RECOGNIZER_WINDOW": "6", "PATH": "x"},
        {"recognizer.hop": 3.0, "recognizer.device": None},
    )
    assert config.recognizer.hop == 3.0
    assert config.recognizer.window == 6.0
    assert config.vad.threshold == 0.6
    assert config.recognizer.device == "auto"


def test_process_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTIME_SER_VAD_BACKEND", "silero")
    monkeypatch.setenv("REALTIME_SER_VAD_WEBRTC_MODE", "3")
    assert load_config().vad.backend == "silero"
    assert load_config().vad.webrtc_mode == 3


def test_whole_number_serves_as_a_number(tmp_path: Path) -> None:
    ring = load_config(write(tmp_path, "[capture]\nring = 20\n"), {}).capture.ring
    assert ring == 20.0
    assert isinstance(ring, float)


def test_unknown_key_names_the_file_and_the_nearest_key(tmp_path: Path) -> None:
    file = write(tmp_path, "[vad]\ntreshold = 0.6\n")
    assert message(file) == f"{file}: unknown key 'vad.treshold'; did you mean vad.threshold?"


def test_unknown_section_and_key_outside_of_a_section(tmp_path: Path) -> None:
    text = message(write(tmp_path, "[zzz]\nqqq = 1\n"))
    assert "unknown table [zzz]; known keys: capture, vad" in text
    assert "[alertz]; did you mean alerts?" in message(write(tmp_path, "[alertz]\n"))
    assert "unknown key 'hop'" in message(write(tmp_path, "hop = 1.0\n"))


def test_unknown_environment_variable_is_named() -> None:
    text = message(environment={"REALTIME_SER_VAD_TRESHOLD": "1"})
    assert text.startswith("REALTIME_SER_VAD_TRESHOLD: unknown key 'vad.treshold'")


def test_unknown_flag_is_named() -> None:
    assert "'recognizer.nope'" in message(flags={"recognizer.nope": 1})


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("[vad]\nthreshold = '0.5'", "vad.threshold = '0.5' is not a number"),
        ("[vad]\nthreshold = true", "vad.threshold = True is not a number"),
        ("[vad]\nthreshold = [0.5]", "vad.threshold = [0.5] is not a number"),
        ("[vad]\nthreshold = {low = 0.5}", "is not a number"),
        ("[vad]\nwebrtc_mode = 1.0", "vad.webrtc_mode = 1.0 is not a whole number"),
        ("[vad]\nwebrtc_mode = false", "is not a whole number"),
        ("[recognizer]\nmodel = 3", "recognizer.model = 3 is not a text"),
        ("[vad]\nbackend = 'both'", "is not one of webrtc, silero, cascade"),
        ("[vad]\nbackend = 1", "is not one of webrtc, silero, cascade"),
        ("[vad]\nbackend = ['webrtc']", "is not one of webrtc, silero, cascade"),
    ],
)
def test_wrong_types_in_a_file(tmp_path: Path, line: str, complaint: str) -> None:
    file = write(tmp_path, line)
    text = message(file)
    assert text.startswith(f"{file}: ")
    assert complaint in text


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("REALTIME_SER_VAD_THRESHOLD", "high"),
        ("REALTIME_SER_VAD_THRESHOLD", ""),
        ("REALTIME_SER_VAD_WEBRTC_MODE", "1.5"),
        ("REALTIME_SER_RECOGNIZER_DEVICE", "tpu"),
    ],
)
def test_wrong_types_in_the_environment(variable: str, value: str) -> None:
    text = message(environment={variable: value})
    assert text.startswith(f"{variable}: ")
    assert repr(value) in text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("capture.block", 0.0),
        ("capture.ring", 1e9),
        ("capture.retry_max", float("inf")),
        ("vad.threshold", 1.01),
        ("vad.second_pitch", 0.4),
        ("vad.webrtc_mode", 4),
        ("segments.min_silence", -1.0),
        ("segments.max_segment", float("nan")),
        ("recognizer.hop", 0.05),
        ("recognizer.max_batch_size", 0),
        ("timeline.smoothing", -0.1),
    ],
)
def test_values_out_of_range(key: str, value: float) -> None:
    text = message(flags={key: value})
    assert text.startswith(f"option {key}: {key} = ")
    assert "is outside" in text


def test_nothing_is_left_out_of_mixed_channels() -> None:
    text = message(CONFIGS / "call_centre.toml", flags={"capture.channels": "mix"})
    assert "capture.left_out leaves nothing out of mixed channels" in text


LISTS_OF_TEXTS = ("server.origins", "server.proxies", "alerts.rules")


def test_every_number_has_a_range() -> None:
    for section, values in asdict(Config()).items():
        for name, value in values.items():
            if isinstance(value, str | bool) or f"{section}.{name}" in LISTS_OF_TEXTS:
                continue
            absurd = [-(10**9)] if isinstance(value, tuple) else -(10**9)
            assert "is outside" in message(flags={f"{section}.{name}": absurd})


def test_the_environment_can_switch_on_and_off() -> None:
    for text, value in (("true", True), ("false", False)):
        set_so = load_config(None, {"REALTIME_SER_SERVER_PSEUDONYMS": text})
        assert set_so.server.pseudonyms is value
    with pytest.raises(ConfigError, match="'yes' is not true or false"):
        load_config(None, {"REALTIME_SER_SERVER_PSEUDONYMS": "yes"})


def test_peers_that_could_never_match_are_refused() -> None:
    for origin in ("*", "calls.example.com", "https://calls.example.com/", "https://", "http://["):
        assert "is no origin" in message(flags={"server.origins": [origin]})
    for proxy in ("*", "proxy.example.com", "127.0.0.1:80", "10.0.0.1/8"):
        assert "is no address" in message(flags={"server.proxies": [proxy]})
    peers = {"server.origins": ["http://[::1]:8000"], "server.proxies": ["::1", "10.0.0.0/8"]}
    assert load_config(None, {}, peers).server.proxies == ("::1", "10.0.0.0/8")


def test_the_token_is_no_setting() -> None:
    assert load_config(None, {"REALTIME_SER_TOKEN": "secret"}) == Config()


def test_keys_at_odds_name_the_layer_that_caused_it(tmp_path: Path) -> None:
    file = write(tmp_path, "[vad]\nthreshold = 0.2\n")
    assert message(file) == f"{file}: vad.release = 0.35 is outside 0.0 to vad.threshold = 0.2"
    assert load_config(file, {"REALTIME_SER_VAD_RELEASE": "0.1"}).vad.release == 0.1


def test_hop_is_a_multiple_of_a_tenth() -> None:
    assert "not a multiple of 0.1 s" in message(flags={"recognizer.hop": 0.25})
    assert load_config(None, {}, {"recognizer.hop": 0.3}).recognizer.hop == 0.3


@pytest.mark.parametrize(
    "content",
    [
        b"[vad\n",
        b"\xff\xfe\x00",
        b"a = 1\na = 2\n",
        b"[vad]\nwebrtc_mode = 0x" + b"f" * 5000,
        b"[capture]\nleft_out = [[" + b"9" * 20 + b"]]",
        b"a = " + b"[" * 5000,
    ],
    ids=["cut off", "not text", "twice", "thousands of digits", "over 64 bits", "without end"],
)
def test_not_a_toml_file(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(content)
    assert message(file).startswith(f"{file}: not a TOML file")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    assert message(missing) == f"{missing}: cannot be read (No such file or directory)"
    assert "cannot be read" in message(tmp_path)


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("rules = ['angry > 0.6 for 5 s']", "alerts.rules: rule 'angry > 0.6 for 5 s': '>' stands"),
        ("rules = [3]", "alerts.rules = 3 is not a text"),
        ("webhook = 'ftp://example.com'", "alerts.webhook: must begin with http:// or https://"),
        ("webhook = 'https://hooks.example.com/a'", "alerts.webhook needs alerts.secret_file"),
        ("webhook = 'https://me:pass@example.com'", "must not have a user"),
        ("webhook = 'https://example.com:99999/'", "is no URL"),
        ("webhook = 'https://example.com/a b'", "no blanks"),
    ],
)
def test_alerts_that_cannot_be(tmp_path: Path, table: str, complaint: str) -> None:
    text = message(write(tmp_path, f"[alerts]\n{table}\n"))
    assert text.startswith(str(tmp_path / "mine.toml"))
    assert complaint in text
    assert "pass@" not in text


def test_a_file_without_an_end_is_not_read_to_its_end() -> None:
    endless = Path("/dev/zero")
    if not endless.exists():
        pytest.skip("no /dev/zero here")
    assert "not a TOML file (longer than" in message(endless)
