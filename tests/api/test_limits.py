# SPDX-License-Identifier: Apache-2.0
"""What one connection may take of the service, seen from raw sockets: slow ones, many, large heads, and requests with a double bottom."""

import asyncio
import ipaddress
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import web

from api import body, protocol
from api import server as api_server
from api.protocol import came_from
from api.server import Orders
from desmos_fast.base.settings import BadSetting, load
from monitoring import metrics
from tests.api.conftest import Desk, House
from tests.api.crew import Line
from tests.api.smuggling import ONE, REFUSED
from tests.api.test_server import serving

Spied = tuple[int, list[tuple[str, str | None]]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def spied(house: House, **options: Any) -> AsyncIterator[Spied]:
    """Serve, and give the port with the path and the sender of every request that reaches the application."""
    app, orders = house.application(), Orders()
    seen: list[tuple[str, str | None]] = []

    @web.middleware
    async def spy(request: web.Request, handler: Handler) -> web.StreamResponse:
        seen.append((request.path, request.remote))
        return await handler(request)

    app.middlewares.insert(0, spy)
    server, port = await serving(app, orders, **options)
    try:
        yield port, seen
    finally:
        orders.stop.set()
        await asyncio.wait_for(server, 20)


async def spoken(port: int, *parts: bytes, wait_s: float = 5.0) -> tuple[list[int], bool]:
    """Send parts one after the other; return the status of each answer, and whether the connection was ended in time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered, ended = b"", False
    try:
        async with asyncio.timeout(wait_s):
            for part in parts:
                writer.write(part)
                await asyncio.sleep(0.005)
            while data := await reader.read(65536):
                answered += data
        ended = True
    except ConnectionError:
        ended = True
    except TimeoutError:
        pass
    writer.transport.abort()
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] ([0-9]{3}) ", answered)], ended


# --- requests with a double bottom


def raw(case: str) -> bytes:
    return case.encode("utf-8" if "\u0660" in case else "latin-1")


async def test_what_two_readers_might_read_differently_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in one piece and in two: a body may only turn out to be unreadable once the application asked for it."""
    monkeypatch.setattr(api_server, "LINGER_S", 0.05)
    async with spied(house) as (port, seen):
        for name, case in REFUSED.items():
            sent = raw(case)
            statuses, ended = await spoken(port, sent)
            assert seen == [] and statuses == [400] and ended, name
            cut = sent.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in sent else len(sent) // 2
            for place in (cut, len(sent) // 2, 1):
                statuses, ended = await spoken(port, sent[:place], sent[place:])
                assert "/hidden" not in [path for path, _ in seen], name
                assert all(400 <= status < 500 for status in statuses) and len(statuses) <= 2 and ended, (name, place, statuses)
                assert len(statuses) < 2 or statuses[1] == 400, (name, place, statuses)
                seen.clear()


async def test_what_is_odd_and_sound_is_one_request(house: House) -> None:
    after = b"GET /livez HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
    async with spied(house) as (port, seen):
        for name, case in ONE.items():
            sent = raw(case)
            for place in (0, sent.index(b"\r\n\r\n") + 4, len(sent) - 3):
                statuses, ended = await spoken(port, sent[:place], sent[place:], after)
                statuses = [status for status in statuses if status != 100]
                assert "/hidden" not in [path for path, _ in seen], name
                assert len(seen) == len(statuses) <= 2 and ended, (name, place, seen, statuses)
                assert len(seen) == 1 or (seen[1][0], statuses[1]) == ("/livez", 200), (name, place)
                seen.clear()


async def test_an_offer_to_speak_otherwise_is_not_taken_and_costs_no_body(house: House, desk: Desk) -> None:
    """Clients of the Java library offer HTTP/2 with their first request."""
    sent = orjson.dumps(desk.invoice())
    for number, offer in enumerate(("h2c", "websocket")):
        given = {"Idempotency_Key": f"k{number}", "Connection": "Upgrade, HTTP2-Settings", "Upgrade": offer, "HTTP2_Settings": "AAA"}
        async with spied(house) as (port, _), Line(port, desk.key) as line:
            assert (await line.send("POST", "/v1/invoices", sent, **given))[0] == 201
    assert await desk.count("invoice") == 2


# --- large heads


@pytest.mark.parametrize(
    "head",
    [
        pytest.param("GET /" + "x" * 8200 + " HTTP/1.1\r\nHost: t\r\n\r\n", id="path"),
        pytest.param("GET /livez HTTP/1.1\r\nHost: t\r\nX-One: " + "x" * 8200 + "\r\n\r\n", id="value"),
        pytest.param("GET /livez HTTP/1.1\r\nHost: t\r\n" + "x" * 8200 + ": 1\r\n\r\n", id="name"),
        pytest.param("GET /livez HTTP/1.1\r\nHost: t\r\n" + "".join(f"X-{n}: 1\r\n" for n in range(200)) + "\r\n", id="headers"),
    ],
)
async def test_a_head_that_is_too_large_is_refused(house: House, head: str) -> None:
    async with spied(house) as (port, seen):
        assert await spoken(port, head.encode()) == ([400], True)
        assert seen == []


async def test_a_body_that_is_too_large_is_refused_before_it_comes(house: House, desk: Desk) -> None:
    async with spied(house) as (port, _), Line(port, desk.key) as line:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"POST /v1/invoices HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {desk.key}\r\nIdempotency-Key: k\r\n"
            f"Content-Length: {body.LIMIT + 1}\r\n\r\n".encode()
        )
        status, answer = await line.answer(reader)
        writer.transport.abort()
        assert (status, orjson.loads(answer)["code"]) == (413, "body_too_large")


# --- slow ones


def cut(reason: str) -> float:
    return float(metrics.connections_cut.labels(reason)._value.get())


async def dripping(port: int, head: bytes, every_s: float) -> float:
    """Send one byte now and then; return after how long the connection was ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun, ended = time.monotonic(), asyncio.create_task(reader.read())
    for byte in head:
        if ended.done():
            break
        writer.write(bytes([byte]))
        await asyncio.sleep(every_s)
    await asyncio.wait({ended}, timeout=10)
    ended.cancel()
    writer.transport.abort()
    return time.monotonic() - begun


async def test_slow_heads_are_cut_and_cost_the_others_nothing(house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", 0.6)
    head = b"GET /livez HTTP/1.1\r\nHost: t\r\n" + b"X-Slow: 1\r\n" * 100
    before = cut("slow_head")
    async with spied(house) as (port, seen):
        slow = [asyncio.create_task(dripping(port, head, 0.05)) for _ in range(200)]
        slow += [asyncio.create_task(dripping(port, b"", 0.0)) for _ in range(50)]
        took = []
        async with Line(port, desk.key) as line:
            for _ in range(20):
                begun = time.monotonic()
                assert (await line.send("GET", "/v1/lots"))[0] == 200
                took.append(time.monotonic() - begun)
                await asyncio.sleep(0.05)
        ended = await asyncio.gather(*slow)
        assert all(0.4 < seconds < 5 for seconds in ended), (min(ended), max(ended))
        assert {path for path, _ in seen} == {"/v1/lots"} and line.opened == 1, "one that is used is never cut"
    assert cut("slow_head") == before + 250
    assert sorted(took)[10] < 0.5


async def test_a_slow_head_after_a_request_is_cut_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", 0.3)
    async with spied(house) as (port, seen):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: t\r\n\r\n")
        assert (await Line(port).answer(reader))[0] == 200
        await asyncio.sleep(0.6)
        assert not reader.at_eof(), "one that asks for nothing is left alone"
        writer.write(b"GET /livez HTTP/1.1\r\nHost: t\r\n\r\nGET /li")
        assert (await Line(port).answer(reader))[0] == 200
        for byte in b"vez HTTP/1.1\r\nHos":
            if reader.at_eof():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)
        assert reader.at_eof()
        writer.transport.abort()
        assert len(seen) == 2


async def test_slow_bodies_are_cut_and_cost_the_others_nothing(house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "IDLE_S", 0.4)
    head = f"POST /v1/invoices HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {desk.key}\r\nContent-Length: 500\r\n"
    async with spied(house) as (port, _):
        sent = [f"{head}Idempotency-Key: k{number}\r\n\r\n{{".encode() for number in range(30)]
        slow = [asyncio.create_task(spoken(port, one, *[b" "] * 40, wait_s=10)) for one in sent]
        async with Line(port, desk.key) as line:
            for _ in range(5):
                assert (await line.send("GET", "/v1/lots"))[0] == 200
        assert [statuses for statuses, _ in await asyncio.gather(*slow)] == [[408]] * 30
    assert await desk.count("invoice") == 0


async def test_one_connection_too_many_is_told_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 3)
    before = cut("too_many")
    async with spied(house) as (port, seen):
        lines = [Line(port) for _ in range(3)]
        for line in lines:
            assert (await line.send("GET", "/livez"))[0] == 200
        async with Line(port) as fourth:
            status, said = await fourth.send("GET", "/livez")
        assert (status, orjson.loads(said)["code"]) == (503, "busy")
        assert len(seen) == 3 and cut("too_many") == before + 1
        assert (await lines[0].send("GET", "/livez"))[0] == 200
        for line in lines:
            line.close()
        await asyncio.sleep(0.1)
        async with Line(port) as again:
            assert (await again.send("GET", "/livez"))[0] == 200


# --- whose a request is


PROXIES = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32")))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", ["1.2.3.4"], "203.0.113.9"),
        ("10.1.1.1", [], "10.1.1.1"),
        ("10.1.1.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.1.1.1", ["1.2.3.4, 203.0.113.9"], "203.0.113.9"),
        ("10.1.1.1", ["1.2.3.4", "203.0.113.9"], "203.0.113.9"),
        ("10.1.1.1", ["1.2.3.4, 203.0.113.9, 192.0.2.7"], "203.0.113.9"),
        ("10.1.1.1", ["10.9.9.9"], "10.9.9.9"),
        ("10.1.1.1", ["1.2.3.4, me"], None),
        ("10.1.1.1", ["garbage, 203.0.113.9"], "203.0.113.9"),
        ("10.1.1.1", ["203.0.113.9:4711"], None),
        ("::ffff:10.1.1.1", ["203.0.113.9"], "203.0.113.9"),
        ("2001:db8::1", ["2001:4860::8"], "2001:4860::8"),
        ("192.0.2.8", ["203.0.113.9"], "192.0.2.8"),
        (None, ["203.0.113.9"], None),
    ],
)  # fmt: skip
def test_only_a_trusted_proxy_says_whose_a_request_is(peer: str | None, forwarded: list[str], expected: str | None) -> None:
    assert came_from(peer, forwarded, PROXIES) == expected


async def test_requests_bear_the_address_that_a_trusted_proxy_says(house: House) -> None:
    for proxies, expected in (((), "127.0.0.1"), ((ipaddress.ip_network("127.0.0.1"),), "203.0.113.9")):
        async with spied(house, proxies=proxies) as (port, seen), Line(port) as line:
            assert (await line.send("GET", "/livez", X_Forwarded_For="203.0.113.9"))[0] == 200
            assert (await line.send("GET", "/v1/nothing"))[0] == 401
            assert seen == [("/livez", expected), ("/v1/nothing", "127.0.0.1")]
            assert await spoken(port, b"no request\r\n\r\n") == ([400], True)


def test_trusted_proxies_are_addresses_and_networks() -> None:
    read = load({"DESMOS_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.7", "HOME": "/home/x"}).trusted_proxies
    assert read == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("192.0.2.7/32"))
    for wrong in ("10.0.0.1/8", "proxy", "10.0.0.1,", "10.0.0.1 10.0.0.2"):
        with pytest.raises(BadSetting, match="TRUSTED_PROXIES"):
            load({"DESMOS_TRUSTED_PROXIES": wrong, "HOME": "/home/x"})
