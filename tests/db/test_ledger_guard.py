# SPDX-License-Identifier: Apache-2.0
"""The ledger guards itself, whoever writes: what does not balance does not commit, and what is committed never changes."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg
import pytest

from desmos_fast.base import ledger
from desmos_fast.base.ledger import Due
from desmos_fast.base.types import Cents, TenantId, uuid7
from desmos_fast.db import journal
from desmos_fast.db.kernel import Kind
from desmos_fast.db.leaf import Column, copy_in
from desmos_fast.db.pool import Connection
from desmos_fast.db.tenant import direct
from tests.db.databases import Place
from tests.db.rows import NOW, insert

HASH: Final = bytes(range(32))
TABLES: Final = tuple(f"{parent}{leaf}" for parent in ("ledger_entry", "ledger_line") for leaf in ("", *(f"_{n}" for n in range(8))))


@pytest.fixture
async def tenant(place: Place) -> TenantId:
    return await place.centre()


@pytest.fixture(params=["owner", "app"])
def dsn(request: pytest.FixtureRequest, place: Place) -> str:
    return place.owner_dsn if request.param == "owner" else place.app_dsn


async def post(place: Place, tenant: TenantId, count: int = 1) -> None:
    made = [ledger.signed(f"b/{number}", [Due("amo:01750", Cents(100 + number))]) for number in range(count)]
    async with direct(place.app_dsn, tenant) as con:
        await journal.post(con, tenant, NOW, made)


async def entry(con: Connection, tenant: TenantId, seq: int, *sides: tuple[int, int]) -> UUID:
    """Add one entry and its lines, each by a statement of its own."""
    await con.execute(journal.HEAD, tenant, ledger.GENESIS)
    name: UUID = await insert(con, "ledger_entry", tenant_id=tenant, seq=seq)
    for number, (debit, credit) in enumerate(sides, 1):
        await insert(con, "ledger_line", tenant_id=tenant, entry_id=name, line=number, debit=debit, credit=credit)
    return name


async def refused(dsn: str, tenant: TenantId, last: int, said: str, *sides: tuple[int, int], seq: int = 1) -> None:
    """Expect the end of a transaction that adds one entry, and no statement of it, to be refused."""
    con: Connection = await asyncpg.connect(dsn)
    try:
        undo = con.transaction()
        await undo.start()
        await con.execute("SELECT set_config('app.tenant', $1, true)", str(tenant))
        await entry(con, tenant, seq, *sides)
        await con.execute(journal.ADVANCE, tenant, last, HASH)
        with pytest.raises(asyncpg.CheckViolationError, match=said):
            await undo.commit()
    finally:
        await con.close()


async def test_what_balances_commits_line_by_line_too(place: Place, dsn: str, tenant: TenantId) -> None:
    async with direct(dsn, tenant) as con:
        await entry(con, tenant, 1, (3000, 0), (0, 2100), (0, 900))
        await con.execute(journal.ADVANCE, tenant, 1, HASH)
    async with direct(dsn, tenant) as con:
        assert await con.fetchval("SELECT count(*) FROM ledger_line") == 3


async def test_what_does_not_balance_does_not_commit(dsn: str, tenant: TenantId) -> None:
    await refused(dsn, tenant, 1, "entry 1 has no lines, or they do not sum to zero", (3000, 0), (0, 2999))


async def test_an_entry_without_lines_does_not_commit(dsn: str, tenant: TenantId) -> None:
    await refused(dsn, tenant, 1, "entry 1 has no lines, or they do not sum to zero")


async def test_an_entry_beyond_the_end_does_not_commit(dsn: str, tenant: TenantId) -> None:
    await refused(dsn, tenant, 0, "an entry stands beyond the end", (1, 0), (0, 1))


async def test_a_number_left_out_does_not_commit(dsn: str, tenant: TenantId) -> None:
    await refused(dsn, tenant, 2, "the ledger ends at entry 2, but 1 entries came after entry 0", (1, 0), (0, 1), seq=2)


async def test_a_wrong_entry_among_many_is_named(place: Place, tenant: TenantId) -> None:
    sound = [ledger.signed(f"b/{number}", [Due("amo:01750", Cents(100))]) for number in range(300)]
    sound[200] = sound[200].__class__("x", "y", (*sound[200].lines, sound[200].lines[0]))
    await post(place, tenant, 5)
    with pytest.raises(asyncpg.CheckViolationError, match="entry 206 "):
        async with direct(place.app_dsn, tenant) as con:
            await journal.post(con, tenant, NOW, sound)


@pytest.mark.parametrize("seq", [0, 1, 3, -7])
async def test_nothing_is_added_but_at_the_end(place: Place, dsn: str, tenant: TenantId, seq: int) -> None:
    await post(place, tenant, 3)
    with pytest.raises((asyncpg.CheckViolationError, asyncpg.UniqueViolationError)):
        async with direct(dsn, tenant) as con:
            await insert(con, "ledger_entry", tenant_id=tenant, seq=seq)


async def test_a_closed_entry_takes_no_more_lines_even_balanced_ones(place: Place, dsn: str, tenant: TenantId) -> None:
    await post(place, tenant, 3)
    async with direct(dsn, tenant) as con:
        names: Sequence[UUID] = [row["id"] for row in await con.fetch("SELECT id FROM ledger_entry")]
    for name in names:
        with pytest.raises(asyncpg.CheckViolationError, match="closed"):
            async with direct(dsn, tenant) as con:
                await con.execute(
                    "INSERT INTO ledger_line VALUES ($1, $2, 8, 'produit', 5, 0), ($1, $2, 9, 'perte', 0, 5)", tenant, name
                )  # fmt: skip


async def test_a_leaf_lets_no_more_past_than_the_table(place: Place, tenant: TenantId) -> None:
    """Rows may enter a leaf by COPY, where no policy looks: nobody writes into another centre's ledger that way."""
    other = await place.centre()
    await post(place, other)
    row = {
        "id": Column(Kind.UUID, [uuid7()]), "seq": Column(Kind.INT8, [2]), "event": Column(Kind.TEXT, "x"), "ref": Column(Kind.TEXT, "y"),
        "posted_at": Column(Kind.TIMESTAMPTZ, NOW), "hash": Column(Kind.BYTEA, HASH),
    }  # fmt: skip
    for whose in (tenant, other):
        with pytest.raises(asyncpg.CheckViolationError, match="at the end of the ledger"):
            async with direct(place.app_dsn, tenant) as con:
                await copy_in(con, "ledger_entry", whose, row)


@pytest.mark.parametrize("statement", ["UPDATE {} SET tenant_id = tenant_id", "DELETE FROM {}", "TRUNCATE {}"])
async def test_nothing_is_changed_or_removed_by_anyone(place: Place, tenant: TenantId, statement: str) -> None:
    await post(place, tenant)
    async with place.admin() as con:
        for table in TABLES:
            with pytest.raises((asyncpg.CheckViolationError, asyncpg.FeatureNotSupportedError)) as caught:
                await con.execute(statement.format(table) + (" CASCADE" if statement.startswith("TRUNCATE") else ""))
            assert "the ledger is never changed" in str(caught.value), table


async def test_a_ledger_begins_with_nothing(dsn: str, tenant: TenantId) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="ends at entry 2"):
        async with direct(dsn, tenant) as con:
            await insert(con, "counter", tenant_id=tenant, kind="ledger", name="", value=2)


async def test_an_entry_that_nobody_closes_does_not_commit(dsn: str, tenant: TenantId) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="beyond the end"):
        async with direct(dsn, tenant) as con:
            await entry(con, tenant, 1, (1, 0), (0, 1))


async def test_the_end_of_the_ledger_moves_with_its_entries_alone(place: Place, dsn: str, tenant: TenantId) -> None:
    await post(place, tenant, 2)
    for value, said in ((3, "ends at entry 3"), (1, "beyond the end"), (0, "beyond the end")):
        with pytest.raises(asyncpg.CheckViolationError, match=said):
            async with direct(dsn, tenant) as con:
                await con.execute(journal.ADVANCE, tenant, value, HASH)
