# SPDX-License-Identifier: Apache-2.0
"""Looking at matches and deciding of one costs as much among millions of records as among few."""

import asyncio
from typing import Final
from uuid import UUID

import pytest

from desmos_fast.base.types import uuid7
from desmos_fast.db.pool import Connection
from desmos_fast.settlement.correcting import store as correcting
from desmos_fast.settlement.matches import store as matches
from tests.db.databases import Place
from tests.db.test_plans import Busy, busy, con, explained, indexes, scanned

__all__ = ["busy", "con"]

LAST: Final = UUID(int=2**128 - 1)

# Half of a ledger are signatures.
ENTRIES: Final = """
    WITH entry AS (
        INSERT INTO ledger_entry (tenant_id, id, seq, event, ref, posted_at, hash)
        SELECT $1, gen_random_uuid(), n, CASE WHEN n % 2 = 0 THEN 'invoice.signed' ELSE 'line.matched' END,
               'o' || n / 20 || '#' || n % 20, now(), sha256(n::text::bytea)
          FROM generate_series(1, 20000) AS n
     RETURNING id
    )
    INSERT INTO ledger_line (tenant_id, entry_id, line, account, debit, credit) SELECT $1, id, 1, 'a', 1, 0 FROM entry
"""


@pytest.fixture(scope="module")
def booked(place: Place, busy: Busy) -> None:
    """Give the centre a ledger."""

    async def post() -> None:
        async with place.admin() as con:
            await con.execute("SET session_replication_role = replica")
            await con.execute(ENTRIES, busy.tenant)
            await con.execute("ANALYZE ledger_entry, ledger_line")

    asyncio.run(post())


@pytest.mark.usefixtures("booked")
@pytest.mark.parametrize(
    ("statement", "asked", "wanted"),
    [
        (matches.ALL, (None, None, None, None, True, None, 201, None), "match_pkey"),
        (matches.ALL, (None, None, None, None, False, None, 201, None), "match_pkey"),
        (matches.CONFIRMED, ("A", "confirmed", None, None, False, LAST, 201, None), ("match_pkey", "match_confirmed_once")),
        (matches.UNDECIDED, (None, "unmatched", None, None, False, None, 201, None), "match_undecided_listed"),
        (matches.NAMED, (None, None, None, None, True, None, 201, None, [uuid7(), uuid7()]), "match_pkey"),
        (matches.OF_INVOICE, ("b", 7), "match_undecided_right"),
        (matches.OF_CREDIT, ("l7",), "match_undecided"),
        (matches.CHAIN, (uuid7(), 200), "ref_idx"),
        (correcting.RECORDS, ([uuid7()],), "match_undecided"),
        (correcting.LINE, ("o7", 3), "order_line_pkey"),
        (correcting.SHARE, ("b", 7, "amo"), "biller_number_key"),
        (correcting.PLACED, ("o7#3",), "ref_idx"),
        (correcting.RECOVERIES, (uuid7(), "amo"), "order_line_share"),
    ],
)
async def test_records_and_what_they_name_are_found_by_an_index(
    con: Connection, busy: Busy, statement: str, asked: tuple[object, ...], wanted: str | tuple[str, ...]
) -> None:
    plan = await explained(con, statement, busy.tenant, *asked)
    assert scanned(plan) == []
    assert any(name.endswith(wanted) for name in indexes(plan)), indexes(plan)
