# SPDX-License-Identifier: Apache-2.0
"""What the server says of itself, and how it leaves."""

import asyncio
import io
import socket
from collections.abc import Sequence

import aiohttp
import orjson
import pytest
from aiohttp import web

from api.keys import LIFE
from api.server import Orders, PortTaken, check_library, open_port, open_shared, serve
from desmos_fast.base.settings import Network
from desmos_fast.base.types import uuid7
from tests.api.conftest import Desk, House


async def serving(
    app: web.Application, orders: Orders, *, grace_s: float = 0.0, proxies: Sequence[Network] = ()
) -> tuple[asyncio.Task[None], int]:
    """Serve on a free port, and return the task and the port."""
    (listener,), ready = open_port("127.0.0.1", 0), asyncio.Event()
    port = listener.getsockname()[1]
    task = asyncio.create_task(serve(app, [listener], orders, listening=ready.set, grace_s=grace_s, proxies=proxies))
    await asyncio.wait_for(ready.wait(), 5)
    return task, port


async def test_an_answer_says_nothing_that_helps_an_attacker(desk: Desk) -> None:
    reply = await desk.get("/v1/nothing")
    assert reply.headers["Server"] == "desmos-fast"
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]


async def test_metrics_hold_patterns_and_no_identifier(house: House, desk: Desk) -> None:
    absent = uuid7()
    assert (await desk.get(f"/v1/invoices/{absent}")).status == 404
    text = (await house.send("GET", "/metrics", {})).body.decode()
    assert 'desmos_http_requests_total{method="GET",route="/v1/invoices/{id}",status="404"}' in text
    assert str(absent) not in text
    assert desk.finess not in text
    assert str(desk.tenant) not in text


async def test_a_slow_loop_is_not_ready(house: House) -> None:
    house.app[LIFE].lag_s = 0.6
    reply = await house.send("GET", "/readyz", {})
    assert (reply.status, reply.json["reason"]) == (503, "slow_loop")


def test_the_library_is_new_enough_and_compiled() -> None:
    check_library()


async def test_the_server_finishes_what_runs_before_it_leaves(house: House, desk: Desk) -> None:
    app, orders = house.application(), Orders()
    server, port = await serving(app, orders, grace_s=0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /v1/reconciliations HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {desk.key}\r\nIdempotency-Key: k\r\n"
    writer.write(head.encode() + b"Content-Length: 2\r\n\r\n{")
    await asyncio.sleep(0.05)
    orders.stop.set()
    await asyncio.sleep(0.05)
    assert (app[LIFE].leaving, app[LIFE].closed) == (True, False)
    await asyncio.sleep(0.2)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    assert not server.done()
    writer.write(b"}")
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"Connection: close" in answer
    await asyncio.wait_for(server, 5)
    writer.transport.abort()


def test_a_port_that_is_taken_is_said() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(PortTaken, match="cannot be listened on"):
            open_port("127.0.0.1", other.getsockname()[1])


@pytest.mark.parametrize("host", ["203.0.113.7", "x" * 300])
def test_a_host_that_is_none_of_this_machine_is_said(host: str) -> None:
    with pytest.raises(PortTaken) as refused:
        open_port(host, 0)
    assert refused.value.hint is not None and "--host" in refused.value.hint


def test_a_port_is_shared_among_ours_and_with_nobody_else() -> None:
    ours = open_shared("127.0.0.1", 0, 3)
    (port,) = {listener.getsockname()[1] for place in ours for listener in place}
    with pytest.raises(PortTaken):
        open_shared("127.0.0.1", port, 2)
    for place in ours:
        for listener in place:
            listener.close()


async def test_a_server_that_leaves_is_not_ready_and_then_takes_no_work(house: House, desk: Desk) -> None:
    life = house.app[LIFE]
    life.leaving = True
    assert (await house.send("GET", "/readyz", {})).json["reason"] == "stopping"
    reply = await desk.get("/v1/nothing")
    assert (reply.status, reply.headers["Connection"]) == (404, "close")
    life.closed = True
    reply = await desk.get("/v1/nothing")
    assert (reply.status, reply.code) == (503, "stopping")
    assert 1 <= int(reply.headers["Retry-After"]) <= 5
    assert (await house.send("GET", "/livez", {})).status == 200
    async with aiohttp.ClientSession() as session, session.get(house.url + "/metrics") as metrics:
        assert metrics.status == 200


SYNTHETIC = "255089999901227"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(f"{SYNTHETIC} /livez HTTP/1.1\r\nHost: t\r\n\r\n", id="method"),
        pytest.param(f"GET /livez HTTP/1.1\r\nHost: t\r\n{SYNTHETIC}\0: 1\r\n\r\n", id="header name"),
        pytest.param(f"GET /livez HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer dsf_test_leaked\0{SYNTHETIC}\r\n\r\n", id="header value"),
        pytest.param(f"POST /livez HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nContent-Length: {SYNTHETIC}\r\n\r\nx", id="two lengths"),
        pytest.param(f"GET /{SYNTHETIC}{'x' * 9000} HTTP/1.1\r\nHost: t\r\n\r\n", id="long path"),
        pytest.param(f"POST /livez HTTP/1.1\r\nHost: t\r\nConnection: close\r\nExpect: {SYNTHETIC}\r\n\r\n", id="expectation"),
    ],
)
async def test_what_is_not_http_is_refused_by_a_problem_that_repeats_nothing(house: House, log: io.StringIO, raw: str) -> None:
    orders = Orders()
    server, port = await serving(house.application(), orders)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw.encode())
    head, _, body = (await asyncio.wait_for(reader.read(), 5)).partition(b"\r\n\r\n")
    writer.transport.abort()
    orders.stop.set()
    await asyncio.wait_for(server, 5)
    assert head.split()[1] in (b"400", b"417")
    assert b"Content-Type: application/problem+json" in head
    assert b"Server: desmos-fast" in head
    assert orjson.loads(body)["code"] == "bad_request"
    said = body.decode() + log.getvalue()
    assert SYNTHETIC not in said
    assert "dsf_test_leaked" not in said
    assert "Traceback" not in said
