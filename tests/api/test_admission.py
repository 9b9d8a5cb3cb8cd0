# SPDX-License-Identifier: Apache-2.0
"""Large bodies are held a few at a time; the others are sent away before they are read."""

import asyncio

import pytest

from api.admission import Busy, Gate
from api.body import BULK_LIMIT
from api.keys import BULK
from tests.api.conftest import Desk, House


async def test_a_freed_slot_goes_to_who_waits() -> None:
    gate, order = Gate(1, 1.0), list[str]()

    async def visit(name: str) -> None:
        async with gate.slot():
            order.append(name)
            await asyncio.sleep(0.01)

    await asyncio.gather(*(visit(name) for name in "abc"))
    assert order == ["a", "b", "c"]


async def test_the_wait_and_the_queue_have_an_end() -> None:
    gate = Gate(1, 0.05)
    async with gate.slot():
        waiting = [asyncio.create_task(gate.slot().__aenter__()) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="wait already"):
            await gate.slot().__aenter__()
        assert all(isinstance(found, Busy) for found in await asyncio.gather(*waiting, return_exceptions=True))
    async with asyncio.timeout(1), gate.slot():
        pass


async def test_who_gives_up_waiting_leaves_no_slot_behind() -> None:
    gate = Gate(1, 1.0)
    async with gate.slot():
        waiting = asyncio.create_task(gate.slot().__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(1), gate.slot():
        pass


async def test_a_service_full_of_large_bodies_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = desk.house.app[BULK]
    monkeypatch.setattr(gate, "_wait_s", 0.05)
    async with gate.slot(), gate.slot(), gate.slot(), gate.slot():
        reply = await desk.post("/v1/returns", b"000")
        assert (reply.status, reply.code) == (503, "busy")
        assert 1 <= int(reply.headers["Retry-After"]) <= 5
    assert (await desk.post("/v1/returns", b"000")).status != 503


@pytest.mark.parametrize("path", ["/v1/invoices", "/v1/invoices:batch", "/v1/returns", "/v1/bank-statements", "/v1/reconciliations"])
async def test_a_body_above_its_route_s_limit_is_not_read(house: House, desk: Desk, path: str) -> None:
    bulk = path not in ("/v1/invoices", "/v1/reconciliations")
    length = BULK_LIMIT + 1 if bulk else 1024 * 1024 + 1
    port = int(house.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {path} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {desk.key}\r\nIdempotency-Key: k\r\nContent-Length: {length}\r\n\r\n"
    writer.write(head.encode())
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 413")
    writer.transport.abort()
