# SPDX-License-Identifier: Apache-2.0
"""Numbers have no gap and come once, whoever asks at the same time and whatever breaks."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import asyncpg
import pytest

from desmos_fast.base.errors import OurBug
from desmos_fast.base.types import TenantId
from desmos_fast.db import pool as pools
from desmos_fast.db.numbers import take
from desmos_fast.db.pool import Connection, Pool
from desmos_fast.db.tenant import transaction
from tests.db.databases import Place
from tests.db.storm import WRITERS, storm


@pytest.fixture
async def pool(place: Place) -> AsyncIterator[Pool]:
    opened = await pools.create(place.app_dsn, WRITERS)
    yield opened
    await opened.close()


@pytest.fixture
async def tenant(place: Place) -> TenantId:
    return await place.centre()


async def one(pool: Pool, tenant: TenantId, kind: str = "lot", name: str = "b", count: int = 1) -> int:
    async with transaction(pool, tenant) as con:
        return await take(con, tenant, kind, name, count)


async def test_numbers_begin_at_one_and_follow_each_other(pool: Pool, tenant: TenantId) -> None:
    assert [await one(pool, tenant, count=count) for count in (1, 5, 1, 1000, 1)] == [1, 2, 7, 8, 1008]


async def test_each_kind_name_and_centre_has_its_own(pool: Pool, place: Place, tenant: TenantId) -> None:
    await one(pool, tenant, count=3)
    assert await one(pool, tenant, kind="file") == 1
    assert await one(pool, tenant, name="c") == 1
    assert await one(pool, await place.centre()) == 1
    assert await one(pool, tenant) == 4


@pytest.mark.parametrize("count", [0, -1])
async def test_less_than_one_number_is_our_bug(pool: Pool, tenant: TenantId, count: int) -> None:
    with pytest.raises(OurBug):
        await one(pool, tenant, count=count)
    assert await one(pool, tenant) == 1


async def test_another_waits_for_the_end_of_the_transaction(pool: Pool, tenant: TenantId) -> None:
    async with transaction(pool, tenant) as con:
        assert await take(con, tenant, "lot", "b", 2) == 1
        second = asyncio.create_task(one(pool, tenant))
        await asyncio.sleep(0.2)
        assert not second.done()
    assert await second == 3


async def test_many_at_once_leave_no_gap_whatever_fails(pool: Pool, place: Place, tenant: TenantId) -> None:
    async def some(con: Connection, turn: int) -> list[int]:
        count = turn % 5 + 1
        first = await take(con, tenant, "lot", "b", count)
        return list(range(first, first + count))

    kept = sorted(itertools.chain.from_iterable(await storm(place, pool, tenant, 30, some)))
    assert kept == list(range(1, len(kept) + 1))
    assert await one(pool, tenant) == len(kept) + 1


async def test_a_number_that_falls_back_is_refused(place: Place, pool: Pool, tenant: TenantId) -> None:
    await one(pool, tenant, count=3)
    async with place.app(tenant) as con:
        with pytest.raises(asyncpg.CheckViolationError):
            await con.execute("UPDATE counter SET value = -1")
