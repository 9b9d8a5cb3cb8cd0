# SPDX-License-Identifier: Apache-2.0
"""A job that is to come again does, also when the database is away at the very moment of saying so."""

import asyncio

import pytest
from pgqueuer.adapters.drivers.asyncpg import AsyncpgPoolDriver

from desmos_fast.db import pool as pools
from desmos_fast.db import queue
from desmos_fast.db.queue import Job, TryLater
from desmos_fast.db.tenant import direct
from tests.db.databases import Place


async def test_a_job_that_cannot_be_put_back_at_once_is_not_held(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    refused: list[str] = []
    stop = asyncio.Event()
    execute = AsyncpgPoolDriver.execute

    async def away(self: AsyncpgPoolDriver, query: str, *given: object) -> str:
        if "WITH retry AS" in query and len(refused) < 2:
            refused.append(query)
            raise ConnectionRefusedError
        return await execute(self, query, *given)

    async def work(job: Job) -> None:
        tried.append(job.tried)
        if len(tried) == 1:
            raise TryLater(0.0)
        stop.set()

    monkeypatch.setattr(AsyncpgPoolDriver, "execute", away)
    async with direct(place.app_dsn) as con:
        await queue.enqueue(con, "again", [b"{}"])
    pool = await pools.create(place.app_dsn, 8)
    try:
        async with asyncio.timeout(20):
            await queue.run(pool, {"again": work}, stop)
        assert (tried, len(refused)) == ([0, 1], 2)
        async with direct(place.app_dsn) as con:
            assert await queue.held(con) == []
    finally:
        await pool.close()
