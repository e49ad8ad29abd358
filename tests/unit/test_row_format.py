from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_ser.sinks.csv import HEADER, decode_csv, encode_csv
from realtime_ser.sinks.jsonl import decode_json, encode_json
from realtime_ser.sinks.row_format import FIELDS, one_line, parse_record, to_record
from realtime_ser.types import EMOTIONS, UNCERTAIN, TimelineRow
from tests.rows import SIX_CLASSES, make_row

CONTRACT = (
    "schema,stream,channel,kind,start,end,utc,emotion,confidence,angry,disgust,fear,happy,neutral,"
    "sad,surprise,arousal,valence,level_dbfs,adapted,latency_ms,flags"
)


def test_header_is_the_contract() -> None:
    assert HEADER == CONTRACT


def test_a_row_as_csv() -> None:
    assert encode_csv(make_row()) == (
        "1,call-17,1,window,1.5,4.5,2025-03-01T10:00:04.500Z,angry,0.61,"
        "0.61,0.08,0.05,0.07,0.15,0.04,,0.4427,-0.3596,-23.4,0.0,41.2,derived"
    )


def test_a_row_as_json_has_the_same_fields_in_the_same_order() -> None:
    record = json.loads(encode_json(make_row(latency_ms=None)))
    assert tuple(record) == FIELDS
    assert record["schema"] == 1
    assert record["surprise"] is None
    assert record["latency_ms"] is None
    assert record["flags"] == "derived"
    assert record["confidence"] == 0.61


def test_numbers_are_rounded() -> None:
    row = make_row(
        start=1.00049, end=2.9996, arousal=-0.00001, valence=0.123456, level_dbfs=-23.449,
        adapted=7.1234, latency_ms=3.14159,
    )  # fmt: skip
    record = to_record(row)
    assert (record["start"], record["end"], record["adapted"]) == (1.0, 3.0, 7.123)
    assert (record["valence"], record["level_dbfs"], record["latency_ms"]) == (0.1235, -23.4, 3.1)
    assert str(record["arousal"]) == "0.0"  # not -0.0


def test_confidence_is_the_written_probability_of_the_winner() -> None:
    thirds = {"angry": 0.33336, "neutral": 0.33334, "sad": 0.3333}
    record = to_record(make_row(probabilities=thirds, confidence=0.33336))
    assert [record[name] for name in thirds] == [0.3334, 0.3333, 0.3333]
    assert record["confidence"] == 0.3334


def test_an_alert_may_have_no_probabilities() -> None:
    row = make_row(kind="alert", probabilities={}, arousal=None, valence=None, confidence=0.75)
    assert decode_csv(encode_csv(row)) == row
    assert decode_json(encode_json(row)) == row


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ('a,b "c"', 'a,b "c"'),
        ("two\nlines\r\nand\ttab", "two lines  and tab"),
        ("line\u2028separator\x85", "line separator "),
        ("nul\x00", "nul "),
        ("undecodable\udcff", "undecodable?"),
        ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
        (" padded ", " padded "),
        ("\u4f1a\u8bae \u00fc", "\u4f1a\u8bae \u00fc"),
        ("", ""),
    ],
)
def test_names_of_streams_survive_on_one_line(name: str, written: str) -> None:
    assert one_line(name) == written
    for encode, decode in ((encode_csv, decode_csv), (encode_json, decode_json)):
        line = encode(make_row(stream=name))
        assert len(line.splitlines()) == 1
        assert decode(line).stream == written


finite = st.floats(-1.0, 1.0)
seconds = st.floats(0.0, 1e6)


@st.composite
def rows(draw: st.DrawFn) -> TimelineRow:
    classes = draw(st.lists(st.sampled_from(EMOTIONS), unique=True, min_size=1))
    weights = [draw(st.floats(0.001, 1.0)) for _ in classes]
    shares = {name: w / sum(weights) for name, w in zip(classes, weights, strict=True)}
    start = draw(seconds)
    return make_row(
        stream=draw(st.text(max_size=30)),
        channel=draw(st.integers(0, 199)),
        kind=draw(st.sampled_from(["window", "utterance", "alert"])),
        start=start,
        end=start + draw(st.floats(0.001, 30.0)),
        emotion=draw(st.sampled_from([*EMOTIONS, UNCERTAIN])),
        confidence=max(shares.values()),
        probabilities=shares,
        arousal=draw(st.none() | finite),
        valence=draw(st.none() | finite),
        level_dbfs=draw(st.floats(-120.0, 10.0)),
        adapted=draw(seconds),
        latency_ms=draw(st.none() | st.floats(0.0, 1e5)),
        flags=tuple(draw(st.lists(st.from_regex(r"[a-z0-9_-]+", fullmatch=True), max_size=3))),
    )


@settings(database=None, derandomize=True, deadline=None)
@given(rows())
def test_what_is_written_is_read_back(row: TimelineRow) -> None:
    record = to_record(row)
    for encode, decode in ((encode_csv, decode_csv), (encode_json, decode_json)):
        line = encode(row)
        assert "\n" not in line
        assert to_record(decode(line)) == record
        assert encode(decode(line)) == line
    shares = [share for name in EMOTIONS if isinstance(share := record[name], float)]
    assert sum(round(share * 10_000) for share in shares) == 10_000


@pytest.mark.parametrize("field", ["start", "level_dbfs", "latency_ms", "arousal"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_numbers_that_are_none_never_reach_a_file(field: str, value: float) -> None:
    with pytest.raises(ValueError, match="in a timeline row"):
        to_record(make_row(**{field: value}))


def test_a_class_without_a_column_never_reaches_a_file() -> None:
    with pytest.raises(ValueError, match="'bored'"):
        to_record(make_row(probabilities={"bored": 1.0}))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"schema": 2}, "schema is 2; this version reads 1"),
        ({"kind": "hop"}, "kind is 'hop'"),
        ({"emotion": "bored"}, "emotion is 'bored'"),
        ({"channel": 0.5}, "channel is 0.5"),
        ({"start": "soon"}, "start is 'soon'"),
        ({"start": None}, "start is None"),
        ({"start": True}, "start is True"),
        ({"start": math.nan}, "start is nan"),
        ({"end": 1e15}, "not in order"),
        ({"confidence": -5}, "confidence is -5, not within 0 to 1"),
        ({"confidence": ""}, "confidence is ''"),
        ({"angry": 1.5}, "angry is 1.5, not within 0 to 1"),
        ({"valence": "-2"}, "valence is -2, not within -1 to 1"),
        ({"latency_ms": 1e300}, "latency_ms is 1e\\+300"),
        ({"start": 9.0}, "not in order"),
        ({"start": -1.0}, "not in order"),
        ({"angry": "much"}, "angry is 'much'"),
        ({"adapted": 10**400}, "adapted is 1000"),
        ({"stream": 7}, "stream is 7, not text"),
        ({"flags": ["derived"]}, "flags is"),
    ],
)
def test_a_foreign_record_is_refused(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_record(to_record(make_row()) | change)


def test_a_missing_field_is_named() -> None:
    record = to_record(make_row(probabilities=SIX_CLASSES))
    del record["valence"]
    with pytest.raises(ValueError, match="'valence' is missing"):
        parse_record(record)
