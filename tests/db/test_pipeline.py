# SPDX-License-Identifier: Apache-2.0
"""A transaction in one or two exchanges: what it writes is there once it was committed, and only then."""

import asyncio
import time
from typing import Any

import asyncpg
import pytest

from desmos_fast.base.types import TenantId, uuid7
from desmos_fast.db import pipeline
from desmos_fast.db.kernel import Kind
from desmos_fast.db.leaf import Column, copy_in, is_known, step
from desmos_fast.db.pipeline import CameBetween, Step, exchange, expecting
from desmos_fast.db.pool import COMMAND_TIMEOUT_S, DatabaseDown, Pool
from desmos_fast.db.tenant import transaction
from tests.db.databases import Place
from tests.db.rows import NOW

TAKE = "INSERT INTO counter (tenant_id, kind, name, value) VALUES ($1, 'lot', $2, $3) RETURNING value"
COUNT = "SELECT name, value FROM counter ORDER BY name"
PARSED = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'desmos%'"
WHO = "SELECT pg_backend_pid()"


async def counters(pool: Pool, tenant: TenantId) -> list[tuple[str, int]]:
    async with transaction(pool, tenant) as con:
        return [tuple(row) for row in await con.fetch(COUNT)]


async def backend(pool: Pool, tenant: TenantId) -> int:
    async with transaction(pool, tenant) as con:
        return int(await con.fetchval(WHO))


async def test_what_is_committed_is_there_and_the_connection_goes_on(pool: Pool, tenant: TenantId) -> None:
    before = await backend(pool, tenant)
    for number in (1, 2):
        async with exchange(pool, tenant) as opened:
            (taken,) = await opened.begin(Step(TAKE, (str(tenant), f"n{number}", number)))
            assert taken.rows == [(b"%d" % number,)]
            assert taken.tag == "INSERT 0 1"
            (seen,) = await opened.commit(Step(COUNT))
            assert len(seen.rows) == number
    assert await counters(pool, tenant) == [("n1", 1), ("n2", 2)]
    assert await backend(pool, tenant) == before


async def test_a_whole_transaction_is_one_exchange_and_nothing_of_it_stays_when_it_expects_wrongly(pool: Pool, tenant: TenantId) -> None:
    before, taken = await backend(pool, tenant), Step(TAKE, (str(tenant), "n", 7))
    seven = expecting("SELECT 1 FROM counter WHERE tenant_id = $1 AND value = $2", "1")
    async with exchange(pool, tenant) as opened:
        told = await opened.whole(taken, Step(seven, (str(tenant), 7)), Step(COUNT))
        assert [len(one.rows) for one in told] == [1, 1, 1]
        with pytest.raises(CameBetween):
            await opened.whole(Step(TAKE, (str(tenant), "m", 8)), Step(seven, (str(tenant), 9)))
        await opened.undo()
        (seen,) = await opened.whole(Step(COUNT))
        assert len(seen.rows) == 1
        parsed = await opened.whole(Step(PARSED))
        for _ in range(5):
            with pytest.raises(CameBetween):
                await opened.whole(Step(TAKE, (str(tenant), "m", 8)), Step(seven, (str(tenant), 9)))
            await opened.undo()
        assert (await opened.whole(Step(PARSED)))[0].rows == parsed[0].rows, "what the server knows is not told again"
    assert await counters(pool, tenant) == [("n", 7)]
    assert await backend(pool, tenant) == before


async def test_what_is_not_committed_is_taken_back(pool: Pool, tenant: TenantId) -> None:
    before = await backend(pool, tenant)
    async with exchange(pool, tenant) as opened:
        await opened.begin(Step(TAKE, (str(tenant), "n", 1)))
    assert await counters(pool, tenant) == []
    assert await backend(pool, tenant) == before


async def test_nothing_is_run_after_what_fails(pool: Pool, tenant: TenantId) -> None:
    before = await backend(pool, tenant)
    again = Step(TAKE, (str(tenant), "n", 1))
    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        async with exchange(pool, tenant) as opened:
            await opened.begin()
            await opened.commit(again, again, Step(TAKE, (str(tenant), "m", 1)))
    assert refused.value.constraint_name == "counter_pkey"
    assert await counters(pool, tenant) == []
    # The statements are parsed again, and found good.
    async with exchange(pool, tenant) as opened:
        await opened.begin(again)
        await opened.commit()
    assert await counters(pool, tenant) == [("n", 1)]
    assert await backend(pool, tenant) == before


async def test_rows_of_other_tenants_are_not_there_and_cannot_be_written(pool: Pool, place: Place, tenant: TenantId) -> None:
    other = await place.centre()
    async with exchange(pool, other) as opened:
        await opened.begin(Step(TAKE, (str(other), "theirs", 1)))
        await opened.commit()
    async with exchange(pool, tenant) as opened:
        (seen,) = await opened.begin(Step(COUNT))
        assert seen.rows == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await opened.commit(Step(TAKE, (str(other), "mine", 1)))
    # Nor is a tenant left behind on the connection.
    async with pool.acquire() as con:
        assert await con.fetchval("SELECT current_setting('app.tenant', true)") in ("", None)


async def test_values_come_through_as_they_are(pool: Pool, tenant: TenantId) -> None:
    asked = "SELECT $1::text, $2::text[], $3::bytea[], $4::bigint[], $5::bytea, $6::text[], $7::uuid, $8::text"
    texts, blobs = ['a "b", {c}', "", "é\\"], [b"\0\xff", b""]
    given: tuple[Any, ...] = ("é 'x", texts, blobs, [1, -2], b"\0z", [], tenant, None)
    async with exchange(pool, tenant) as opened:
        (told,) = await opened.begin(Step(asked, given))
        (row,) = told.rows
        assert row[0] == "é 'x".encode()
        assert row[3:] == (b"{1,-2}", b"\\x007a", b"{}", str(tenant).encode(), None)
        (lengths,) = await opened.commit(Step("SELECT t = $1, octet_length(t) FROM unnest($2::text[]) AS t", (texts[0], texts)))
        assert lengths.rows == [(b"t", b"10"), (b"f", b"0"), (b"f", b"3")]
    async with exchange(pool, tenant) as opened:
        (hexed,) = await opened.begin(Step("SELECT b FROM unnest($1::bytea[]) AS b", (blobs,)))
        assert hexed.rows == [(b"\\x00ff",), (b"\\x",)]


async def test_rows_enter_a_leaf_and_a_bad_stream_none(pool: Pool, tenant: TenantId) -> None:
    def rows() -> dict[str, Column]:
        names = [uuid7(), uuid7()]
        values = {"id": Column(Kind.UUID, names), "name": Column(Kind.TEXT, "seen"), "subject": Column(Kind.UUID, names)}
        return values | {"happened_at": Column(Kind.TIMESTAMPTZ, NOW)}

    async with transaction(pool, tenant) as con:
        assert await copy_in(con, "event", tenant, rows()) == 2
    assert is_known("event", tenant)
    async with exchange(pool, tenant) as opened:
        await opened.begin()
        found = await opened.commit(step("event", tenant, rows()), Step("SELECT count(*) FROM event"))
        assert [answered.tag for answered in found] == ["COPY 2", "SELECT 1"]
        assert found[1].rows == [(b"4",)]
    bad = step("event", tenant, rows())
    async with exchange(pool, tenant) as opened:
        await opened.begin()
        with pytest.raises(asyncpg.BadCopyFileFormatError):
            await opened.commit(bad._replace(stream=(bad.stream or b"")[:-9]), step("event", tenant, rows()))
    async with transaction(pool, tenant) as con:
        assert await con.fetchval("SELECT count(*) FROM event") == 4


async def test_a_connection_that_is_lost_is_a_database_that_is_away(pool: Pool, place: Place, tenant: TenantId) -> None:
    with pytest.raises(DatabaseDown):
        async with exchange(pool, tenant) as opened:
            (who,) = await opened.begin(Step(WHO))
            async with place.admin() as con:
                await con.fetchval("SELECT pg_terminate_backend($1)", int(who.rows[0][0] or 0))
            await opened.commit(Step(TAKE, (str(tenant), "n", 1)))
    assert await counters(pool, tenant) == []


async def test_a_connection_that_is_lost_between_two_exchanges_is_told_at_once(pool: Pool, place: Place, tenant: TenantId) -> None:
    with pytest.raises(DatabaseDown):
        async with exchange(pool, tenant) as opened:
            (who,) = await opened.begin(Step(WHO))
            async with place.admin() as con:
                await con.fetchval("SELECT pg_terminate_backend($1, 5000)", int(who.rows[0][0] or 0))
            # Its end is seen while nobody waits for an answer.
            while not opened._transport.is_closing():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            lost = time.monotonic()
            await opened.commit(Step(TAKE, (str(tenant), "n", 1)))
    assert time.monotonic() - lost < COMMAND_TIMEOUT_S / 2
    assert await counters(pool, tenant) == []


async def test_who_leaves_in_the_middle_ends_the_connection(pool: Pool, tenant: TenantId) -> None:
    before = await backend(pool, tenant)

    async def slow() -> None:
        async with exchange(pool, tenant) as opened:
            await opened.begin(Step(TAKE, (str(tenant), "n", 1)), Step("SELECT pg_sleep(3)"))

    task: asyncio.Task[Any] = asyncio.create_task(slow())
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await counters(pool, tenant) == []
    assert await backend(pool, tenant) != before


async def test_an_answer_that_is_given_up_is_never_taken_for_the_next(
    pool: Pool, tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await backend(pool, tenant)
    monkeypatch.setattr(pipeline, "COMMAND_TIMEOUT_S", 0.2)
    for way in ("whole", "in two"):
        with pytest.raises(DatabaseDown):
            async with exchange(pool, tenant) as opened:
                await (opened.whole if way == "whole" else opened.begin)(Step("SELECT pg_sleep(0.3)"))
        monkeypatch.setattr(pipeline, "COMMAND_TIMEOUT_S", 30.0)
        assert await backend(pool, tenant) != before, way
        async with exchange(pool, tenant) as opened:
            (seen,) = await opened.whole(Step("SELECT 7"))
            assert seen.rows == [(b"7",)], way
        before = await backend(pool, tenant)
        monkeypatch.setattr(pipeline, "COMMAND_TIMEOUT_S", 0.2)
