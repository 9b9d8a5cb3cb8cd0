# SPDX-License-Identifier: Apache-2.0
"""Many centres share few connections, some of which are cancelled or killed in the middle: none ever sees another's row."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID

import pytest

from desmos_fast.base.types import TenantId, uuid7
from desmos_fast.db import journal
from desmos_fast.db import pool as pools
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection, DatabaseDown, Pool
from desmos_fast.db.tenant import SET_TENANT, transaction
from tests.db.databases import Place
from tests.db.rows import NOW

CENTRES = 50
CONNECTIONS = 4
REQUESTS = 3000
SEEN = "SELECT tenant_id, count(*) FROM event GROUP BY tenant_id"


@pytest.fixture
async def pool(place: Place) -> AsyncIterator[Pool]:
    opened = await pools.create(place.app_dsn, CONNECTIONS)
    yield opened
    await opened.close()


class Crowd:
    """Requests of many centres, and what each of them saw."""

    def __init__(self, pool: Pool, admin: Connection, centres: list[TenantId], draw: random.Random) -> None:
        self.pool = pool
        self.admin = admin
        self.centres = centres
        self.draw = draw
        self.killing = asyncio.Lock()
        self.foreign: list[tuple[UUID, UUID]] = []
        self.done = {"read": 0, "written": 0, "cancelled": 0, "killed": 0}

    async def request(self, centre: TenantId, fate: str) -> None:
        """Read, and perhaps write, as one centre; note what is another's."""
        async with transaction(self.pool, centre) as con:
            if fate == "written":
                await journal.record(con, centre, NOW, [Event("x", uuid7())], by="k")
            elif fate == "killed":
                async with self.killing:
                    await self.admin.execute("SELECT pg_terminate_backend($1, 5000)", con.get_server_pid())
            elif fate == "cancelled":
                await con.execute("SELECT pg_sleep(0.2)")
            self.foreign += [(centre, row["tenant_id"]) for row in await con.fetch(SEEN) if row["tenant_id"] != centre]
        self.done[fate] += 1

    async def stream(self, count: int) -> None:
        """Send requests one after the other, each as another centre."""
        for _ in range(count):
            (fate,) = self.draw.choices(["read", "written", "cancelled", "killed"], [80, 16, 2, 2])
            task = asyncio.create_task(self.request(self.draw.choice(self.centres), fate))
            if fate == "cancelled":
                await asyncio.sleep(self.draw.random() * 0.02)
                task.cancel()
                self.done[fate] += 1
            elif fate == "killed":
                self.done[fate] += 1
            with suppress(asyncio.CancelledError, DatabaseDown):
                await task


async def test_nobody_sees_another_whatever_is_cancelled_or_killed(place: Place, pool: Pool) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    centres = [await place.centre() for _ in range(CENTRES)]
    async with place.admin() as admin:
        crowd = Crowd(pool, admin, centres, random.Random(seed))
        await asyncio.gather(*(crowd.stream(REQUESTS // CONNECTIONS) for _ in range(CONNECTIONS)))
        assert crowd.foreign == []
        assert min(crowd.done.values()) > 10
        assert crowd.done["read"] + crowd.done["written"] > REQUESTS * 0.9
        # Each row stands under the centre that wrote it: as many as were committed.
        assert await admin.fetchval("SELECT count(*) FROM event") == crowd.done["written"]


async def test_a_connection_that_kept_a_tenant_would_be_seen(place: Place, pool: Pool) -> None:
    """The crowd finds what it looks for when a transaction is not what bounds the tenant."""
    first, second = [await place.centre() for _ in range(2)]
    async with transaction(pool, first) as con:
        await journal.record(con, first, NOW, [Event("x", uuid7())], by="k")
    async with transaction(pool, second) as con:
        await con.execute(SET_TENANT, str(first))
        assert [row["tenant_id"] for row in await con.fetch(SEEN)] == [first]
