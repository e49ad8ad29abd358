"""The page for people without a terminal: files of this package, and nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

FOLDER: Final = Path(__file__).resolve().parent / "page"
RESPONSIBLE_USE: Final = "responsible-use.md"
"""A wheel has it among the files of the page, a checkout among its documents."""
FILES: Final = {
    "/": ("index.html", "text/html"),
    "/page/page.css": ("page.css", "text/css"),
    "/page/page.js": ("page.js", "text/javascript"),
    "/page/capture-worklet.js": ("capture-worklet.js", "text/javascript"),
    "/page/icon.svg": ("icon.svg", "image/svg+xml"),
    "/page/responsible-use.txt": (RESPONSIBLE_USE, "text/plain"),
}
"""Path -> file and content type. None needs a token: there is no secret in them, and without them
nobody could be asked for one."""
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; "
        "img-src 'self'; media-src blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
}
"""Nothing is loaded from elsewhere or shown inside of another page."""


def page_routes() -> list[Route]:
    """Routes of all files, which are read now."""
    return [_route(path, _content(name), kind) for path, (name, kind) in FILES.items()]


def _route(path: str, content: bytes, kind: str) -> Route:
    async def answer(_: Request) -> Response:
        return Response(content, media_type=kind, headers=HEADERS)

    return Route(path, answer)


def _content(name: str) -> bytes:
    file = FOLDER / name
    if name == RESPONSIBLE_USE and not file.is_file():
        file = FOLDER.parents[2] / "docs" / name
    return file.read_bytes()
