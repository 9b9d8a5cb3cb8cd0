# SPDX-License-Identifier: Apache-2.0
"""`/v1/openapi.json`, the description of this API, and `/docs`, a page that shows it: both public, from local files alone."""

import functools
import gzip
import hashlib
import inspect
from typing import Any, Final, NamedTuple

import msgspec
from aiohttp import web
from swagger_ui_bundle import swagger_ui_path  # type: ignore[import-untyped]

from api.body import route_of
from api.coding import takes_gzip
from api.conditions import COMPRESSED
from api.contract.document import describe, sparse_answers
from api.keys import ANSWERS
from api.problems import NotFound
from api.writes import SHRUNK_FROM

routes: Final = web.RouteTableDef()
CACHE: Final = "public, max-age=300"
# The page draws small icons from data: addresses and sets styles on its elements; scripts come from here alone.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE: Final = b"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>desmos_fast: the HTTP API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START: Final = b"""SwaggerUIBundle({url: "v1/openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null});
"""
PICTURES: Final = frozenset({"image/png"})
TYPES: Final = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript", "favicon-32x32.png": "image/png"}


class File(NamedTuple):
    """Bytes that every process gives alike, the same under gzip where that is worth it, and what tells them from others."""

    data: bytes
    small: bytes | None
    content_type: str
    etag: str


def file(data: bytes, content_type: str) -> File:
    """Return bytes with their tag, compressed once for all who ask."""
    small = gzip.compress(data, mtime=0) if len(data) >= SHRUNK_FROM and content_type not in PICTURES else None
    return File(data, small, content_type, hashlib.sha256(data).hexdigest()[:32])


FILES: Final[dict[str, File]] = {"start.js": file(START, "text/javascript")}


class Description:
    """The description of one application, written when it is first asked for."""

    def __init__(self, app: web.Application) -> None:
        self._app = app

    @functools.cached_property
    def file(self) -> File:
        """Return its bytes."""
        return file(msgspec.json.encode(description(self._app)), "application/json")


DESCRIPTION: Final = web.AppKey("description", Description)


def description(app: web.Application) -> dict[str, Any]:
    """Return the OpenAPI description of every route of an application."""
    handlers: dict[tuple[str, str], str] = {}
    for route in app.router.routes():
        if route.method != "HEAD" and route.resource is not None:
            handlers[route.method, route.resource.canonical] = inspect.getdoc(route.handler) or ""
    return describe(handlers)


def answer(request: web.Request, found: File) -> web.StreamResponse:
    """Answer with a file, or that the caller has it already."""
    given = {tag.value.removesuffix(COMPRESSED) for tag in request.if_none_match or ()}
    small = found.small if takes_gzip(request.headers.get("Accept-Encoding", "")) else None
    headers = {} if found.small is None else {"Vary": "Accept-Encoding"}
    if found.etag in given or "*" in given:
        response = web.Response(status=304, headers=headers)
    else:
        if small is not None:
            headers["Content-Encoding"] = "gzip"
        body, kind = found.data if small is None else small, found.content_type
        response = web.Response(body=body, headers=headers, content_type=kind, charset=_charset(kind))
    response.etag = found.etag + ("" if small is None else COMPRESSED)
    return response


def _charset(content_type: str) -> str | None:
    return "utf-8" if content_type.startswith("text/") else None


async def dress(request: web.Request, response: web.StreamResponse) -> None:
    """Let what is the same for all be kept by caches, and the page load its own files: the headers of other answers forbid both."""
    if route_of(request) in ("/v1/openapi.json", "/docs", "/docs/{file}") and response.status in (200, 304):
        response.headers["Cache-Control"] = CACHE
        response.headers["Content-Security-Policy"] = POLICY


@routes.get("/v1/openapi.json")
async def show(request: web.Request) -> web.StreamResponse:
    """Give this description."""
    return answer(request, request.app[DESCRIPTION].file)


@routes.get("/docs")
async def page(_request: web.Request) -> web.StreamResponse:
    """Show this description as a page."""
    return web.Response(body=PAGE, content_type="text/html", charset="utf-8")


@routes.get("/docs/{file}")
async def part(request: web.Request) -> web.StreamResponse:
    """Give a file of the page."""
    name = request.match_info["file"]
    if name in TYPES and name not in FILES:
        FILES[name] = file((swagger_ui_path / name).read_bytes(), TYPES[name])
    if name not in FILES:
        raise NotFound("the page has no such file")
    return answer(request, FILES[name])


def set_up(app: web.Application) -> None:
    """Let an application describe itself."""
    app[DESCRIPTION] = Description(app)
    app[ANSWERS] = sparse_answers()
    app.on_response_prepare.append(dress)
