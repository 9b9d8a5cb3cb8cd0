# SPDX-License-Identifier: Apache-2.0
"""Large bodies are held a few at a time; the others are sent away before they are read."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from time import perf_counter

import pytest

from api.admission import MOST_STREAMS, Busy, Gate, Shares
from api.body import BULK_LIMIT
from api.keys import BULK, READS, STREAMS
from desmos_fast.base.types import TenantId, uuid7
from desmos_fast.db import numbers
from desmos_fast.db.pool import Connection
from desmos_fast.db.tenant import direct
from desmos_fast.identity.context import Context
from desmos_fast.webhooks import service as webhooks
from desmos_fast.webhooks.model import WebhookList
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


@pytest.mark.parametrize("path", ["/v1/invoices:batch", "/v1/invoices:stream"])
async def test_who_sends_large_bodies_slowly_takes_no_place_from_the_others(
    house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    for gate in (house.app[BULK], house.app[STREAMS]):
        monkeypatch.setattr(gate, "_wait_s", 0.3)
    other, over = await house.desk(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await over.wait()

    async def send() -> None:
        headers = {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": str(uuid7())}
        async with house.session.post(house.url + path, headers=headers, data=slowly()) as response:
            await response.read()

    sending = [asyncio.create_task(send()) for _ in range(MOST_STREAMS)]
    await asyncio.sleep(0.2)
    reply = await other.post(path, b"{}")
    over.set()
    await asyncio.gather(*sending, return_exceptions=True)
    assert reply.status != 503, "one centre holds every place"


PATHS = ["/v1/invoices", "/v1/invoices:batch", "/v1/quotes", "/v1/returns", "/v1/bank-statements", "/v1/reconciliations"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_above_its_route_s_limit_is_not_read(house: House, desk: Desk, path: str) -> None:
    bulk = path not in ("/v1/invoices", "/v1/quotes", "/v1/reconciliations")
    length = BULK_LIMIT + 1 if bulk else 1024 * 1024 + 1
    port = int(house.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {path} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {desk.key}\r\nIdempotency-Key: k\r\nContent-Length: {length}\r\n\r\n"
    writer.write(head.encode())
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 413")
    writer.transport.abort()


async def test_each_centre_has_its_own_share_and_nothing_is_kept_of_who_left() -> None:
    shares, one, other = Shares(1, 0.05), TenantId(uuid7()), TenantId(uuid7())
    async with shares.slot(one):
        async with asyncio.timeout(1), shares.slot(other):
            pass
        with pytest.raises(Busy):
            async with shares.slot(one):
                pass
    async with asyncio.timeout(1), shares.slot(one):
        pass
    assert not shares


@pytest.mark.alone
async def test_a_centre_that_waits_for_itself_leaves_the_others_theirs(house: House, desk: Desk) -> None:
    other = await house.desk()
    async with direct(house.owner_dsn, desk.tenant) as con:
        # What a long batch holds until its end: the next number of the centre's invoices.
        await numbers.take(con, desk.tenant, "invoice", desk.finess, 1)
        waiting = [asyncio.create_task(desk.post("/v1/invoices", desk.invoice()))]
        await asyncio.sleep(0.2)
        waiting += [asyncio.create_task(desk.post("/v1/invoices", desk.invoice())) for _ in range(7)]
        started = perf_counter()
        assert (await house.send("GET", "/readyz", {})).status == 200
        assert (await other.get("/v1/dashboard")).status == 200
        assert (await other.post("/v1/invoices", other.invoice())).status == 201
        assert perf_counter() - started < 0.7, "others do not wait for this centre"
        await asyncio.sleep(1.2)
    replies = await asyncio.gather(*waiting)
    # The first is being committed; the others wait for its end, in vain.
    assert [reply.status for reply in replies] == [201] + [503] * 7
    assert {reply.code for reply in replies if reply.status == 503} == {"busy"}


async def test_a_centre_that_reads_much_at_once_leaves_the_others_a_connection(
    desk: Desk, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await house.desk()
    show = webhooks.show

    async def slow(con: Connection, context: Context, now: datetime) -> WebhookList:
        await con.execute("SELECT pg_sleep(0.8)")
        return await show(con, context, now)

    monkeypatch.setattr(webhooks, "show", slow)
    reading = [asyncio.create_task(desk.get("/v1/webhooks")) for _ in range(8)]
    await asyncio.sleep(0.3)
    replies = [await other.get("/v1/lots"), await house.send("GET", "/readyz", {})]
    assert [reply.status for reply in replies] == [200, 200]
    assert not any(task.done() for task in reading), "nobody waited for them"
    assert {reply.status for reply in await asyncio.gather(*reading)} == {200}
    # Those that wait for too long are told whose fault it is not.
    monkeypatch.setattr(house.app[READS], "_wait_s", 0.1)
    told = await asyncio.gather(*(desk.get("/v1/webhooks") for _ in range(8)))
    assert {(reply.status, reply.status == 503 and reply.code) for reply in told} == {(200, False), (503, "busy")}
