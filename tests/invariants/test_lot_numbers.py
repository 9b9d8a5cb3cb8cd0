# SPDX-License-Identifier: Apache-2.0
"""Which numbers a round of lots may leave out: those of lots that had no answer yet, and no other."""

import asyncio
from uuid import UUID

import pytest

from desmos_fast.base.types import TenantId
from desmos_fast.db.pool import Connection
from desmos_fast.invariants import store
from tests.db.rows import insert
from tests.invariants.conftest import Lived

BILLER = "1"
# Ids tell the order in time to the millisecond.
MOMENT_S = 0.003


async def lot(con: Connection, tenant: TenantId, file: UUID, cycle: int, number: int) -> UUID:
    made: UUID = await insert(con, "lot", tenant_id=tenant, file_id=file, biller=BILLER, cycle=cycle, number=number, state="accepted")
    return made


async def answered(con: Connection, tenant: TenantId, of: UUID, name: str = "ack.accepted") -> None:
    await asyncio.sleep(MOMENT_S)
    await insert(con, "event", tenant_id=tenant, name=name, subject=of)
    await asyncio.sleep(MOMENT_S)


@pytest.fixture
async def file(lived: Lived, breaker: Connection) -> UUID:
    """Give a file whose biller had a whole round of lots, all answered but numbers 2 and 4."""
    made: UUID = await insert(breaker, "file", tenant_id=lived.tenant, biller=BILLER)
    for number in range(1, 1000):
        one = await lot(breaker, lived.tenant, made, 1, number)
        if number not in (2, 4):
            await insert(breaker, "event", tenant_id=lived.tenant, name="ack.accepted", subject=one)
    await asyncio.sleep(MOMENT_S)
    return made


async def wrong(con: Connection, lived: Lived) -> tuple[str, ...]:
    seen = await store.run(con, "I3", "lots", lived.tenant)
    assert seen.looked > 999
    return seen.examples


async def former(con: Connection, lived: Lived, number: int) -> UUID:
    found = await con.fetchval("SELECT id FROM lot WHERE tenant_id = $1 AND biller = $2 AND number = $3", lived.tenant, BILLER, number)
    assert isinstance(found, UUID)
    return found


async def test_a_number_that_still_waited_may_be_left_out(lived: Lived, breaker: Connection, file: UUID) -> None:
    for number in (1, 3, 5):
        await lot(breaker, lived.tenant, file, 2, number)
    assert await wrong(breaker, lived) == ()
    # Answered at last: it waited all the same when the next lot was made.
    await answered(breaker, lived.tenant, await former(breaker, lived, 2))
    assert await wrong(breaker, lived) == ()


async def test_a_number_that_was_free_may_not(lived: Lived, breaker: Connection, file: UUID) -> None:
    await answered(breaker, lived.tenant, await former(breaker, lived, 2), "ack.refused")
    for number in (1, 3, 5):
        await lot(breaker, lived.tenant, file, 2, number)
    assert await wrong(breaker, lived) == ("1/2/2",)


async def test_the_first_round_leaves_none_out(lived: Lived, breaker: Connection, file: UUID) -> None:
    gone = await former(breaker, lived, 7)
    await breaker.execute("DELETE FROM lot WHERE tenant_id = $1 AND id = $2", lived.tenant, gone)
    assert await wrong(breaker, lived) == ("1/1/7",)
