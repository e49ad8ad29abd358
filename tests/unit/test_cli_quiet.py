from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import os, sys
from realtime_ser.cli.quiet import native_stderr_muted

def speak(when):
    os.write(2, f"native {when}\\n".encode())
    print("python", when, file=sys.stderr)
    print("screen", when, file=sys.__stderr__)

speak("before")
try:
    with native_stderr_muted():
        speak("during")
        raise ValueError
except ValueError:
    speak("after")
"""


def test_only_python_is_heard_and_all_is_as_before_afterwards() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines() == [
        "native before", "python before", "screen before",
        "python during", "screen during",
        "native after", "python after", "screen after",
    ]  # fmt: skip
