"""The files of the page, as they are served."""

from __future__ import annotations

import re

import aiohttp
import pytest

from realtime_ser.server.assets import FILES, FOLDER
from realtime_ser.server.auth import Rules
from realtime_ser.sinks.row_format import FIELDS
from realtime_ser.types import EMOTIONS
from realtime_ser.ui.palette import DARK, LIGHT, Palette
from tests.server.serving import serving

TOKEN = "a-token-of-enough-length"
ROOMS = (
    "background", "raised", "track", "rule", "muted", "ink", "level", "caution", "alarm",
    "alarm_background",
)  # fmt: skip


@pytest.mark.parametrize("path", FILES)
async def test_every_file_is_served_without_a_token_and_loads_nothing_from_elsewhere(
    path: str,
) -> None:
    async with (
        serving(rules=Rules(TOKEN)) as stage,
        aiohttp.ClientSession(f"http://{stage.url}") as session,
        session.get(path) as answer,
    ):
        assert answer.status == 200
        content = await answer.text()
        assert answer.content_type == FILES[path][1]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        policy = dict(
            part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
        )
        assert policy.pop("default-src") == "'none'"
        assert policy.pop("media-src") == "blob:"  # a recording that was chosen
        assert set(policy.values()) == {"'self'", "'none'"}
        assert not re.search(r"""(src|href|url\(|import)[^\n]{0,3}["'( ]*(https?:)?//""", content)


async def test_what_is_heard_still_needs_the_token() -> None:
    async with serving(rules=Rules(TOKEN)) as stage:
        for path in ("/v1/streams", "/metrics", "/page/", "/page/../book.py", "/index.html"):
            assert (await stage.get(path))[0] == 401
        assert (await stage.get("/page/none.js", Authorization=f"Bearer {TOKEN}"))[0] == 404


def test_a_style_in_a_tag_would_be_refused() -> None:
    html = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"\s(style|on\w+)=|<style|<script(?![^>]*\ssrc=)", html)


def test_colours_and_signs_are_those_of_the_screen() -> None:
    css = (FOLDER / "page.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    for block, palette in ((light, LIGHT), (dark, DARK)):
        found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
        assert expected(palette).items() <= found.items()
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    signs = re.findall(r'^  (\w+): \["(.)", "(.)"\],$', script, re.MULTILINE)
    assert signs == [(name, look.letter, look.emoji) for name, look in LIGHT.looks.items()]
    assert tuple(name for name, *_ in signs if name in EMOTIONS) == EMOTIONS


def test_the_script_knows_the_fields_of_a_timeline() -> None:
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    listed = re.search(r"^const FIELDS = \[(.*?)\];", script, re.DOTALL | re.MULTILINE)
    assert listed is not None
    names = re.findall(r'"(\w+)"|(\.\.\.EMOTIONS)', listed[1])
    fields: list[str] = []
    for name, all_emotions in names:
        fields += EMOTIONS if all_emotions else (name,)
    assert tuple(fields) == FIELDS


def expected(palette: Palette) -> dict[str, str]:
    rooms = {name.replace("_", "-"): getattr(palette, name) for name in ROOMS}
    return rooms | {name: look.color for name, look in palette.looks.items()}
