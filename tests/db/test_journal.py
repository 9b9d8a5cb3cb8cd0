# SPDX-License-Identifier: Apache-2.0
"""Events keep their order; entries form one chain, whoever posts at the same time and whatever breaks."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import asyncpg
import orjson
import pytest

from desmos_fast.base import ledger
from desmos_fast.base.ledger import Due, Entry
from desmos_fast.base.types import Cents, TenantId, uuid7
from desmos_fast.db import journal
from desmos_fast.db import pool as pools
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection, Pool
from desmos_fast.db.tenant import direct, transaction
from desmos_fast.settlement.ledger import store
from tests.db.databases import Place
from tests.db.rows import NOW
from tests.db.storm import WRITERS, storm


@pytest.fixture
async def pool(place: Place) -> AsyncIterator[Pool]:
    opened = await pools.create(place.app_dsn, WRITERS)
    yield opened
    await opened.close()


@pytest.fixture
async def tenant(place: Place) -> TenantId:
    return await place.centre()


def entries(count: int, first: int = 1) -> list[Entry]:
    """Make entries of two and three lines in turn."""
    return [
        ledger.signed(f"b/{number}", [Due("amo:01750", Cents(100 + number)), Due("amc:0099000013", Cents(number % 2))])
        for number in range(first, first + count)
    ]


async def post(pool: Pool, tenant: TenantId, made: Sequence[Entry]) -> int:
    async with transaction(pool, tenant) as con:
        return await journal.post(con, tenant, NOW, made)


async def chain(con: Connection, tenant: TenantId) -> list[Entry] | None:
    """Return the entries of the ledger, or None when the chain, its numbers or its head do not verify."""
    links = await store.links(con, tenant, -(2**63), 2**63 - 1, 10**6)
    kept = [link.entry for link in links]
    hashes = [link.hash for link in links]
    whole = ledger.chain(ledger.GENESIS, kept) == hashes and [link.seq for link in links] == list(range(1, len(links) + 1))
    return kept if whole and await store.head(con, tenant) == (len(links), (hashes or [ledger.GENESIS])[-1]) else None


async def kept(place: Place, tenant: TenantId) -> list[Entry] | None:
    async with direct(place.owner_dsn, tenant) as con:
        return await chain(con, tenant)


async def test_entries_come_back_as_they_were_posted(place: Place, pool: Pool, tenant: TenantId) -> None:
    made = entries(7)
    assert await post(pool, tenant, made[:3]) == 3
    assert await post(pool, tenant, made[3:]) == 4
    assert await kept(place, tenant) == made


async def test_a_long_run_is_chained_like_a_short_one(place: Place, pool: Pool, tenant: TenantId) -> None:
    made = entries(journal.THREAD_FROM + 1)
    await post(pool, tenant, made)
    assert await kept(place, tenant) == made


async def test_an_entry_that_moves_nothing_is_left_out(place: Place, pool: Pool, tenant: TenantId) -> None:
    nothing = ledger.signed("b/9", [Due("amo:01750", Cents(0))])
    assert await post(pool, tenant, []) == await post(pool, tenant, [nothing]) == 0
    assert await post(pool, tenant, [nothing, *entries(1), nothing]) == 1
    assert await kept(place, tenant) == entries(1)


async def test_each_centre_has_its_own_chain(place: Place, pool: Pool, tenant: TenantId) -> None:
    other = await place.centre()
    await post(pool, tenant, entries(2))
    await post(pool, other, entries(3))
    await post(pool, tenant, entries(2, 3))
    assert (await kept(place, tenant), await kept(place, other)) == (entries(4), entries(3))


async def test_many_at_once_make_one_chain_whatever_fails(place: Place, pool: Pool, tenant: TenantId) -> None:
    async def three(con: Connection, turn: int) -> list[Entry]:
        made = entries(3, 10 * turn)
        await journal.post(con, tenant, NOW, made)
        return made

    posted = await storm(place, pool, tenant, 20, three)
    found = await kept(place, tenant)
    assert found is not None
    # What one transaction posts stays together, in its order.
    together = [found[at : at + 3] for at in range(0, len(found), 3)]
    assert sorted(together, key=str) == sorted(posted, key=str)


TAMPERINGS: Final = {
    "another event": "UPDATE ledger_entry SET event = 'x' WHERE seq = $1",
    "another reference": "UPDATE ledger_entry SET ref = ref || ' ' WHERE seq = $1",
    "another hash": "UPDATE ledger_entry SET hash = sha256(hash) WHERE seq = $1",
    "an entry gone": "DELETE FROM ledger_entry WHERE seq = $1",
    "an entry moved": "UPDATE ledger_entry SET seq = -seq WHERE seq = $1",
    "another account": (
        "UPDATE ledger_line SET account = account || 'x' WHERE line = 1 AND entry_id = (SELECT id FROM ledger_entry WHERE seq = $1)"
    ),
    "a cent more": "UPDATE ledger_line SET debit = debit + 1 WHERE line = 1 AND entry_id = (SELECT id FROM ledger_entry WHERE seq = $1)",
    "the other side": "UPDATE ledger_line SET debit = credit, credit = debit WHERE entry_id = (SELECT id FROM ledger_entry WHERE seq = $1)",
    "a line gone": "DELETE FROM ledger_line WHERE line = 2 AND entry_id = (SELECT id FROM ledger_entry WHERE seq = $1)",
    "a line more": (
        "INSERT INTO ledger_line SELECT tenant_id, entry_id, 9::smallint, account, debit, credit FROM ledger_line"
        " WHERE line = 1 AND entry_id = (SELECT id FROM ledger_entry WHERE seq = $1)"
    ),
    "lines in another order": "UPDATE ledger_line SET line = 10 - line WHERE entry_id = (SELECT id FROM ledger_entry WHERE seq = $1)",
    "the head": "UPDATE counter SET hash = sha256(hash) WHERE kind = 'ledger' AND value >= $1",
    "the count": "UPDATE counter SET value = value + 1 WHERE kind = 'ledger' AND value >= $1",
}


@pytest.mark.parametrize("what", TAMPERINGS)
async def test_every_tampering_is_found_in_every_place(place: Place, pool: Pool, tenant: TenantId, what: str) -> None:
    made = entries(12)
    await post(pool, tenant, made)
    async with place.admin() as con:
        # Whoever owns the tables can go around their guard.
        await con.execute("SET session_replication_role = replica")
        # Above the policies it would meet every centre's rows: others are none of this test's.
        await con.execute("DELETE FROM ledger_line WHERE tenant_id <> $1", tenant)
        await con.execute("DELETE FROM ledger_entry WHERE tenant_id <> $1", tenant)
        await con.execute("DELETE FROM counter WHERE tenant_id <> $1", tenant)
        for seq in range(1, len(made) + 1):
            undo = con.transaction()
            await undo.start()
            done = await con.execute(TAMPERINGS[what], seq)
            assert not done.endswith(" 0")
            assert await chain(con, tenant) is None, f"{what} at entry {seq} was not seen"
            await undo.rollback()
        async with con.transaction():
            assert await chain(con, tenant) == made


async def test_the_role_that_serves_cannot_tamper(place: Place, pool: Pool, tenant: TenantId) -> None:
    await post(pool, tenant, entries(1))
    for statement in ("UPDATE ledger_entry SET ref = 'x'", "DELETE FROM ledger_entry", "UPDATE ledger_line SET debit = 1",
                      "TRUNCATE ledger_line", "UPDATE event SET name = 'x'", "DELETE FROM event"):  # fmt: skip
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with place.app(tenant) as con:
                await con.execute(statement)


async def test_events_keep_their_order_and_what_they_say(place: Place, pool: Pool, tenant: TenantId) -> None:
    subject, invoice = uuid7(), uuid7()
    made = [Event("lot.sealed", subject, detail={"number": number, "é": [1]}) for number in range(300)]
    made.append(Event("share.lotted", subject, invoice, "amo"))
    async with transaction(pool, tenant) as con:
        await journal.record(con, tenant, NOW, [], by="k")
        await journal.record(con, tenant, NOW, made, by="k")
    async with place.app(tenant) as con:
        rows = await con.fetch("SELECT name, subject, invoice_id, part, detail, happened_at, actor FROM event ORDER BY id")
    found = [Event(row[0], row[1], row[2], row[3], None if row[4] is None else orjson.loads(row[4])) for row in rows]
    assert found == made
    assert {(row["happened_at"], row["actor"]) for row in rows} == {(NOW, "k")}


def test_ids_made_together_sort_as_they_were_made() -> None:
    made = journal.ids(2000)
    assert made == sorted(made)
    assert len(set(made)) == 2000
