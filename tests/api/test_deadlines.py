# SPDX-License-Identifier: Apache-2.0
"""A request that takes too long is given up: refused with a code, undone whole, and free to be sent again."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import asyncpg
import orjson
import pytest

from api import deadlines, streams
from api.app import described
from api.keys import DEADLINES
from desmos_fast.base.settings import Deadlines
from desmos_fast.base.types import uuid7
from desmos_fast.db import tenant
from desmos_fast.db.tenant import direct
from tests.api.conftest import Desk, House, Reply
from tests.api.test_invoice_batches import ndjson

SCHEDULE = {"at": ["12:30"], "days": ["mon"]}
# While it is up nothing that is asked takes that long by itself.
ENOUGH_S = 20.0


def limit(house: House, *, ordinary: float = ENOUGH_S, hot: float = ENOUGH_S, long: float = ENOUGH_S) -> None:
    house.app._state[DEADLINES] = Deadlines(ordinary_s=ordinary, hot_s=hot, long_s=long)


@contextlib.asynccontextmanager
async def locked(house: House, table: str) -> AsyncIterator[None]:
    """Let everybody wait for a table."""
    async with direct(house.owner_dsn) as con:
        await con.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield


async def nobody_works(house: House) -> None:
    """Wait until no connection of the service holds or awaits anything."""
    async with asyncio.timeout(ENOUGH_S), direct(house.owner_dsn) as con:
        while await con.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid() AND datname = current_database()"
        ):
            await con.execute("SELECT pg_stat_clear_snapshot()")
            await asyncio.sleep(0.02)


async def put(desk: Desk, key: str) -> Reply:
    headers = {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": key}
    return await desk.house.send("PUT", "/v1/schedule", headers, orjson.dumps(SCHEDULE))


def given_up(reply: Reply) -> None:
    assert (reply.status, reply.code) == (503, "deadline_passed")
    assert 1 <= int(reply.headers["Retry-After"]) <= 5
    assert reply.json["title_fr"] == "Le traitement a pris trop de temps et a été abandonné"


async def test_a_write_that_waits_too_long_leaves_nothing_and_its_key_is_free(house: House, desk: Desk) -> None:
    limit(house, ordinary=0.3)
    async with locked(house, "schedule"):
        given_up(await put(desk, "mine"))
        given_up(await desk.get("/v1/schedule"))
        # While others still hold the table, nothing of ours stands in the line for it.
        async with direct(house.owner_dsn) as con:
            assert await con.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0
    assert await desk.count("schedule") == await desk.count("idempotency") == 0
    await nobody_works(house)
    limit(house)
    assert (await put(desk, "mine")).status == 200
    assert await desk.count("schedule") == 1


async def test_what_was_written_before_it_was_given_up_is_undone(house: House, desk: Desk) -> None:
    """The key is kept last: its table is held, and the schedule itself is written by then."""
    limit(house, ordinary=0.3)
    async with direct(house.owner_dsn) as con:
        await con.execute("LOCK TABLE idempotency IN EXCLUSIVE MODE")
        given_up(await put(desk, "mine"))
    assert await desk.count("schedule") == 0


async def test_a_commit_is_waited_for(house: House, desk: Desk) -> None:
    limit(house, ordinary=0.5)
    async with direct(house.owner_dsn) as con:
        await con.execute("""
            CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1.2); RETURN NULL; END';
            CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON schedule DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()
        """)
    try:
        began = time.monotonic()
        reply = await put(desk, "mine")
        assert reply.status == 200 and time.monotonic() - began > 1
    finally:
        async with direct(house.owner_dsn) as con:
            await con.execute("DROP TRIGGER dawdle ON schedule; DROP FUNCTION dawdle()")
    assert await desk.count("schedule") == 1


async def test_an_invoice_has_a_figure_of_its_own(house: House, desk: Desk) -> None:
    limit(house, hot=0.4)
    key = str(uuid7())
    async with locked(house, "invoice"):
        given_up(await desk.post("/v1/invoices", desk.invoice(), key))
    limit(house)
    # What is committed for several goes on, and the key tells what became of it.
    async with asyncio.timeout(ENOUGH_S):
        while (reply := await desk.post("/v1/invoices", desk.invoice(), key)).status == 409:
            assert reply.code == "idempotency_key_running"
    assert reply.status == 201
    assert await desk.count("invoice") == await desk.count("ledger_entry") == 1


async def test_many_rows_have_a_figure_of_their_own(house: House, desk: Desk) -> None:
    limit(house, long=0.4)
    key, body = str(uuid7()), ndjson(desk.invoice(), desk.invoice())
    async with locked(house, "invoice"):
        given_up(await desk.post("/v1/invoices:batch", body, key))
    await nobody_works(house)
    assert await desk.count("invoice") == 0
    limit(house)
    assert (await desk.post("/v1/invoices:batch", body, key)).json["accepted"] == 2


async def test_a_stream_has_one_for_each_block(house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LINES", 1)
    limit(house, long=0.4)
    body = ndjson(*[desk.invoice()] * 3)
    async with locked(house, "invoice"):
        given_up(await desk.post("/v1/invoices:stream", body, "mine"))
    async with direct(house.owner_dsn) as con:
        await con.execute(
            "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END';"
            "CREATE TRIGGER dawdle AFTER INSERT ON idempotency FOR EACH STATEMENT EXECUTE FUNCTION dawdle()"
        )
    limit(house, long=1)
    try:
        # Four of them take longer than one may, all together.
        slow = await desk.post("/v1/invoices:stream", ndjson(*[desk.invoice()] * 5), "other")
    finally:
        async with direct(house.owner_dsn) as con:
            await con.execute("DROP TRIGGER dawdle ON idempotency; DROP FUNCTION dawdle()")
    assert slow.body.endswith(b'{"done":true,"accepted":5,"refused":0}\n')
    limit(house)
    assert (await desk.post("/v1/invoices:stream", body, "mine")).body.endswith(b'{"done":true,"accepted":3,"refused":0}\n')


async def test_a_caller_who_is_slow_to_send_uses_none_of_it(house: House, desk: Desk) -> None:
    limit(house, ordinary=0.5)
    body = orjson.dumps(SCHEDULE)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(house.url.rpartition(":")[2]))
    head = f"PUT /v1/schedule HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {desk.key}\r\nIdempotency-Key: k\r\nContent-Length: {len(body)}"
    writer.write(f"{head}\r\n\r\n".encode())
    for start in range(0, len(body), 10):
        await asyncio.sleep(0.25)
        writer.write(body[start : start + 10])
    assert (await asyncio.wait_for(reader.readline(), ENOUGH_S)).startswith(b"HTTP/1.1 200")
    writer.transport.abort()


async def test_a_database_that_stands_still_is_not_waited_for(house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenant, "ROLLBACK_S", 0.3)
    assert (await desk.get("/v1/schedule")).status == 404
    limit(house, ordinary=0.5)
    house.wire.freeze()
    try:
        began = time.monotonic()
        reply = await desk.get("/v1/schedule")
        assert reply.status == 503 and time.monotonic() - began < ENOUGH_S
    finally:
        house.wire.thaw()
    limit(house)
    async with asyncio.timeout(ENOUGH_S):
        while (await desk.get("/v1/schedule")).status != 404:
            continue


async def test_what_the_database_says_of_it_is_no_fault_of_ours(house: House, desk: Desk) -> None:
    """A connection that was given up is as good as any."""
    limit(house, ordinary=0.2)
    for _ in range(8):
        async with locked(house, "schedule"):
            given_up(await desk.get("/v1/schedule"))
        assert (await desk.get("/v1/lots")).status == 200
    with pytest.raises(asyncpg.PostgresError):
        async with tenant.transaction(house.pool, desk.tenant) as con:
            await con.execute("SELECT 1/0")


def test_every_route_that_is_named_is_there() -> None:
    assert described()["paths"].keys() >= deadlines.HOT | deadlines.LONG | deadlines.OWN
    assert not deadlines.HOT & deadlines.LONG
