from __future__ import annotations

import os
from pathlib import Path

import pytest

from realtime_ser.errors import ConfigError
from realtime_ser.server.auth import TOKEN_VARIABLE, Rules, check_reach, is_loopback, read_token

TOKEN = "0123456789abcdef"


def test_the_token_is_never_shown() -> None:
    assert TOKEN not in repr(Rules(TOKEN))


@pytest.mark.parametrize(
    ("header", "query", "may"),
    [
        (f"Bearer {TOKEN}", None, True),
        (f"bearer {TOKEN} ", None, True),
        (None, TOKEN, True),
        ("Bearer wrong", TOKEN, True),
        (None, None, False),
        ("", "", False),
        (TOKEN, None, False),
        (f"Basic {TOKEN}", None, False),
        (f"Bearer {TOKEN}x", TOKEN[:-1], False),
        ("Bearer é\udc80", "\udc80", False),
    ],
)
def test_header_or_query_bring_the_token(header: str | None, query: str | None, may: bool) -> None:
    assert Rules(TOKEN).may_ask(header, query) is may
    assert Rules().may_ask(header, query)


def test_names_and_origins() -> None:
    local, guarded = Rules(), Rules(TOKEN, ("https://calls.example.com",))
    for host in ("127.0.0.1:8765", "localhost", "LOCALHOST:1", "[::1]:8765"):
        assert local.stranger(host, None) is None
        assert local.stranger(host, f"http://{host}") is None
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost:8765@evil", "", "[::2]"):
        assert local.stranger(host, None) is not None
    assert guarded.stranger("calls.example.com", None) is None
    assert guarded.stranger("inner:8765", "https://calls.example.com") is None
    assert guarded.stranger("Inner:8765", "http://inner:8765") is None
    for origin in ("https://evil.example", "null", "", "file://", "http://[", "http://inner"):
        assert guarded.stranger("inner:8765", origin) is not None


def test_a_token_is_read_from_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert read_token(file, {TOKEN_VARIABLE: "x" * 16}) == TOKEN
    assert read_token(None, {TOKEN_VARIABLE: "x" * 16}) == "x" * 16
    assert read_token(None, {}) is None
    assert read_token(None, {TOKEN_VARIABLE: ""}) is None


@pytest.mark.parametrize("text", ["", "short", "x" * 513, "two words of a token", "\xff" * 20])
def test_poor_tokens_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError, match="token") as caught:
        read_token(file, {})
    assert not text or text not in str(caught.value)
    with pytest.raises(ConfigError):
        read_token(tmp_path / "none", {})
    if Path("/dev/zero").exists():  # has no end
        with pytest.raises(ConfigError):
            read_token(Path("/dev/zero"), {})


def test_elsewhere_needs_a_token() -> None:
    for host in ("127.0.0.1", "127.8.8.8", "localhost", "::1", "[::1]"):
        assert is_loopback(host)
        check_reach(host, None)
    for host in ("0.0.0.0", "::", "192.168.1.2", "calls.example.com", ""):
        with pytest.raises(ConfigError, match="token"):
            check_reach(host, None)
        check_reach(host, TOKEN)


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_pseudonyms_need_a_key_that_nobody_else_reads(tmp_path: Path) -> None:
    from realtime_ser.server.pseudonyms import load_key, pseudonym

    file = tmp_path / "here" / "pseudonyms.key"
    key = load_key(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_key(file) == key
    assert pseudonym("+49301", key) == pseudonym("+49301", key)
    assert pseudonym("+49301", key) != pseudonym("+49302", key)
    assert pseudonym("+49301", key) != pseudonym("+49301", b"x" * 32)
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_key(file)
    file.chmod(0o600)
    file.write_text("no key")
    with pytest.raises(ConfigError, match="not a key"):
        load_key(file)
    with pytest.raises(ConfigError, match="cannot be used"):
        load_key(file / "below")
