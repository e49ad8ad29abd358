from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "torchaudio", "textual", "sounddevice", "soundfile", "numpy", "matplotlib")


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after running ``code``."""
    listing = f"{code}\nimport sys\nprint('\\n'.join(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", listing], check=True, capture_output=True, text=True, timeout=60
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(
    "code",
    [
        "import realtime_ser",
        "import realtime_ser.cli.main",
        "from realtime_ser.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass",
    ],
    ids=["package", "entry point", "--help"],
)
def test_starts_light(code: str) -> None:
    loaded = modules_after(code)
    assert "realtime_ser" in loaded
    assert loaded & set(HEAVY) == set()


@pytest.mark.parametrize(
    "command", ["live", "demo", "dashboard", "serve", "analyze", "evaluate", "train"]
)
def test_help_of_a_command_needs_no_torch(command: str) -> None:
    code = (
        "from realtime_ser.cli.main import main\n"
        f"try: main(['{command}', '--help'])\n"
        "except SystemExit: pass"
    )
    assert modules_after(code) & {"torch", "torchaudio", "textual", "sounddevice"} == set()


def test_a_client_needs_no_torch_and_no_server() -> None:
    loaded = modules_after("import realtime_ser.client")
    assert (
        loaded & {"torch", "torchaudio", "textual", "sounddevice", "starlette", "uvicorn"} == set()
    )


def test_help_loads_no_server() -> None:
    code = (
        "from realtime_ser.cli.main import main\n"
        "try: main(['serve', '--help'])\n"
        "except SystemExit: pass"
    )
    assert (
        modules_after(code) & {"starlette", "uvicorn", "websockets", "prometheus_client"} == set()
    )
