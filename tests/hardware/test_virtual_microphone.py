"""The real PortAudio, the real ALSA, a sound server that we may kill; see conftest.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.signals import rms_dbfs, strongest_hertz, tone

if TYPE_CHECKING:
    from tests.hardware.conftest import VirtualMicrophone

pytestmark = pytest.mark.hardware

STALL = 2.0


def test_devices_lists_it_and_marks_the_default(virtual_microphone: VirtualMicrophone) -> None:
    devices = {d["name"]: d for d in virtual_microphone.devices()}
    assert devices["virtual"]["host_api"] == "ALSA"
    assert devices["virtual"]["channels"] >= 2
    assert 16_000 in devices["virtual"]["sample_rates"]
    assert [name for name, d in devices.items() if d["is_default"]] == ["default"]


def test_what_is_played_is_recorded(virtual_microphone: VirtualMicrophone) -> None:
    recorder = virtual_microphone.record("mic:VIRT")
    recorder.wait_for("taken > 8000", 20)
    virtual_microphone.play(tone(3.0, 440.0, dbfs=-12.0, sample_rate=44_100), 44_100)
    start = recorder.state["taken"]
    recorder.wait_for(f"taken > {start + 4 * 16_000}", 30)
    opened = recorder.said[0]
    samples = recorder.stop()

    assert (opened["name"], opened["sample_rate"], opened["channels"]) == ("virtual", 16_000, 2)
    assert opened["live"]
    loud = abs(samples[:, 0]) > 0.05
    middle = int(loud.nonzero()[0].mean())
    heard = samples[middle - 16_000 : middle + 16_000]
    assert strongest_hertz(heard[:, 0]) == pytest.approx(440.0, abs=1.0)
    assert rms_dbfs(heard) == pytest.approx(-12.0, abs=1.0)


def test_the_default_microphone_works_too(virtual_microphone: VirtualMicrophone) -> None:
    recorder = virtual_microphone.record("mic")
    state = recorder.wait_for("taken > 16000", 20)
    assert state["problem"] is None
    recorder.stop()


def test_a_dead_sound_server_is_noticed_and_survived(
    virtual_microphone: VirtualMicrophone,
) -> None:
    recorder = virtual_microphone.record(stall=STALL)
    before = recorder.wait_for("taken > 16000", 20)

    virtual_microphone.kill()
    lost = recorder.wait_for("problem is not None", STALL + 1)
    assert "'virtual'" in lost["problem"]
    gone = recorder.wait_for("'next try in' in problem", 10)
    assert gone["reopened"] == 0

    virtual_microphone.start()
    back = recorder.wait_for("problem is None and lost > 0", 20)
    later = recorder.wait_for(f"taken > {back['taken'] + 16_000}", 20)
    recorder.stop()

    assert back["reopened"] >= 1
    assert back["taken"] > before["taken"]
    assert later["slowest"] < 1.0
    # With what was lost the stream's clock agrees with the wall.
    drift = (later["elapsed"] - before["elapsed"]) - (
        later["taken"] + later["lost"] - before["taken"] - before["lost"]
    ) / 16_000
    assert abs(drift) < 0.5


def test_a_hung_sound_server_is_noticed_and_survived(
    virtual_microphone: VirtualMicrophone,
) -> None:
    recorder = virtual_microphone.record(stall=STALL)
    recorder.wait_for("taken > 16000", 20)

    virtual_microphone.hang()
    hung = recorder.wait_for("problem is not None", STALL + 1)
    assert "delivers no audio" in hung["problem"]
    recorder.wait_for(f"elapsed > {hung['elapsed'] + 2}", 10)

    virtual_microphone.go_on()
    # Again, if the server that wakes up stalls once more.
    recorder.wait_for("problem is None and reopened >= 1", 20)
    back = recorder.wait_for("lost > 0", 20)
    recorder.stop()

    assert back["slowest"] < 1.0
    assert back["lost"] / 16_000 > STALL


def test_a_hung_sound_server_does_not_keep_the_program_from_ending(
    virtual_microphone: VirtualMicrophone,
) -> None:
    recorder = virtual_microphone.record(stall=STALL)
    recorder.wait_for("taken > 16000", 20)
    virtual_microphone.hang()
    recorder.wait_for("problem is not None", STALL + 1)
    recorder.stop()
    assert recorder.state["event"] == "closed"
    assert recorder.state["took"] < 5


@pytest.mark.parametrize(
    ("uri", "message"),
    [("mic:theremin", "has this name"), ("mic:99", "has this index")],
)
def test_a_device_that_is_not_there_is_one_line(
    virtual_microphone: VirtualMicrophone, uri: str, message: str
) -> None:
    status, stderr = virtual_microphone.record(uri).wait(30)
    assert status == 2
    assert stderr.count("\n") == 1  # not a word of ALSA's or PortAudio's
    assert message in stderr
    assert "virtual" in stderr


def test_no_sound_server_at_all_is_one_line(virtual_microphone: VirtualMicrophone) -> None:
    virtual_microphone.kill()
    status, stderr = virtual_microphone.record("mic").wait(30)
    assert status == 2
    assert stderr.count("\n") == 1
    assert "no device to record from was found" in stderr
