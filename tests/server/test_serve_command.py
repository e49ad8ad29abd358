"""``realtime-ser serve`` as its own process, with the real model."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection, connect

from realtime_ser.server.pseudonyms import LENGTH
from realtime_ser.sinks.reader import read_timeline
from tests.server.serving import START, spoken
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals")

HANGING = """
import asyncio, sys, threading
from dataclasses import replace
from realtime_ser.assembly import pipeline_factory
from realtime_ser.cli.serving import serve
from realtime_ser.server import run
from realtime_ser.server.auth import Rules
from realtime_ser.server.listening import listen
from realtime_ser.sinks.csv import CsvSink
from realtime_ser.testing import ConstantRecognizer
from tests.server.serving import settings

run.LAST_PATIENCE = 0.1
CsvSink.write = lambda *_: (sys.stderr.write("writing\\n"), threading.Event().wait())
config = settings(output=sys.argv[1], drain=0.1)
recognizer = ConstantRecognizer()
asyncio.run(serve(config, Rules(), listen("127.0.0.1", 0), None, recognizer,
                  pipeline_factory(config, recognizer), "constant", None))
"""

TOKEN = "0123456789abcdef-secret"
PATIENCE = 60


class Command:
    """A running server."""

    def __init__(self, program: list[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *program],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )
        self.stderr: list[str] = []
        assert self._process.stdout is not None
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()
        found = re.search(r"(wss?)://([^/]+)/v1/stream", self._process.stdout.readline())
        assert found, self.stderr
        self.scheme, self.address = found[1], found[2]

    def socket(self, path: str = "/v1/stream", **more: object) -> ClientConnection:
        return connect(
            f"ws://{self.address}{path}",
            compression=None,
            proxy=None,
            open_timeout=PATIENCE,
            **more,
        )  # type: ignore[arg-type]

    def tell(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.tell(number)
        status = self._process.wait(PATIENCE)
        self._listener.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
        return status

    def kill(self) -> None:
        if self._process.poll() is None:
            self.end(signal.SIGKILL)

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            self.stderr += stream


@contextlib.contextmanager
def serve(
    *options: str,
    program: tuple[str, ...] = ("-m", "realtime_ser", "serve", "--port", "0"),
    **environment: str,
) -> Iterator[Command]:
    command = Command([*program, *options], environment)
    try:
        yield command
    finally:
        command.kill()


def test_sigterm_drains_and_the_last_words_are_on_disk(tmp_path: Path) -> None:
    with serve("--output", str(tmp_path)) as command:
        with command.socket() as caller, command.socket() as deaf:
            deaf.send(json.dumps(START | {"stream": "deaf"}))
            deaf.send(b"\xff" * 8000)
            caller.send(json.dumps(START | {"stream": "caller"}))
            ready = json.loads(caller.recv(PATIENCE))
            assert (ready["model"], len(ready["classes"])) == ("default", 6)
            caller.send(spoken(2.3, pause=0.0))
            while json.loads(caller.recv(PATIENCE))["type"] != "window":
                pass
            command.tell(signal.SIGTERM)
            told = [json.loads(text) for text in caller]
        assert command.end() == 0
    kinds = [message["type"] for message in told]
    assert kinds[-3:] == ["utterance", "end", "error"]
    (file,) = [file for file in tmp_path.iterdir() if file.name.startswith("caller@")]
    rows = read_timeline(file)
    assert rows[-1].kind == "utterance"
    assert len(rows) == told[-2]["rows"]
    assert command.stderr == []


def test_a_kill_loses_no_row_that_was_sent(tmp_path: Path) -> None:
    with serve("--output", str(tmp_path), "--format", "jsonl", "--pseudonyms",
               XDG_DATA_HOME=str(tmp_path / "home")) as command:  # fmt: skip
        with command.socket() as caller:
            caller.send(json.dumps(START | {"stream": "+49 301 1234"}))
            caller.send(spoken(2.3, pause=0.0))
            sent: list[dict[str, object]] = []
            while len(sent) < 3:
                message = json.loads(caller.recv(PATIENCE))
                sent += [message] if message["type"] == "window" else []
            command.kill()
        (file,) = tmp_path.glob("*.jsonl")
        assert re.fullmatch(rf"p-[0-9a-f]{{{LENGTH}}}@.*", file.name)
        assert len(read_timeline(file)) >= 3
        assert "1234" not in file.read_text()
        assert "1234" not in "".join(command.stderr)


def test_a_disk_that_hangs_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with serve(str(tmp_path), program=("-c", HANGING)) as command:
        with command.socket() as caller:
            caller.send(json.dumps(START))
            caller.send(spoken())
            wait_until(lambda: command.stderr, PATIENCE)
            command.tell(signal.SIGTERM)
        assert command.end() == 1
    assert command.stderr[-1] == (
        "realtime-ser: a disk that does not answer holds up the end; leaving without it\n"
    )


def test_ctrl_c_and_a_token_in_the_environment() -> None:
    with serve("--host", "0.0.0.0", REALTIME_SER_TOKEN=TOKEN) as command:
        command.address = command.address.replace("0.0.0.0", "127.0.0.1")
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with command.socket("/v1/feed", additional_headers=headers) as feed:
            assert json.loads(feed.recv(PATIENCE))["type"] == "snapshot"
            with command.socket(f"/v1/feed?token={TOKEN}"):
                pass
            for rubbish in (b"\x16\x03\x01" * 100, b"GET\r\n\r\n", b"\0" * 5000):
                with socket.create_connection(_pair(command.address)) as stranger:
                    stranger.sendall(rubbish)
        assert command.end(signal.SIGINT) == 130
    assert command.stderr == []


def _pair(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--host", "0.0.0.0"], "--host 0.0.0.0: others could reach it; give a token"),
        (["--host", "nowhere.invalid", "--token-file", "TOKEN"], "--host nowhere.invalid: "),
        (["--port", "TAKEN"], "cannot be listened to at 127.0.0.1"),
        (["--token-file", "NONE"], "the token cannot be read"),
        (["--tls-cert", "NONE"], "belong together"),
        (["--tls-cert", "NONE", "--tls-key", "NONE"], "cannot be read"),
        (["--tls-cert", "TOKEN", "--tls-key", "TOKEN"], "not a certificate and its key"),
        (["--output", "TOKEN/below"], "cannot be written"),
        (["--output", "TOKEN"], "cannot be written"),
        (["--format", "xml"], "not one of csv, jsonl"),
        (["--keep-days", "-1"], "server.keep_days = -1.0 is outside"),
        (["--model", "nothing"], "nothing"),
        (["--keep-days", "3"], "--keep-days: there is no --output"),
    ],
)
def test_what_a_user_can_cause_is_one_line(
    options: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from realtime_ser.cli.main import main

    token = tmp_path / "token"
    token.write_text(TOKEN)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        places = {
            "TOKEN": str(token), "NONE": str(tmp_path / "none"),
            "TAKEN": str(taken.getsockname()[1]),
        }  # fmt: skip
        for word, place in places.items():
            options = [option.replace(word, place) for option in options]
        with pytest.raises(SystemExit) as caught:
            main(["serve", *(["--port", "0"] if "--port" not in options else []), *options])
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
    assert TOKEN not in line
