from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.server.twilio import TwilioMedia, TwilioStart, TwilioStop, parse_twilio
from realtime_ser.server.wire import WireError
from tests.server.test_start_message import ANY_JSON, outcome
from tests.server.test_twilio_stream import CALL, media, start

LONGEST = 100_000


def parse(message: object) -> object:
    return parse_twilio(json.dumps(message), LONGEST)


def without(message: dict[str, Any], inner: str, **changes: Any) -> dict[str, Any]:
    changed = {k: v for k, v in (message[inner] | changes).items() if v is not ...}
    return message | {inner: changed}


def test_what_twilio_says() -> None:
    assert parse({"event": "connected", "protocol": "Call", "version": "1.0.0"}) is None
    assert parse(start(token="t", queue="sales")) == TwilioStart(
        CALL, ("inbound", "outbound"), ("customer", "agent"), "t", {"queue": "sales"}
    )
    assert parse(media(3, "outbound", b"\x00\xff")) == TwilioMedia("outbound", 3, b"\x00\xff")
    assert parse({"event": "stop"}) == TwilioStop()
    assert parse({"event": "of tomorrow", "anything": [1]}) is None


def test_tracks_and_numbers_come_in_several_forms() -> None:
    only = parse(without(start(), "start", tracks=["outbound"], customParameters=...))
    assert only == TwilioStart(CALL, ("outbound",), ("agent",), None, {})
    form = {"encoding": "audio/x-mulaw", "sampleRate": "8000", "channels": "1"}
    assert isinstance(parse(without(start(), "start", mediaFormat=form)), TwilioStart)
    unnumbered = media(3, "inbound", b"a")
    del unnumbered["sequenceNumber"]
    assert parse(unnumbered) == TwilioMedia("inbound", 0, b"a")


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"event": 1},
        {"event": "start"},
        {"event": "start", "start": []},
        without(start(), "start", callSid=...),
        without(start(), "start", callSid="../../etc"),
        without(start(), "start", callSid="x" * 65),
        without(start(), "start", tracks=[]),
        without(start(), "start", tracks=["both"]),
        without(start(), "start", tracks=[["inbound"]]),
        without(start(), "start", mediaFormat=...),
        without(start(), "start", mediaFormat={"encoding": "audio/opus"}),
        without(start(), "start", customParameters=[1]),
        without(start(), "start", customParameters={"a": {"b": 1}}),
        start(inbound="a customer"),
        {"event": "media"},
        without(media(1, "inbound", b""), "media", track="both"),
        without(media(1, "inbound", b""), "media", payload=...),
        without(media(1, "inbound", b""), "media", payload="not base64!"),
        without(media(1, "inbound", b""), "media", payload="YQ"),
        without(media(1, "inbound", b""), "media", payload="\u00e4"),
        without(media(1, "inbound", b""), "media", payload=["YQ=="]),
        without(media(1, "inbound", b""), "media", payload="A" * 90_000),
        media(1, "inbound", b"") | {"sequenceNumber": "-1"},
        media(1, "inbound", b"") | {"sequenceNumber": "9" * 400},
        media(1, "inbound", b"") | {"sequenceNumber": "\u0663"},
        media(1, "inbound", b"") | {"sequenceNumber": 1.5},
    ],
)
def test_what_is_not_of_that_form_is_refused(message: object) -> None:
    with pytest.raises(WireError) as caught:
        parse(message)
    assert caught.value.code == "malformed"
    assert str(caught.value).isprintable()


def check(text: str) -> None:
    found = outcome(parse_twilio, text, LONGEST)
    kinds = TwilioStart | TwilioMedia | TwilioStop | None
    assert isinstance(found, kinds)


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_parses_or_raises_the_one_error(text: str) -> None:
    check(text)


@given(
    st.sampled_from(["start", "media", "stop", "mark"]),
    st.dictionaries(
        st.sampled_from(
            ["tracks", "callSid", "mediaFormat", "customParameters", "track", "payload"]
        ),
        ANY_JSON,
    ),
    ANY_JSON,
)
def test_any_json_parses_or_raises_the_one_error(
    event: str, inner: dict[str, Any], number: Any
) -> None:
    check(json.dumps({"event": event, event: inner, "sequenceNumber": number}))
    base = start()["start"] if event == "start" else media(1, "inbound", b"ab")["media"]
    check(json.dumps({"event": event, event: base | inner, "sequenceNumber": 1}))


@given(st.binary(max_size=2000))
def test_any_audio_comes_through(audio: bytes) -> None:
    found = parse(media(1, "inbound", audio))
    assert isinstance(found, TwilioMedia)
    assert found.audio == audio
