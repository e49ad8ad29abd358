from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.server.start_message import (
    ENCODINGS,
    LONGEST_MESSAGE,
    MOST_CHANNELS,
    StartMessage,
    is_stop,
    parse_start,
)
from realtime_ser.server.wire import CLOSE_CODES, WireError

GOOD: dict[str, Any] = {
    "type": "start",
    "stream": "call-42",
    "sample_rate": 8000,
    "encoding": "mulaw",
    "channels": ["customer", {"role": "AGENT"}],
    "metadata": {"queue": "sales", "vip": True, "score": 1.5, "none": None, "empty": ""},
}

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def refused(message: object) -> str:
    text = message if isinstance(message, str) else json.dumps(message)
    with pytest.raises(WireError) as caught:
        parse_start(text)
    assert str(caught.value).isprintable()
    assert caught.value.code in CLOSE_CODES
    return str(caught.value)


def test_everything_that_can_be_said() -> None:
    assert parse_start(json.dumps(GOOD)) == StartMessage(
        "call-42", 8000, "mulaw", ("customer", "agent"), GOOD["metadata"]
    )


def test_the_least_that_must_be_said() -> None:
    least = parse_start('{"sample_rate":16000,"encoding":"s16le"}')
    assert least == StartMessage(None, 16_000, "s16le", ("speaker",), {})
    two = parse_start('{"sample_rate":16000,"encoding":"s16le","channels":2}')
    assert two.roles == ("speaker", "speaker")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("type", ["stop", 1, None]),
        ("stream", ["", " ", "a\n", "a\x00", "\u202e", "\ud800", "x" * 129, 5, []]),
        ("sample_rate", [None, 3999, 192_001, -1, 0, 8000.0, "8000", True, 10**400]),
        ("encoding", [None, "", "opus", "S16LE", 1, [], {}]),
        (
            "channels",
            [0, 9, -1, True, 1.0, "customer", [], ["a"] * 9, [""], ["a b"], ["x" * 33], [1], [None],
             {"role": "a"}, [{}], [{"role": 1}], [{"role": "a", "more": 1}], [["a"]]],
        ),
        (
            "metadata",
            [[], "a", {"a": {}}, {"a": []}, {"": 1}, {"a\n": 1}, {"a": "b\n"}, {"a": "x" * 257},
             {"k" * 65: 1}, {"a": 2**60}, {str(i): i for i in range(17)}],
        ),
        ("what", [1]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(field: str, values: list[Any]) -> None:
    for value in values:
        text = refused(GOOD | {field: value})
        named = {"channels": ("channel", "role"), "type": ("first message",)}.get(field, (field,))
        if value != "\ud800":
            assert any(name in text for name in named), (value, text)


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "1", '"start"', "{", '{"a":1,"a":2}', '{"sample_rate":NaN}',
        '{"sample_rate":Infinity}', "[" * 100_000, '{"a":' * 10_000, "\ufeff{}",
        '{"sample_rate":' + "9" * 5000 + "}",
    ],
)  # fmt: skip
def test_what_is_no_json_object_is_refused(text: str) -> None:
    refused(text)


def test_too_long_a_message_is_not_parsed() -> None:
    with pytest.raises(WireError) as caught:
        parse_start(json.dumps(GOOD) + " " * LONGEST_MESSAGE)
    assert caught.value.code == "too_big"


def test_later_messages() -> None:
    assert is_stop(' {"type": "stop"} ')
    for text in ("{}", '{"type":"start"}', '{"type":"stop","more":1}', "stop", ""):
        with pytest.raises(WireError):
            is_stop(text)


def outcome(parse: Callable[..., Any], *given: object) -> Any:
    """What a parser returns; None for the one error that it may raise, which must be in order."""
    try:
        return parse(*given)
    except WireError as error:
        caught = error
    assert str(caught).isprintable()
    assert caught.code in CLOSE_CODES
    return None


def check(text: str) -> None:
    start = outcome(parse_start, text)
    if start is None:
        return
    assert start.encoding in ENCODINGS
    assert 4000 <= start.sample_rate <= 192_000
    assert 1 <= len(start.roles) <= MOST_CHANNELS
    assert all(role == role.lower() for role in start.roles)
    assert start.stream is None or start.stream.isprintable()
    json.dumps(start.metadata, allow_nan=False).encode()


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_parses_or_raises_the_one_error(text: str) -> None:
    check(text)


@given(ANY_JSON)
def test_any_json_parses_or_raises_the_one_error(value: Any) -> None:
    check(json.dumps(value))


@given(st.sampled_from([*GOOD, "new"]), ANY_JSON)
def test_any_value_of_any_field_parses_or_raises_the_one_error(field: str, value: Any) -> None:
    check(json.dumps(GOOD | {field: value}))
