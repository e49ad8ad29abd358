from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from realtime_ser.web.guard import HEADERS, Guard, add_headers

TOKEN = "sesame"
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """Of a server that says ``inside`` to whom the guard lets in."""

    async def inside(_: web.Request) -> web.Response:
        return web.Response(text="inside")

    app = web.Application(middlewares=[Guard(TOKEN, "key").admit])
    app.on_response_prepare.append(add_headers)
    app.router.add_get("/", inside)
    async with TestClient(TestServer(app, host="127.0.0.1")) as client:
        yield client


async def ask(client: Client, path: str = f"/?token={TOKEN}", **headers: str) -> tuple[int, str]:
    async with client.get(path, headers=headers) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=Sesame", "/?token=%ff%00", "/nowhere"])
async def test_without_the_token_nothing_is_answered(client: Client, path: str) -> None:
    status, text = await ask(client, path)
    assert status == 403
    assert text.count("\n") == 1
    assert text.startswith("realtime-ser: ")
    assert "token" in text


async def test_the_token_is_said_once(client: Client) -> None:
    async with client.get(f"/?token={TOKEN}") as answer:
        assert (answer.status, await answer.text()) == (200, "inside")
        cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert await ask(client, "/") == (200, "inside")
    assert (await ask(client, "/nowhere"))[0] == 404


async def test_a_cookie_must_be_right_too(client: Client) -> None:
    assert (await ask(client, "/", Cookie="key=sesamo"))[0] == 403
    assert (await ask(client, "/", Cookie=f"other={TOKEN}"))[0] == 403
    assert (await ask(client, "/", Cookie=f"key={TOKEN}"))[0] == 200


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST:9000", "[::1]:9000"])
async def test_this_machine_may_be_asked_by_its_names(client: Client, name: str) -> None:
    assert (await ask(client, Host=name))[0] == 200


@pytest.mark.parametrize(
    "name", ["evil.test", "evil.test:8000", "127.0.0.1.evil.test", "localhost@evil.test", "", "a:b"]
)
async def test_a_foreign_name_that_leads_here_is_refused(client: Client, name: str) -> None:
    status, text = await ask(client, Host=name)
    assert status == 403
    assert "127.0.0.1" in text


async def test_a_page_from_elsewhere_is_refused(client: Client) -> None:
    host = f"127.0.0.1:{client.port}"
    assert (await ask(client, Origin=f"http://{host}"))[0] == 200
    for origin in ("http://evil.test", "http://127.0.0.1:1", f"https://{host}", "null", ""):
        status, text = await ask(client, Origin=origin)
        assert status == 403, origin
        assert "another page" in text


async def test_a_websocket_must_say_where_it_comes_from(client: Client) -> None:
    assert (await ask(client, Upgrade="websocket", Connection="Upgrade"))[0] == 403
    status, _ = await ask(
        client,
        Upgrade="websocket",
        Connection="Upgrade",
        Origin=f"http://127.0.0.1:{client.port}",
    )
    assert status == 200


async def test_every_answer_forbids_to_load_from_elsewhere(client: Client) -> None:
    for path in (f"/?token={TOKEN}", "/?token=wrong", "/nowhere"):
        async with client.get(path) as answer:
            assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "http" not in HEADERS["Content-Security-Policy"]
