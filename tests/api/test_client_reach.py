# SPDX-License-Identifier: Apache-2.0
"""Every operation of the description can be asked for with the client, as the description says; or says here why not."""

import re
from collections.abc import AsyncIterator
from typing import Any, Final, Literal, NamedTuple, cast

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from api.app import described
from desmos_fast.billing.model import LineResult
from desmos_fast.client import JSON, Client, Streamed

LEFT_OUT: Final = {
    ("GET", "/v1/agents/channel"): "a WebSocket of the workstation's agent, which brings its own",
    ("GET", "/v1/oidc/start"): "leads a browser to a provider of identities",
    ("GET", "/v1/oidc/callback"): "a provider of identities sends a browser here",
}
TAG: Final = '"a-tag"'


class Asked(NamedTuple):
    """One operation: its method and path, and what the description says of them."""

    method: str
    path: str
    says: dict[str, Any]

    @property
    def bodies(self) -> dict[str, Any]:
        return dict(self.says.get("requestBody", {}).get("content", {}))

    @property
    def answers(self) -> list[tuple[int, str | None]]:
        return [
            (int(status), media)
            for status, answer in self.says["responses"].items()
            if int(status) < 300
            for media in answer.get("content", {None: None})
        ]

    def takes(self, header: str) -> bool:
        return any(one["in"] == "header" and one["name"] == header for one in self.says.get("parameters", []))


OPERATIONS: Final = [
    Asked(method.upper(), path, says) for path, methods in described()["paths"].items() for method, says in methods.items()
]


class Recorder:
    """Answers as the description says, and keeps what was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.media: str | None = JSON
        self.seen: list[tuple[web.BaseRequest, bytes]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request, await request.read()))
        body = {
            None: None,
            JSON: b'{"next":null}',
            "application/x-ndjson": b'{"line":1,"id":null}\n{"done":true,"accepted":0,"refused":1}\n',
        }.get(self.media, b"data: some\n\n")
        return web.Response(status=self.status, body=body, headers={} if self.media is None else {"Content-Type": self.media})


@pytest.fixture
async def recorder() -> AsyncIterator[tuple[Recorder, str]]:
    recorder = Recorder()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", recorder.handle)
    running = TestServer(app)
    await running.start_server()
    yield recorder, str(running.make_url(""))
    await running.close()


async def ask(client: Client, one: Asked, path: str, media: str | None, content: str | None) -> object:
    """Ask as a caller would for an answer of this kind."""
    if media == "text/event-stream":
        return [line async for line in client.lines("GET", path, {})]
    if media == "application/x-ndjson":
        return [told async for told in client.stream(path, lambda: [b"{}\n"], LineResult)]
    body = None if one.method in ("GET", "DELETE") else b"{}"
    method = cast(Literal["GET", "POST", "PUT", "DELETE"], one.method)
    reply = await client.send(
        method,
        path,
        body=body,
        content_type=content or JSON,
        if_match=TAG if one.takes("If-Match") else None,
        if_none_match=TAG if one.takes("If-None-Match") else None,
    )
    return msgspec.json.decode(reply.body) if media == JSON else reply.body


@pytest.mark.parametrize("one", OPERATIONS, ids=[f"{one.method} {one.path}" for one in OPERATIONS])
async def test_it_is_asked_for_as_it_is_described(recorder: tuple[Recorder, str], one: Asked) -> None:
    if (one.method, one.path) in LEFT_OUT:
        assert all(status in (101, 302) or media == "text/html" for status, media in one.answers)
        return
    server, url = recorder
    path = re.sub(r"\{[a-z]+\}", "01a21227-0000-7000-8000-000000000001", one.path)
    assert one.answers, "something is answered"
    async with Client(url, "dsf_test_key") as client:
        for content in one.bodies or [None]:
            for server.status, server.media in one.answers:
                server.seen.clear()
                found = await ask(client, one, path, server.media, content)
                ((request, _body),) = server.seen
                assert (request.method, request.path) == (one.method, path)
                assert content is None or request.headers["Content-Type"] == content
                assert not one.takes("Idempotency-Key") or request.headers["Idempotency-Key"]
                for header in ("If-Match", "If-None-Match"):
                    assert request.headers.get(header) == (TAG if one.takes(header) else None)
                if server.media == JSON:
                    assert found == {"next": None}
                elif server.media == "application/x-ndjson":
                    assert found == [LineResult(line=1), Streamed(0, 1)]
                elif server.status == 204:
                    assert found == b""
                else:
                    assert found


async def test_what_is_had_already_is_not_sent_again(recorder: tuple[Recorder, str]) -> None:
    server, url = recorder
    server.status, server.media = 304, None
    async with Client(url, "dsf_test_key") as client:
        reply = await client.send("GET", "/v1/schedule", if_none_match=TAG)
        assert reply.unchanged and not reply.body
        server.status, server.media = 200, JSON
        assert not (await client.send("GET", "/v1/schedule", if_none_match=TAG)).unchanged


def test_what_is_left_out_is_there() -> None:
    assert LEFT_OUT.keys() <= {(one.method, one.path) for one in OPERATIONS}
