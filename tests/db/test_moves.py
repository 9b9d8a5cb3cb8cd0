# SPDX-License-Identifier: Apache-2.0
"""The database itself refuses a move of state that no life has, and lets the bulk through untouched."""

from collections.abc import Collection, Mapping
from typing import Final

import asyncpg
import pytest

from desmos_fast.billing.rules import TERMINAL
from desmos_fast.db.tenant import direct
from desmos_fast.lots.model import FileState, LotState
from desmos_fast.lots.rules import FILE_MOVES, LOT_MOVES, TRANSPORT_MOVES
from desmos_fast.settlement.shares import share_moves
from tests.db.databases import Place
from tests.db.rows import insert

DOCUMENT: Final = ("draft", "priced", "signed", "void")
DOCUMENT_MOVES: Final = {
    "draft": {"priced", "void"}, "priced": {"draft", "signed", "void"}, "signed": {"void"}, "void": set[str](),
}  # fmt: skip


async def tried(place: Place, table: str, moves: dict[str, set[str]]) -> None:
    """Try every pair of states on a row of its own; only those of `moves` may pass."""
    tenant = await place.centre()
    wrong = []
    async with direct(place.owner_dsn, tenant) as con:
        file_id = await insert(con, "file", tenant_id=tenant)
        number = 1
        for before in moves:
            for after in moves:
                number += 1
                extra = {"file": {"sequence": number}, "lot": {"number": number, "file_id": file_id}, "invoice": {"number": number}}[table]
                row = await insert(con, table, tenant_id=tenant, state=before, **extra)
                try:
                    async with con.transaction():
                        done = await con.execute(f"UPDATE {table} SET state = $1 WHERE tenant_id = $2 AND id = $3", after, tenant, row)
                    passed = done == "UPDATE 1"
                except asyncpg.CheckViolationError as error:
                    assert f"{table} cannot go from {before} to {after}" in str(error)
                    passed = False
                if passed != (after == before or after in moves[before]):
                    wrong.append((before, after, passed))
    assert not wrong


async def test_a_lot_moves_along_its_life(place: Place) -> None:
    await tried(place, "lot", {state.value: {after.value for after in LOT_MOVES[state]} for state in LotState})


async def test_a_file_moves_along_its_life(place: Place) -> None:
    await tried(place, "file", {state.value: {after.value for after in FILE_MOVES[state]} for state in FileState})


async def test_a_document_moves_along_its_life(place: Place) -> None:
    await tried(place, "invoice", DOCUMENT_MOVES)


SHARE_MOVES: Final = share_moves()


async def tried_share(place: Place, column: str, states: Collection[str], moves: Mapping[str, Collection[str]]) -> None:
    """Try every pair of states in a column of a share, each in a savepoint of its own; only those of `moves` may pass."""
    tenant = await place.centre()
    wrong = []
    async with direct(place.owner_dsn, tenant) as con:
        for number, before in enumerate(states, 2):
            invoice = await insert(con, "invoice", tenant_id=tenant, number=number)
            await insert(con, "share", tenant_id=tenant, invoice_id=invoice, **{column: before})
            for after in states:
                undo = con.transaction()
                await undo.start()
                try:
                    await con.execute(f"UPDATE share SET {column} = $1, announced = 1 WHERE invoice_id = $2", after, invoice)
                    passed = True
                except asyncpg.CheckViolationError as error:
                    assert f"cannot go from {before} to {after}" in str(error)
                    passed = False
                await undo.rollback()
                if passed != (after == before or after in moves.get(before, ())):
                    wrong.append((before, after, passed))
    assert not wrong


async def test_the_transport_of_a_share_moves_along_its_life(place: Place) -> None:
    await tried_share(place, "transport", [*TRANSPORT_MOVES, "due", "not_due", "settled", "void"], TRANSPORT_MOVES)


async def test_the_state_of_a_share_moves_along_its_life(place: Place) -> None:
    assert SHARE_MOVES.keys() >= TERMINAL
    await tried_share(place, "state", SHARE_MOVES, SHARE_MOVES)


async def test_a_table_of_moves_says_what_the_rules_say(place: Place) -> None:
    async with place.admin() as con:
        rows = await con.fetch("SELECT thing, before, after FROM state_move")
    kept: dict[str, set[tuple[str, str]]] = {}
    for thing, before, after in rows:
        kept.setdefault(thing, set()).add((before, after))
    transport = {(before, after) for before, targets in TRANSPORT_MOVES.items() for after in targets}
    assert kept.keys() == {"invoice", "lot", "file", "transport", "share"}
    assert kept["transport"] == transport
    assert kept["share"] == {(before, after) for before, targets in SHARE_MOVES.items() for after in targets} - transport
    assert kept["lot"] == {(before.value, after.value) for before, targets in LOT_MOVES.items() for after in targets}
    assert kept["file"] == {(before.value, after.value) for before, targets in FILE_MOVES.items() for after in targets}
    assert kept["invoice"] == {(before, after) for before, targets in DOCUMENT_MOVES.items() for after in targets}


@pytest.mark.parametrize("table", ["event", *(f"event_{leaf}" for leaf in range(8))])
@pytest.mark.parametrize("statement", ["UPDATE {} SET name = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
async def test_nobody_changes_what_happened(place: Place, table: str, statement: str) -> None:
    """Neither the role that serves, nor the owner of the tables, nor an administrator who is not told to leave triggers out."""
    tenant = await place.centre()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with place.app(tenant) as con:
            await con.execute(statement.format(table))
    for dsn in (place.owner_dsn, place.admin_dsn):
        async with direct(dsn, tenant) as con:
            await insert(con, "event", tenant_id=tenant, subject=tenant)
            with pytest.raises(asyncpg.CheckViolationError, match="event is never changed"):
                async with con.transaction():
                    await con.execute(statement.format(table))
            assert await con.fetchval("SELECT count(*) FROM event WHERE tenant_id = $1", tenant) >= 1


async def test_no_trigger_stands_in_the_way_of_bulk_rows(place: Place) -> None:
    async with place.admin() as con:
        found = await con.fetchval("""
            SELECT count(*) FROM pg_trigger AS t
             WHERE NOT t.tgisinternal AND t.tgtype & 1 <> 0 AND (t.tgtype & 4 <> 0 OR t.tgqual IS NULL)
               AND t.tgrelid::regclass::text NOT LIKE 'pgqueuer%'
               AND t.tgname NOT IN ('ledger_begin', 'ended', 'ahead', 'stopped_once', 'kept')
        """)
    # A counter is one row for a whole block of entries; keys, sessions, clocks, incidents and agents change one at a time.
    assert found == 0, "a trigger fires for each row that enters, or for every row"
