# SPDX-License-Identifier: Apache-2.0
"""A connection that is lent in the middle of a transaction: the driver goes on with it, whatever happened meanwhile."""

import asyncio
import time

import asyncpg
import pytest

from desmos_fast.base.types import TenantId
from desmos_fast.db.pipeline import Step
from desmos_fast.db.pool import DatabaseDown, Pool
from desmos_fast.db.tenant import transaction
from desmos_fast.db.within import CANCEL_S, within
from tests.db.databases import Place

TAKE = "INSERT INTO counter (tenant_id, kind, name, value) VALUES ($1, 'lot', $2, $3) RETURNING value"
NAMES = "SELECT name FROM counter ORDER BY name"
WHO = "SELECT pg_backend_pid()"


async def names(pool: Pool, tenant: TenantId) -> list[str]:
    async with transaction(pool, tenant) as con:
        return [row["name"] for row in await con.fetch(NAMES)]


async def backend(pool: Pool, tenant: TenantId) -> int:
    async with transaction(pool, tenant) as con:
        return int(await con.fetchval(WHO))


async def test_steps_are_part_of_the_transaction(pool: Pool, tenant: TenantId) -> None:
    before = await backend(pool, tenant)
    async with transaction(pool, tenant) as con:
        await con.fetchval(TAKE, tenant, "before", 1)
        async with within(con, tenant) as opened:
            assert await opened.answers() == []
            for number in (1, 2):
                opened.send(Step(TAKE, (str(tenant), f"n{number}", number)), Step(NAMES))
                taken, seen = await opened.answers()
                assert (taken.rows, taken.tag, len(seen.rows)) == ([(b"%d" % number,)], "INSERT 0 1", number + 1)
            assert await opened.answers() == []
        await con.fetchval(TAKE, tenant, "then", 1)
        assert len(await con.fetch(NAMES)) == 4
    assert await names(pool, tenant) == ["before", "n1", "n2", "then"]
    assert await backend(pool, tenant) == before


async def test_what_is_taken_back_is_not_there(pool: Pool, tenant: TenantId) -> None:
    before = await backend(pool, tenant)
    async with transaction(pool, tenant) as con:
        await con.fetchval(TAKE, tenant, "kept", 1)
        with pytest.raises(asyncpg.UniqueViolationError):
            async with con.transaction(), within(con, tenant) as opened:
                opened.send(Step(TAKE, (str(tenant), "lost", 1)))
                await opened.answers()
                opened.send(Step(TAKE, (str(tenant), "kept", 1)), Step(TAKE, (str(tenant), "never", 1)))
                await opened.answers()
    assert await names(pool, tenant) == ["kept"]
    assert await backend(pool, tenant) == before


async def test_who_leaves_in_the_middle_waits_for_nothing(pool: Pool, tenant: TenantId) -> None:
    before, began = await backend(pool, tenant), time.monotonic()
    async with transaction(pool, tenant) as con:
        await con.fetchval(TAKE, tenant, "kept", 1)
        with pytest.raises(TimeoutError):
            async with con.transaction(), within(con, tenant) as opened, asyncio.timeout(0.2):
                opened.send(Step(TAKE, (str(tenant), "lost", 1)), Step("SELECT pg_sleep(60)"))
                await opened.answers()
    assert time.monotonic() - began < CANCEL_S
    assert await names(pool, tenant) == ["kept"]
    assert await backend(pool, tenant) == before


async def test_what_nobody_waits_for_is_given_up(pool: Pool, tenant: TenantId) -> None:
    began = time.monotonic()
    async with transaction(pool, tenant) as con:
        with pytest.raises(ValueError, match="ours"):
            async with con.transaction(), within(con, tenant) as opened:
                opened.send(Step("SELECT pg_sleep(60)"), Step(NAMES))
                raise ValueError("ours")
        await con.fetchval(TAKE, tenant, "kept", 1)
        async with within(con, tenant) as opened:
            # It was to be parsed after what was given up.
            opened.send(Step(NAMES))
            assert [answered.rows for answered in await opened.answers()] == [[(b"kept",)]]
    assert time.monotonic() - began < CANCEL_S
    assert await names(pool, tenant) == ["kept"]


async def test_a_connection_that_is_lost_is_a_database_that_is_away(pool: Pool, place: Place, tenant: TenantId) -> None:
    with pytest.raises(DatabaseDown):
        async with transaction(pool, tenant) as con, within(con, tenant) as opened:
            opened.send(Step(TAKE, (str(tenant), "lost", 1)), Step(WHO))
            _, who = await opened.answers()
            opened.send(Step("SELECT pg_sleep(60)"))
            async with place.admin() as other:
                await other.fetchval("SELECT pg_terminate_backend($1)", int(who.rows[0][0] or 0))
            await opened.answers()
    assert await names(pool, tenant) == []
