# SPDX-License-Identifier: Apache-2.0
"""A line, an order and a credit are used once: the database says so, whoever asks."""

import asyncio
from typing import Any, Final

import asyncpg
import pytest

from desmos_fast.base.types import uuid7
from desmos_fast.db.tenant import direct, transaction
from tests.api.test_decisions import credit_names, decide, share
from tests.settlement.centre import REFERENCE, Centre, credit

TABLES: Final = ("order_line", "payment_order", "bank_line")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("owner", [False, True])
async def test_nobody_takes_what_a_match_has(centre: Centre, table: str, owner: bool) -> None:
    """Around Python: neither the role that serves nor the owner of the tables."""
    await centre.invoice()
    await centre.order("o:1", centre.line(), reference=REFERENCE)
    await centre.bank(*credit(2100, REFERENCE))
    await centre.reconcile()
    house = centre.desk.house
    opened = direct(house.owner_dsn, centre.desk.tenant) if owner else transaction(house.pool, centre.desk.tenant)
    async with opened as con:
        kept = await con.fetchval(f"SELECT match_id FROM {table}")
        with pytest.raises(asyncpg.UniqueViolationError, match="has a match already"):
            async with con.transaction():
                await con.execute(f"UPDATE {table} SET match_id = $1", uuid7())
        assert await con.fetchval(f"SELECT match_id FROM {table}") == kept
        # Given free first, it may be taken by another.
        await con.execute(f"UPDATE {table} SET match_id = NULL")
        await con.execute(f"UPDATE {table} SET match_id = $1", uuid7())


async def test_two_connections_that_take_one_order_end_with_one(centre: Centre) -> None:
    await centre.order("o:1", centre.line())
    pool, tenant = centre.desk.house.pool, centre.desk.tenant
    taken = "UPDATE payment_order SET match_id = $1 WHERE match_id IS NULL OR $2"
    async with transaction(pool, tenant) as first:
        await first.execute(taken, uuid7(), False)

        async def second() -> None:
            async with transaction(pool, tenant) as con:
                await con.execute(taken, uuid7(), True)

        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.2)
        assert not waiting.done()
    with pytest.raises(asyncpg.UniqueViolationError):
        await waiting


async def test_of_people_who_decide_at_once_one_is_told_that_it_is_taken(centre: Centre) -> None:
    await centre.invoice(1)
    await centre.invoice(2)
    await centre.order("o:1", centre.line(500, 9, order=40))
    asked: dict[str, Any] = {"kind": "match", "problem": "A", "left": ["o:1#1"]}
    replies = await asyncio.gather(*(
        centre.desk.post("/v1/decisions", {**asked, "right": [share(centre, number)]}) for number in (1, 2, 1, 2)
    ))  # fmt: skip
    assert sorted(reply.status for reply in replies) == [201, 409, 409, 409]
    assert {reply.code for reply in replies if reply.status == 409} == {"already_matched"}
    assert await centre.desk.count("decision") == 1


async def test_decisions_are_numbered_without_a_gap_whatever_fails(centre: Centre) -> None:
    for number in range(1, 7):
        await centre.order(f"o:{number}", centre.line(500 + number, 9, order=40), reference=f"1111111111{number}")
    bodies = [{"kind": "split", "left": f"o:{number}#1", "amounts": [500, number]} for number in range(1, 7)]
    bodies += [{"kind": "split", "left": f"o:{number}#1", "amounts": [1, 1]} for number in range(1, 7)]
    replies = await asyncio.gather(*(centre.desk.post("/v1/decisions", body) for body in bodies))
    assert sorted(reply.json["seq"] for reply in replies if reply.status == 201) == [1, 2, 3, 4, 5, 6]
    async with centre.rows() as con:
        assert [row["seq"] for row in await con.fetch("SELECT seq FROM decision ORDER BY seq")] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("table", ["decision", "forbidden", "run"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET tenant_id = tenant_id", "DELETE FROM {}", "TRUNCATE {}"])
async def test_what_people_said_and_what_was_run_is_never_changed(centre: Centre, table: str, statement: str) -> None:
    await centre.invoice()
    await centre.order("o:1", centre.line(), reference=REFERENCE)
    await centre.bank(*credit(2100, REFERENCE))
    await centre.reconcile()
    async with centre.rows() as con:
        record = str(await con.fetchval("SELECT id FROM match WHERE problem = 'B'"))
    await decide(centre, "undo", match=record)
    assert len(await credit_names(centre)) == 1
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with centre.rows() as con:
            await con.execute(statement.format(table))
    async with direct(centre.desk.house.owner_dsn, centre.desk.tenant) as con:
        count = await con.fetchval(f"SELECT count(*) FROM {table}")
        with pytest.raises((asyncpg.CheckViolationError, asyncpg.FeatureNotSupportedError)):
            async with con.transaction():
                await con.execute(statement.format(table))
        assert count and await con.fetchval(f"SELECT count(*) FROM {table}") == count
