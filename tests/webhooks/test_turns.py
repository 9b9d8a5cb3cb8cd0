# SPDX-License-Identifier: Apache-2.0
"""A webhook with a long backlog lets those of other centres go first."""

import asyncio
from collections import Counter
from collections.abc import Mapping

import msgspec
import pytest

from desmos_fast.base.clock import system_clock
from desmos_fast.base.types import TenantId, uuid7
from desmos_fast.db import journal, queue
from desmos_fast.db import pool as pools
from desmos_fast.db.journal import WORKER, Event
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pool import Pool
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.context import Context
from desmos_fast.identity.model import Caller
from desmos_fast.webhooks import jobs, service
from desmos_fast.webhooks.jobs import Deliverer
from desmos_fast.webhooks.model import DELIVER, Message, Outcome, Subscription
from tests.db.databases import Place

MASTER = b"m" * 32
MANY = 1600
TOLD_ALONE = 60


async def subscribe(pool: Pool, tenant: TenantId, url: str) -> None:
    caller = Caller(tenant=tenant, finess="750000010", kind="test", key_id=uuid7())
    async with transaction(pool, tenant) as con:
        await service.add(
            con, Context(caller=caller, keys=Keyring(MASTER).of(tenant), now=system_clock()), Subscription(url, ("file.sent",))
        )


async def happen(pool: Pool, tenant: TenantId, count: int) -> None:
    async with transaction(pool, tenant) as con:
        await journal.record(con, tenant, system_clock(), [Event("file.sent", uuid7()) for _ in range(count)], by=WORKER)


async def test_a_long_backlog_lets_others_go_first_and_loses_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "TURN_S", 0.1)
    told: Counter[object] = Counter()
    before: list[int] = []
    stop = asyncio.Event()

    async def post(url: str, body: bytes, _signed: Mapping[str, str]) -> Outcome:
        if url == "https://other.example/":
            before.append(told.total())
        else:
            await asyncio.sleep(0.02)
            told[msgspec.json.decode(body, type=Message).id] += 1
        if before and told.total() >= MANY + TOLD_ALONE:
            stop.set()
        return Outcome(204)

    pool = await pools.create(place.app_dsn, 14)
    try:
        busy, other = await place.centre(), await place.centre()
        await subscribe(pool, busy, "https://busy.example/")
        await subscribe(pool, other, "https://other.example/")
        # All at once, and one by one, each of which is a job of its own.
        await happen(pool, busy, MANY)
        for _ in range(TOLD_ALONE):
            await happen(pool, busy, 1)
        await happen(pool, other, 1)
        async with asyncio.timeout(60):
            await queue.run(pool, {DELIVER: Deliverer(pool, Keyring(MASTER), post, system_clock)}, stop)
        assert before[0] < MANY / 2, "it waited for no more than a turn of the others"
        assert told.total() == len(told) == MANY + TOLD_ALONE, "each once"
        async with transaction(pool, busy) as con:
            assert await con.fetchval("SELECT count(*) FROM webhook_delivery WHERE state <> 'delivered'") == 0
    finally:
        await pool.close()
