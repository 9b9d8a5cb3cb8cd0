# SPDX-License-Identifier: Apache-2.0
"""Whoever goes around the guards is found: whatever is changed, removed, added or moved, and the first such entry is named."""

import random
from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.base import ledger
from desmos_fast.base.ledger import GENESIS, Due, Entry
from desmos_fast.base.types import Cents, TenantId
from desmos_fast.db import journal
from desmos_fast.db.pool import Connection
from desmos_fast.db.tenant import direct
from desmos_fast.settlement.ledger import rules, service, store
from desmos_fast.settlement.ledger.model import Break, Head, Link, Verified
from tests.db.databases import Place
from tests.db.rows import NOW

OWN: Final = "tenant_id = current_setting('app.tenant')::uuid"
ENTRY: Final = f"{OWN} AND seq = $1"
LINES: Final = f"{OWN} AND entry_id = (SELECT id FROM ledger_entry WHERE {ENTRY})"
# What an owner may do to entry 7 of 12, and where it is noticed first.
TAMPERINGS: Final = {
    "another event": (f"UPDATE ledger_entry SET event = 'x' WHERE {ENTRY}", 7, "changed"),
    "another reference": (f"UPDATE ledger_entry SET ref = ref || ' ' WHERE {ENTRY}", 7, "changed"),
    "another hash": (f"UPDATE ledger_entry SET hash = sha256(hash) WHERE {ENTRY}", 7, "changed"),
    "a cent more": (f"UPDATE ledger_line SET debit = debit + 1 WHERE line = 1 AND {LINES}", 7, "changed"),
    "another account": (f"UPDATE ledger_line SET account = 'perte' WHERE line = 1 AND {LINES}", 7, "changed"),
    "a line gone": (f"DELETE FROM ledger_line WHERE line = 2 AND {LINES}", 7, "changed"),
    "its lines gone": (f"DELETE FROM ledger_line WHERE {LINES}", 7, "changed"),
    "lines in another order": (f"UPDATE ledger_line SET line = 10 - line WHERE {LINES}", 7, "changed"),
    "the entry gone": (f"DELETE FROM ledger_entry WHERE {ENTRY}", 7, "missing"),
    "the entry moved to the end": (f"UPDATE ledger_entry SET seq = 13 WHERE {ENTRY}", 7, "missing"),
    "the entry moved before the first": (f"UPDATE ledger_entry SET seq = -2 WHERE {ENTRY}", -2, "misplaced"),
    "two swapped": ("; ".join(
        f"UPDATE ledger_entry SET seq = {after} WHERE {OWN} AND seq = {before}" for before, after in ((7, -1), (8, 7), (-1, 8))
    ), 7, "changed"),
    "the end cut off": (f"DELETE FROM ledger_entry WHERE {OWN} AND seq > $1", 8, "missing"),
    "the end taken back": (f"UPDATE counter SET value = $1 WHERE {OWN} AND kind = 'ledger'", 7, "other_head"),
    "the hash of the end": (f"UPDATE counter SET hash = sha256(hash) WHERE {OWN} AND kind = 'ledger' AND value > $1", 12, "other_head"),
}  # fmt: skip


def entries(count: int) -> list[Entry]:
    return [ledger.signed(f"b/{number}", [Due("amo:01750", Cents(100 + number))]) for number in range(1, count + 1)]


@pytest.fixture
async def tenant(place: Place) -> TenantId:
    return await place.centre()


async def post(place: Place, tenant: TenantId, made: Sequence[Entry]) -> None:
    async with direct(place.app_dsn, tenant) as con:
        await journal.post(con, tenant, NOW, made)


async def verified(con: Connection, tenant: TenantId, **more: object) -> Verified:
    return await service.verify(con, tenant, lambda _done, _of: None, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("block", [1, 3, 5, 10_000])
@pytest.mark.parametrize("what", TAMPERINGS)
async def test_whoever_goes_around_the_guards_is_found(
    place: Place, tenant: TenantId, monkeypatch: pytest.MonkeyPatch, what: str, block: int
) -> None:
    monkeypatch.setattr(service, "BLOCK", block)
    await post(place, tenant, entries(12))
    statement, first, why = TAMPERINGS[what]
    async with place.admin() as con:
        undo = con.transaction()
        await undo.start()
        await con.execute("SELECT set_config('app.tenant', $1, true), set_config('session_replication_role', 'replica', true)", str(tenant))
        assert (await verified(con, tenant)).holds
        assert not (await con.execute(statement, *[7] * ("$1" in statement))).endswith(" 0")
        found = await verified(con, tenant)
        await undo.rollback()
    assert (found.breaks[0].entry, found.breaks[0].why) == (first, why)
    assert not found.holds and found.broken >= len(found.breaks)


async def test_an_untouched_ledger_holds_and_tells_its_end(place: Place, tenant: TenantId) -> None:
    made = entries(25)
    async with direct(place.app_dsn, tenant) as con:
        assert await verified(con, tenant) == Verified(holds=True, entries=0, head=0, hash=GENESIS.hex(), broken=0, breaks=())
    await post(place, tenant, made)
    async with direct(place.app_dsn, tenant) as con:
        last = ledger.chain(GENESIS, made)[-1].hex()
        assert await verified(con, tenant) == Verified(holds=True, entries=25, head=25, hash=last, broken=0, breaks=())


async def test_stretches_looked_at_apart_and_in_any_order_say_what_the_whole_says(place: Place, tenant: TenantId) -> None:
    await post(place, tenant, entries(40))
    async with place.admin() as con, con.transaction():
        await con.execute("SELECT set_config('app.tenant', $1, true), set_config('session_replication_role', 'replica', true)", str(tenant))
        await con.execute(f"UPDATE ledger_entry SET ref = 'x' WHERE {OWN} AND seq IN (9, 10, 33)")
        await con.execute(f"DELETE FROM ledger_entry WHERE {OWN} AND seq = 21")
        whole = await verified(con, tenant)
        stretches = [(first, first + 7) for first in range(1, 41, 8)]
        random.Random(1).shuffle(stretches)
        parts = {first: await verified(con, tenant, first=first, last=last) for first, last in stretches}
    assert (whole.broken, whole.breaks[0]) == (4, Break(9, "changed", "invoice.signed", "x"))
    assert sum(part.broken for part in parts.values()) == whole.broken
    assert {first for first, part in parts.items() if not part.holds} == {9, 17, 33}


async def test_a_ledger_that_is_written_anew_holds_but_has_not_the_hash_that_was_noted(place: Place, tenant: TenantId) -> None:
    await post(place, tenant, entries(12))
    async with direct(place.app_dsn, tenant) as con:
        noted = await verified(con, tenant)
    anchor = Head(noted.head, bytes.fromhex(noted.hash))
    await post(place, tenant, entries(3))
    async with place.admin() as con, con.transaction():
        await con.execute("SELECT set_config('app.tenant', $1, true), set_config('session_replication_role', 'replica', true)", str(tenant))
        assert (await verified(con, tenant, anchor=anchor)).holds
        await con.execute(f"UPDATE ledger_entry SET ref = 'forged' WHERE {OWN} AND seq = 4")
        previous = GENESIS
        for seq in range(1, 16):
            [link] = await store.links(con, tenant, seq - 1, seq, 1)
            [previous] = ledger.chain(previous, [link.entry])
            await con.execute(f"UPDATE ledger_entry SET hash = $2 WHERE {ENTRY}", seq, previous)
        await con.execute(f"UPDATE counter SET hash = $1 WHERE {OWN} AND kind = 'ledger'", previous)
        assert (await verified(con, tenant)).holds
        assert (await verified(con, tenant, anchor=anchor)).breaks[0] == Break(12, "other_anchor")


def linked(count: int) -> list[Link]:
    made = entries(count)
    return [Link(seq, link, entry) for seq, (link, entry) in enumerate(zip(ledger.chain(GENESIS, made), made, strict=True), 1)]


@settings(max_examples=150, deadline=None)
@given(st.integers(2, 30), st.data())
def test_any_one_entry_changed_removed_or_swapped_is_the_first_that_is_named(count: int, data: st.DataObject) -> None:
    links = linked(count)
    assert list(rules.breaks(links, 0, GENESIS)) == []
    place = data.draw(st.integers(0, count - 2))
    way = data.draw(st.sampled_from(["changed", "removed", "swapped"]))
    if way == "changed":
        links[place] = links[place]._replace(entry=Entry("x", "y", links[place].entry.lines))
    elif way == "removed":
        del links[place]
    else:
        one, other = links[place], links[place + 1]
        links[place], links[place + 1] = other._replace(seq=one.seq), one._replace(seq=other.seq)
    found = list(rules.breaks(links, 0, GENESIS))
    assert (found[0].entry, found[0].why) == (place + 1, "missing" if way == "removed" else "changed")


def test_an_entry_that_was_chained_unbalanced_is_named() -> None:
    unsound = Entry("x", "y", entries(1)[0].lines[:1])
    links = [Link(1, ledger.chain(GENESIS, [unsound])[0], unsound)]
    assert list(rules.breaks(links, 0, GENESIS)) == [Break(1, "unbalanced", "x", "y")]
