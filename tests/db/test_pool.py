# SPDX-License-Identifier: Apache-2.0
"""A connection comes back as it was lent, without an exchange with the database for it: nothing of ours outlives its transaction."""

import asyncio
import re
from pathlib import Path

import pytest

from desmos_fast.base.types import uuid7
from desmos_fast.db.pool import Pool
from desmos_fast.db.tenant import direct, transaction
from tests.db.databases import Place

ROOT = Path(__file__).parents[2]
# What would be left with a connection of a pool. `true` as the last word of a setting ends it with the transaction.
STAYS = re.compile(
    r"pg_(try_)?advisory_lock\(|\bSET SESSION\b|\"SET (?!LOCAL|TRANSACTION|CONSTRAINTS)"
    r"|set_config\((?![^)]*, true\))|\bWITH HOLD\b|\bPREPARE \w"
)
# Each of these has a connection of its own, which ends with what it left.
ALONE = {"desmos_fast/db/leader.py", "desmos_fast/db/migrate.py", "desmos_fast/settlement/rotation/store.py"}
LAST = "SELECT query FROM pg_stat_activity WHERE pid = $1"


def test_nothing_outlives_its_transaction() -> None:
    sources = [path for package in ("desmos_fast", "api", "monitoring", "readers") for path in (ROOT / package).rglob("*.py")]
    found = {str(path.relative_to(ROOT)) for path in sources if STAYS.search(path.read_text(encoding="utf-8"))}
    assert len(sources) > 300
    assert found == ALONE
    for path in ALONE:
        assert "asyncpg.connect(" in (ROOT / path).read_text(encoding="utf-8")


async def test_the_database_is_asked_nothing_more(pool: Pool, place: Place) -> None:
    async with transaction(pool, uuid7()) as con:
        backend = await con.fetchval("SELECT pg_backend_pid()")
    async with direct(place.admin_dsn) as watching:
        assert await watching.fetchval(LAST, backend) == "COMMIT;"


async def test_the_next_one_sees_no_tenant(pool: Pool) -> None:
    tenant = uuid7()
    async with transaction(pool, tenant) as con:
        backend = await con.fetchval("SELECT pg_backend_pid()")
        assert await con.fetchval("SELECT current_setting('app.tenant', true)") == str(tenant)
    async with pool.acquire() as con:
        assert await con.fetchval("SELECT pg_backend_pid()") == backend
        assert await con.fetchval("SELECT current_setting('app.tenant', true)") in (None, "")


@pytest.mark.parametrize("way", ["left", "cancelled"])
async def test_what_was_left_open_is_taken_back(pool: Pool, way: str, place: Place) -> None:
    one = await pool.acquire()
    await one.execute("BEGIN; SELECT pg_advisory_xact_lock(77)")
    if way == "cancelled":
        asking = asyncio.create_task(one.execute("SELECT pg_sleep(60)"))
        await asyncio.sleep(0.05)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    await pool.release(one)
    async with direct(place.admin_dsn) as watching:
        assert await watching.fetchval("SELECT pg_try_advisory_xact_lock(77)")
