# SPDX-License-Identifier: Apache-2.0
"""The client against a server that answers as it is told: what is sent again, under which key, and what is not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from desmos_fast.base.errors import OutsideFailed
from desmos_fast.client import Client, Contradicted, Refused, Retries, Unreachable


class Answer(msgspec.Struct):
    number: int


class Said(NamedTuple):
    """One request as the server saw it."""

    method: str
    path: str
    key: str | None
    authorization: str | None
    body: bytes


class Scripted:
    """Answers from a list, the last one for ever; None cuts the connection."""

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url
        self.script: list[web.Response | None] = []
        self.seen: list[Said] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        key, authorization = request.headers.get("Idempotency-Key"), request.headers.get("Authorization")
        self.seen.append(Said(request.method, request.path, key, authorization, await request.read()))
        answer = self.script.pop(0)
        if answer is None:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        return answer

    def client(self, tries: int = 3, timeout_s: float = 5.0) -> Client:
        return Client(self._url(), "dsf_test_key", retries=Retries(tries=tries, base_s=0.001, cap_s=0.001), timeout_s=timeout_s)

    @property
    def keys(self) -> list[str | None]:
        return [said.key for said in self.seen]


def problem(status: int, code: str, **headers: str) -> web.Response:
    body = msgspec.json.encode({"status": status, "code": code, "title": code, "detail": "because"})
    return web.Response(status=status, body=body, content_type="application/problem+json", headers=headers)


def fine() -> web.Response:
    return web.json_response({"number": 12})


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    scripted = Scripted(lambda: str(running.make_url("")))
    app = web.Application(client_max_size=2**23)
    app.router.add_route("*", "/{tail:.*}", scripted.handle)
    running = TestServer(app)
    await running.start_server()
    yield scripted
    await running.close()


async def test_a_write_carries_key_and_type_and_gives_what_the_answer_says(server: Scripted) -> None:
    server.script = [fine()]
    async with server.client() as client:
        assert await client.post("/v1/invoices", Answer, body=b"{}", key="mine") == Answer(12)
    assert server.seen == [Said("POST", "/v1/invoices", "mine", "Bearer dsf_test_key", b"{}")]


async def test_no_answer_comes_compressed() -> None:
    async def shrunk(_request: web.Request) -> web.Response:
        response = web.json_response({"number": 12})
        response.enable_compression()
        return response

    app = web.Application()
    app.router.add_get("/v1/lots", shrunk)
    running = TestServer(app)
    await running.start_server()
    async with Client(str(running.make_url("")), "dsf_test_key") as client:
        assert (await client.send("GET", "/v1/lots")).body == b'{"number": 12}'
    await running.close()


async def test_a_large_body_arrives_whole_and_again(server: Scripted) -> None:
    body = b"0123456789abcdef" * 200_000
    server.script = [problem(503, "busy"), fine()]
    async with server.client() as client:
        await client.post("/v1/returns", Answer, body=body)
    assert [said.body == body for said in server.seen] == [True, True]


async def test_a_question_carries_no_key(server: Scripted) -> None:
    server.script = [fine()]
    async with server.client() as client:
        assert await client.get("/v1/dashboard", Answer) == Answer(12)
    assert server.keys == [None]


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(lambda: problem(503, "database_unavailable"), id="503"),
        pytest.param(lambda: problem(429, "busy"), id="429"),
        pytest.param(lambda: problem(409, "idempotency_key_running"), id="running"),
        pytest.param(lambda: web.Response(status=502, body=b"<html>"), id="proxy"),
        pytest.param(lambda: None, id="cut"),
    ],
)
async def test_what_may_have_had_no_effect_is_sent_again_under_the_same_key(
    server: Scripted, first: Callable[[], web.Response | None]
) -> None:
    server.script = [first(), fine()]
    async with server.client() as client:
        assert await client.post("/v1/invoices", Answer, body=b"{}") == Answer(12)
    assert len(server.seen) == 2
    assert len(set(server.keys)) == 1
    assert server.keys[0]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda: problem(422, "faulty_input"), Refused),
        (lambda: problem(401, "unauthorized"), Refused),
        (lambda: problem(409, "centre_exists"), Contradicted),
        (lambda: problem(500, "internal"), OutsideFailed),
    ],
)
async def test_what_will_not_change_is_sent_once(server: Scripted, answer: Callable[[], web.Response], error: type[Exception]) -> None:
    server.script = [answer()]
    async with server.client() as client:
        with pytest.raises(error, match="because") as raised:
            await client.post("/v1/invoices", Answer, body=b"{}")
    assert len(server.seen) == 1
    assert not isinstance(raised.value, Unreachable)


async def test_after_the_last_try_the_error_names_the_key_to_send_again(server: Scripted) -> None:
    server.script = [problem(503, "stopping") for _ in range(3)]
    async with server.client(tries=3) as client:
        with pytest.raises(Unreachable) as raised:
            await client.post("/v1/invoices", Answer, body=b"{}", key="kept")
    assert server.keys == ["kept"] * 3
    assert raised.value.key == "kept"
    assert "kept" in raised.value.hint


async def test_the_wait_that_the_service_asks_for_is_kept(server: Scripted) -> None:
    server.script = [problem(503, "database_unavailable", **{"Retry-After": "1"}), fine()]
    started = asyncio.get_running_loop().time()
    async with server.client() as client:
        await client.post("/v1/invoices", Answer, body=b"{}")
    assert asyncio.get_running_loop().time() - started >= 1.0


async def test_retries_are_a_small_part_of_the_requests(server: Scripted) -> None:
    server.script = [problem(503, "stopping") for _ in range(1000)]
    async with server.client(tries=100) as client:
        for _ in range(20):
            with pytest.raises(Unreachable):
                await client.post("/v1/invoices", Answer, body=b"{}")
    # 10 are saved up, and one is earned by ten requests.
    assert 30 <= len(server.seen) <= 32


async def test_an_answer_of_another_shape_is_not_quoted(server: Scripted) -> None:
    server.script = [web.json_response({"number": "255089999901234"})]
    async with server.client() as client:
        with pytest.raises(OutsideFailed, match="another shape") as raised:
            await client.get("/v1/dashboard", Answer)
    assert "255089999901234" not in f"{raised.value} {raised.value.hint}"


async def test_a_service_that_is_not_there_is_unreachable() -> None:
    async with Client("http://127.0.0.1:9", "dsf_test_key", retries=Retries(tries=2, base_s=0.001)) as client:
        with pytest.raises(Unreachable):
            await client.get("/livez", Answer)


async def test_a_stored_answer_says_so(server: Scripted) -> None:
    server.script = [web.json_response({"number": 12}, headers={"Idempotency-Replayed": "true", "X-Request-Id": "r-1"}), fine()]
    async with server.client() as client:
        first = await client.send("POST", "/v1/invoices", body=b"{}")
        second = await client.send("POST", "/v1/invoices", body=b"{}")
    assert (first.replayed, first.request_id, second.replayed) == (True, "r-1", False)


async def test_a_client_is_used_inside_its_block() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await Client("http://127.0.0.1:9", "dsf_test_key").get("/livez", Answer)
