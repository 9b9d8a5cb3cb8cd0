# SPDX-License-Identifier: Apache-2.0
"""Bodies and headers over a real socket: bounded, whole, never trusted."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

import api.body
from api.body import flag, idempotency_key, read_body, request_id, uuid_of
from api.problems import of_error, of_http
from desmos_fast.base.errors import DesmosError

LIMIT: Final = 1000
SYNTHETIC: Final = "255089999901227"
GROUPED = ":".join([SYNTHETIC[0], SYNTHETIC[1:3], SYNTHETIC[3:5], SYNTHETIC[5:7], SYNTHETIC[7:10], SYNTHETIC[10:13], SYNTHETIC[13:]])


@web.middleware
async def problems(request: web.Request, handler: object) -> web.StreamResponse:
    try:
        return await handler(request)  # type: ignore[operator, no-any-return]
    except DesmosError as error:
        return of_error(error, "r1")
    except web.HTTPException as error:
        return of_http(error, "r1")


async def size_of_body(request: web.Request) -> web.Response:
    return web.json_response(len(await read_body(request, LIMIT)))


async def key_of(request: web.Request) -> web.Response:
    return web.json_response(idempotency_key(request))


async def id_of(request: web.Request) -> web.Response:
    return web.json_response([request_id(request), flag(request, "draft"), str(uuid_of(request, "id"))])


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    app = web.Application(middlewares=[problems])
    app.router.add_post("/body", size_of_body)
    app.router.add_post("/key", key_of)
    app.router.add_get("/things/{id}", id_of)
    running = TestServer(app)
    await running.start_server(auto_decompress=False)
    yield running
    await running.close()


async def talk(server: TestServer, raw: bytes, *, later: bytes = b"") -> tuple[int, bytes]:
    """Send bytes as they are, some a little later, and return the status and body of the answer."""
    assert server.port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(raw)
        if later:
            await asyncio.sleep(0.05)
            writer.write(later)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        length = int(next(line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")))
        return int(head.split()[1]), await asyncio.wait_for(reader.readexactly(length), 5)
    finally:
        writer.transport.abort()


def post(path: str, headers: str = "", body: bytes = b"") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: t\r\n{headers}\r\n".encode() + body


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (post("/body", "Content-Length: 1001\r\n"), 413, "body_too_large"),
        (post("/body", "Transfer-Encoding: chunked\r\n", b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"), 413, "body_too_large"),
        (post("/body", "Content-Length: 0\r\n"), 400, "empty_body"),
        (post("/body", "Content-Encoding: br\r\nContent-Length: 3\r\n", b"abc"), 415, "media_type"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused(server: TestServer, raw: bytes, status: int, code: str) -> None:
    answered, body = await talk(server, raw)
    assert (answered, orjson.loads(body)["code"]) == (status, code)


@pytest.mark.parametrize("headers", [f"Content-Length: {LIMIT}\r\n", "Transfer-Encoding: chunked\r\n"])
async def test_a_body_of_just_the_limit_passes(server: TestServer, headers: str) -> None:
    data = b"x" * LIMIT
    body = data if "Length" in headers else f"{LIMIT:x}\r\n".encode() + data + b"\r\n0\r\n\r\n"
    assert await talk(server, post("/body", headers, body)) == (200, b"1000")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ("", 400, "idempotency_key_missing"),
        ("Idempotency-Key: \r\n", 400, "idempotency_key_bad"),
        ("Idempotency-Key: a b\r\n", 400, "idempotency_key_bad"),
        ("Idempotency-Key: a\r\nIdempotency-Key: b\r\n", 400, "idempotency_key_bad"),
        (f"Idempotency-Key: {'k' * 256}\r\n", 400, "idempotency_key_bad"),
        (f"Idempotency-Key: {SYNTHETIC}\r\n", 400, "idempotency_key_bad"),
    ],
)
async def test_a_key_of_a_wrong_form_is_refused(server: TestServer, headers: str, status: int, code: str) -> None:
    answered, body = await talk(server, post("/key", headers + "Content-Length: 0\r\n"))
    assert (answered, orjson.loads(body)["code"]) == (status, code)
    assert SYNTHETIC.encode() not in body


async def test_a_key_of_the_right_form_is_taken(server: TestServer) -> None:
    assert await talk(server, post("/key", "Idempotency-Key: 019a-Z~!\r\nContent-Length: 0\r\n")) == (200, b'"019a-Z~!"')


GOOD_ID: Final = "019a0c11-7f2e-7c3a-9d34-4f3a2b1c0d9e"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/things/12", 404, "not_found"),
        (f"/things/%7B{GOOD_ID}%7D", 404, "not_found"),
        (f"/things/{GOOD_ID.replace('-', '')}", 404, "not_found"),
        (f"/things/{GOOD_ID}?draft=yes", 400, "bad_parameter"),
    ],
)
async def test_a_path_or_query_of_a_wrong_form_is_refused(server: TestServer, path: str, status: int, code: str) -> None:
    answered, body = await talk(server, f"GET {path} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
    assert (answered, orjson.loads(body)["code"]) == (status, code)


@pytest.mark.parametrize(
    ("given", "kept"),
    [("abc-1", True), (SYNTHETIC, False), ("a b", False), ("x" * 129, False), (GROUPED, False), (f"web-{GROUPED}", False),
     ("nir255089999901283", False), ("255089999901283x", False), ("2026-11-26T08:00:00.123456", True), ("12:34:56.789123:99", True)],
)  # fmt: skip
async def test_a_request_id_is_kept_only_when_it_is_harmless(server: TestServer, given: str, kept: bool) -> None:
    raw = f"GET /things/{GOOD_ID}?draft=1 HTTP/1.1\r\nHost: t\r\nX-Request-Id: {given}\r\n\r\n".encode()
    status, body = await talk(server, raw)
    found, draft, thing = orjson.loads(body)
    assert (status, draft, thing) == (200, True, GOOD_ID)
    assert (found == given) is kept


async def test_a_body_that_is_cut_is_refused_and_the_server_lives(server: TestServer) -> None:
    assert server.port is not None
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(post("/body", "Content-Length: 100\r\n", b"x" * 10))
    await writer.drain()
    writer.transport.abort()
    assert await talk(server, post("/body", "Content-Length: 1\r\n", b"x")) == (200, b"1")


@pytest.mark.parametrize(
    "later", [pytest.param(b"", id="silence"), pytest.param(b"zz\r\nabc\r\n0\r\n\r\n", id="a chunk that the parser refuses")]
)
async def test_a_body_that_stops_arriving_is_given_up(server: TestServer, monkeypatch: pytest.MonkeyPatch, later: bytes) -> None:
    monkeypatch.setattr(api.body, "IDLE_S", 0.2)
    status, body = await talk(server, post("/body", "Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n"), later=later)
    assert (status, orjson.loads(body)["code"]) == (408, "body_too_slow")


async def test_a_body_that_drips_is_given_up(server: TestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.body, "IDLE_S", 0.3)
    assert server.port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(post("/body", "Content-Length: 900\r\n"))
    answer = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
    # Never silent for long, and still far from done after ten times what the rate allows.
    for _ in range(30):
        if answer.done():
            break
        writer.write(b"x")
        await asyncio.sleep(0.1)
    assert (await asyncio.wait_for(answer, 0)).startswith(b"HTTP/1.1 408")
    writer.transport.abort()
