# SPDX-License-Identifier: Apache-2.0
"""The database itself refuses a move of state that no life has, and lets the bulk through untouched."""

from typing import Final

import asyncpg
import pytest

from desmos_fast.billing import rules as billing
from desmos_fast.billing.rules import TERMINAL
from desmos_fast.db.tenant import direct
from desmos_fast.lots.model import FileState, LotState
from desmos_fast.lots.rules import FILE_MOVES, LOT_MOVES
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


@pytest.mark.parametrize("end", sorted(TERMINAL))
async def test_a_share_never_leaves_an_end(place: Place, end: str) -> None:
    tenant = await place.centre()
    async with direct(place.owner_dsn, tenant) as con:
        invoice = await insert(con, "invoice", tenant_id=tenant)
        await insert(con, "share", tenant_id=tenant, invoice_id=invoice, state="pending")
        await con.execute("UPDATE share SET state = $1, announced = 1", end)
        await con.execute("UPDATE share SET state = $1, announced = 2, transport = 'received'", end)
        with pytest.raises(asyncpg.CheckViolationError, match=f"share cannot leave {end}"):
            await con.execute("UPDATE share SET state = 'open'")


async def test_no_trigger_stands_in_the_way_of_bulk_rows(place: Place) -> None:
    async with place.admin() as con:
        found = await con.fetchval("""
            SELECT count(*) FROM pg_trigger AS t
             WHERE NOT t.tgisinternal AND (t.tgtype & 4 <> 0 OR t.tgqual IS NULL) AND t.tgrelid::regclass::text NOT LIKE 'pgqueuer%'
        """)
    assert found == 0, "a trigger fires on INSERT, or on every row"


def test_the_ends_are_those_of_the_rules() -> None:
    assert billing.TERMINAL == TERMINAL
