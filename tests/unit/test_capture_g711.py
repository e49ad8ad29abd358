from __future__ import annotations

import warnings

import numpy as np
import pytest

from realtime_ser.capture import g711

ALL_CODES = np.arange(256, dtype=np.uint8)
ALL_LINEAR = np.arange(-32768, 32768)


def linear(codes: list[int], law: g711.Law) -> list[int]:
    return [round(v * 32768) for v in g711.decode(np.array(codes, np.uint8), law).tolist()]


def test_mulaw_values_of_the_standard() -> None:
    # G.711 table 2a/2b: ends, both zeros and the first steps, 14 bits scaled by 4.
    assert linear([0x80, 0x00, 0xFF, 0x7F, 0xFE, 0xFD, 0xF0, 0xEF], "mulaw") == [
        32124, -32124, 0, 0, 8, 16, 120, 132,
    ]  # fmt: skip


def test_alaw_values_of_the_standard() -> None:
    # G.711 table 1a/1b: innermost steps and ends, 13 bits scaled by 8; even bits are inverted.
    assert linear([0xD5, 0x55, 0xD4, 0xAA, 0x2A, 0xC5], "alaw") == [
        8, -8, 24, 32256, -32256, 264,
    ]  # fmt: skip


@pytest.mark.parametrize("law", ["mulaw", "alaw"])
def test_every_code_survives_a_round_trip(law: g711.Law) -> None:
    again = g711.encode(g711.decode(ALL_CODES, law), law)
    # mu-law has two zeros; the negative one comes back as the positive.
    expected = np.where((ALL_CODES == 0x7F) & (law == "mulaw"), 0xFF, ALL_CODES)
    np.testing.assert_array_equal(again, expected)


@pytest.mark.parametrize("law", ["mulaw", "alaw"])
def test_the_error_is_a_thirty_second_of_the_value_and_order_is_kept(law: g711.Law) -> None:
    inside = ALL_LINEAR[np.abs(ALL_LINEAR) <= 32_000]
    decoded = g711.decode(g711.encode((inside / 32768).astype(np.float32), law), law) * 32768.0
    assert np.all(np.abs(decoded - inside) <= np.abs(inside) / 32 + 8)
    assert np.all(np.diff(decoded) >= 0)


@pytest.mark.parametrize("law", ["mulaw", "alaw"])
def test_louder_than_full_scale_is_clipped(law: g711.Law) -> None:
    loud, full = np.array([9.0, -9.0], np.float32), np.array([1.0, -1.0], np.float32)
    np.testing.assert_array_equal(g711.encode(loud, law), g711.encode(full, law))


def test_shapes_are_kept() -> None:
    samples = np.zeros((7, 2), np.float32)
    assert g711.decode(g711.encode(samples, "alaw"), "alaw").shape == (7, 2)


@pytest.mark.parametrize("law", ["mulaw", "alaw"])
def test_the_standard_library_agrees(law: g711.Law) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop", reason="gone since Python 3.13")
    to_linear = {"mulaw": audioop.ulaw2lin, "alaw": audioop.alaw2lin}[law]
    to_law = {"mulaw": audioop.lin2ulaw, "alaw": audioop.lin2alaw}[law]
    reference = np.frombuffer(to_linear(ALL_CODES.tobytes(), 2), np.int16)
    np.testing.assert_array_equal(g711.decode(ALL_CODES, law) * 32768, reference)

    codes = np.frombuffer(to_law(ALL_LINEAR.astype(np.int16).tobytes(), 2), np.uint8)
    ours = g711.encode((ALL_LINEAR / 32768).astype(np.float32), law)
    different = codes != ours
    # audioop rounds negative numbers down to 14 bits before it encodes mu-law; we do not.
    assert not different[ALL_LINEAR >= 0].any()
    assert different.mean() < (0.01 if law == "mulaw" else 1e-9)
