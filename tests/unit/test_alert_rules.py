from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.alerts.address import parse_address
from realtime_ser.alerts.flags import NAME, alert_flag, alerts_of
from realtime_ser.alerts.rules import (
    ANY_NEGATIVE,
    MEASURES,
    PLANE,
    Held,
    Moved,
    Rule,
    parse_rule,
    parse_rules,
)
from realtime_ser.errors import ConfigError
from tests.rows import make_row

NAMES = st.from_regex(r"[a-z0-9_-]{1,60}", fullmatch=True)
SECONDS = st.floats(0.1, 3600.0).map(lambda x: round(x, 3))
WORDS = st.sampled_from(
    ["any", "negative", "angry", "valence", ">=", "<=", ">", "0.6", "-1", "5", "for", "s", "by",
     "falling", "rising", "within", ":", "loud:", "é", "٣", "1e5", "\n", "nan", ""]
)  # fmt: skip


def complaint_of(parse: Callable[[str], object], text: str) -> str | None:
    try:
        parse(text)
    except ConfigError as error:
        return str(error)
    return None


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    name, seconds = draw(NAMES), draw(SECONDS)
    if draw(st.booleans()):
        by = draw(st.floats(0.0, 2.0, exclude_min=True))
        return Moved(name, draw(st.sampled_from(PLANE)), by, seconds, draw(st.booleans()))
    measure = draw(st.sampled_from([*MEASURES, ANY_NEGATIVE]))
    limit: float | None = draw(st.floats(-1.0 if measure in PLANE else 0.0, 1.0))
    if measure == ANY_NEGATIVE:
        return Held(name, measure, draw(st.sampled_from([None, limit])), seconds)
    return Held(name, measure, limit, seconds, below=draw(st.booleans()))


@given(rules())
def test_a_printed_rule_reads_as_itself(rule: Rule) -> None:
    if len(str(rule)) <= 200:
        assert parse_rule(str(rule)) == rule
    unnamed = parse_rule(rule.condition) if len(rule.condition) <= 200 else rule
    assert NAME.fullmatch(unnamed.name)


@given(st.one_of(st.text(), st.lists(WORDS).map(" ".join)))
def test_anything_else_is_one_line(text: str) -> None:
    complaint = complaint_of(parse_rule, text)
    if complaint is None:
        rule = parse_rule(text)
        assert parse_rule(str(rule)) == rule
    else:
        assert len(complaint.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("angry >= 0.6 for 5 s", Held("angry-for-5-s", "angry", 0.6, 5.0)),
        ("  angry>=0.6 for 5s ", Held("angry-for-5-s", "angry", 0.6, 5.0)),
        ("happy <= 0.1 for 2.5 s", Held("low-happy-for-2_5-s", "happy", 0.1, 2.5, below=True)),
        ("gone: valence <= -0.3 for 20 s", Held("gone", "valence", -0.3, 20.0, below=True)),
        ("any negative for 30 s", Held("any-negative-for-30-s", ANY_NEGATIVE, None, 30.0)),
        ("x : any negative >= 1 for 3 s", Held("x", ANY_NEGATIVE, 1.0, 3.0)),
        (
            "valence falling by 0.5 within 60 s",
            Moved("valence-falling-within-60-s", "valence", 0.5, 60.0),
        ),
        ("up:arousal rising by 1 within 9 s", Moved("up", "arousal", 1.0, 9.0, rising=True)),
    ],
)
def test_rules_that_are(text: str, rule: Rule) -> None:
    assert parse_rule(text) == rule


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "ends where there must be one of angry, disgust"),
        ("angri >= 0.6 for 5 s", "'angri' stands in the place of one of angry, .*mean angry"),
        ("angry > 0.6 for 5 s", "'>' stands in the place of '>=' or '<='"),
        ("angry falling by 0.5 within 9 s", "'falling' stands in the place of '>=' or '<='"),
        ("angry >= high for 5 s", "'high' stands in the place of a number"),
        ("angry >= 60 for 5 s", "60 is not 0 to 1"),
        ("valence >= -1.5 for 5 s", "-1.5 is not -1 to 1"),
        ("angry >= 0.6 for 0 s", "0 is not 0.1 to 3600"),
        ("angry >= 0.6 for 5 min", "'min' stands in the place of 's'"),
        ("angry >= 0.6 for 5", "ends where there must be 's'"),
        ("angry >= 0.6 for 5 s or so", "'or' stands in the place of the end"),
        ("any angry for 5 s", "'angry' stands in the place of 'negative'"),
        ("any negative <= 0.5 for 5 s", "'<=' stands in the place of '>=' or 'for'"),
        ("valence falling 0.5 within 60 s", "'0.5' stands in the place of 'by'"),
        ("valence falling by 0 within 60 s", "0 is not above 0, up to 2"),
        ("Too Loud: angry >= 0.6 for 5 s", "'Too Loud' is no name"),
        (": angry >= 0.6 for 5 s", "'' is no name"),
        ("angry " * 50, "is longer than 200"),
    ],
)
def test_rules_that_are_none_name_the_word(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        parse_rule(text)


def test_names_are_unique() -> None:
    texts = ["angry >= 0.6 for 5 s", "angry >= 0.8 for 5 s"]
    with pytest.raises(ConfigError, match=r"0\.8 for 5 s': another one is named angry-for-5-s"):
        parse_rules(texts)
    assert [rule.name for rule in parse_rules([texts[0], f"loud: {texts[1]}"])] == [
        "angry-for-5-s", "loud",
    ]  # fmt: skip


def test_flags_tell_alerts_of_rules_from_marks() -> None:
    flags = ("derived", alert_flag("loud"), "mark:3.0:alert:no")
    assert alerts_of(make_row(kind="alert", flags=flags)) == ["loud"]
    assert alerts_of(make_row(kind="window", flags=flags)) == []


def test_addresses() -> None:
    address = parse_address("https://hooks.example.com:8443/a/b?token=secret")
    assert (address.scheme, address.host, address.port) == ("https", "hooks.example.com", 8443)
    assert address.target == "/a/b?token=secret"
    assert str(address) == "hooks.example.com"
    assert parse_address("http://[::1]").port == 80
    assert parse_address("http://[::1]").target == "/"


@given(st.one_of(st.text(), st.text().map("https://".__add__)))
def test_any_other_address_is_one_line(url: str) -> None:
    complaint = complaint_of(parse_address, url)
    assert complaint is None or len(complaint.splitlines()) == 1
